"""``render``, ``try`` and ``probe``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from vhostsmith.cli.options import site_options
from vhostsmith.cli.output import print_json, say

if TYPE_CHECKING:
    from vhostsmith.operations.load import Directories


def where(context: click.Context) -> Directories:
    """Return the directories that the group's options or the environment name."""
    from vhostsmith.operations.load import directories

    return directories(*context.obj, os.environ)


@click.command(epilog="Example: vhostsmith render jupyter.example.com 8889 --server nginx")
@site_options
@click.option("-o", "--output", metavar="FILE", help="Write the text to a file instead of stdout.")
@click.option("--pin-out", metavar="FILE", help="Write the pinned certificate of the backend there, and name that file.")
@click.option("--explain", is_flag=True, help="Say before each directive why it is there, and where it is documented.")
@click.option("--check", is_flag=True, help="Try the text out on a private server first; exit 1 where it fails.")
@click.option("--json", "as_json", is_flag=True, help="Print text, notes and pins as JSON.")
@click.pass_context
def render(
    context: click.Context,
    output: str | None,
    pin_out: str | None,
    *,
    explain: bool,
    check: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the virtual host for NAME that leads to BACKEND. Needs no root and changes nothing.

    BACKEND is 8889, host:8889, http://…, https://…[/base] or unix:/run/app.sock. Without any, the site
    file sites/NAME.toml is rendered.
    """
    from vhostsmith.host import Machine
    from vhostsmith.operations import render as operation

    directories = where(context)
    asked = operation.ask(options.pop("name"), options, directories, Machine())
    rendered = operation.render(asked, directories)
    say(rendered.notes)
    click.echo(rendered.text, nl=False)


@click.command("try")
def try_() -> None:
    """Try."""


@click.command()
def probe() -> None:
    """Probe."""
