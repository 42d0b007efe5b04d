"""A backend to try a site with: a page that shows what works through the front door."""

from __future__ import annotations

from vhostsmith.demo.server import Demo, start_demo

__all__ = ["Demo", "start_demo"]
