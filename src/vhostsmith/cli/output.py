"""What all commands share of printing: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click


def say(lines: Iterable[str]) -> None:
    """Print notes on stderr, one each."""
    for line in lines:
        click.echo(f"note: {line}", err=True)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result as JSON on stdout."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False).encode())
