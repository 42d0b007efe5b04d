"""The same desks, servers and backends as for trials."""

from __future__ import annotations

from trial.conftest import (
    backends,
    copy,
    desk,
    either,
    embedded_facts,
    installed,
    machine_facts,
    nobody,
    server,
    wheel,
)

__all__ = [
    "backends",
    "copy",
    "desk",
    "either",
    "embedded_facts",
    "installed",
    "machine_facts",
    "nobody",
    "server",
    "wheel",
]
