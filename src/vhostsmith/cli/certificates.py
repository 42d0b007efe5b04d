"""``cert``."""

from __future__ import annotations

import click


@click.group()
def cert() -> None:
    """Certificates: make one, look at one."""
