"""``render``, ``try`` and ``probe``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from vhostsmith.cli.options import site_options
from vhostsmith.cli.output import print_json, say

if TYPE_CHECKING:
    from vhostsmith.operations.load import Directories
    from vhostsmith.operations.try_ import Trial


@click.command(epilog="Example: vhostsmith render jupyter.example.com 8889 --server nginx")
@site_options
@click.option("-o", "--output", metavar="FILE", help="Write the text to a file instead of stdout.")
@click.option(
    "--pin-out",
    metavar="FILE",
    help="Write the backend's pinned certificate there, and name that file.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Say before each directive why it is there, and where it is documented.",
)
@click.option(
    "--check", is_flag=True, help="Try the text on a private server first; exit 1 where it fails."
)
@click.option("--json", "as_json", is_flag=True, help="Print text, notes and pins as JSON.")
@click.pass_context
def render(
    context: click.Context,
    /,
    output: str | None,
    pin_out: str | None,
    *,
    explain: bool,
    check: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the virtual host for NAME that leads to BACKEND. Needs no root and changes nothing.

    BACKEND is 8889, host:8889, http://…, https://…[/base] or unix:/run/app.sock. Without any, the
    site file sites/NAME.toml is rendered.
    """
    from vhostsmith.operations import render as operation

    directories = _directories(context)
    asked = operation.ask(options.pop("name"), options, directories, choose=operation.choose_facts)
    rendered = operation.render(asked, directories, pin_out=pin_out, explain=explain)
    say(rendered.notes)
    if check:
        shown_as = output or os.path.basename(rendered.file)
        say(operation.check(rendered, directories, shown_as=shown_as))
    operation.write(rendered, output, pin_out)
    if as_json:
        print_json(operation.as_document(rendered))
    elif output is None:
        # The bytes that -o writes, whatever the locale.
        click.echo(rendered.text.encode(), nl=False)


@click.command("try", epilog="Example: vhostsmith try jupyter.localhost 8889")
@site_options
@click.option(
    "--demo",
    is_flag=True,
    help="Bring a demo page as the backend: it shows a WebSocket and an event stream.",
)
@click.option("--once", is_flag=True, help="End after verifying; exit 1 when something failed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
@click.pass_context
def try_(
    context: click.Context, /, *, demo: bool, once: bool, as_json: bool, **options: Any
) -> None:
    """Run the site for NAME on a private server, until Ctrl-C; touch nothing.

    The server has high loopback ports, and an account without rights where root runs this.
    """
    from vhostsmith.operations.try_ import try_site

    def show(trial: Trial) -> None:
        say(trial.notes)
        _show_trial(trial, as_json=as_json, once=once)

    passed = try_site(
        options.pop("name"),
        options,
        _directories(context),
        demo=demo,
        once=once,
        show=show,
        follow=lambda line: click.echo(line, err=True),
    )
    if not passed:
        context.exit(1)


@click.command(epilog="Example: vhostsmith probe > facts.json")
@click.option(
    "--json", "as_json", is_flag=True, help="What it prints anyway; accepted as everywhere."
)
def probe(*, as_json: bool) -> None:
    """Print the facts of this machine's web servers as JSON, for `render --facts FILE`."""
    del as_json
    from vhostsmith.operations.probe import probe_as_json

    click.echo(probe_as_json())


def _directories(context: click.Context) -> Directories:
    from vhostsmith.operations.load import directories

    config, state = context.obj
    return directories(config, state, os.environ)


def _show_trial(trial: Trial, *, as_json: bool, once: bool) -> None:
    if as_json:
        checks = [
            {"name": c.name, "outcome": c.outcome, "detail": c.detail, "remedy": c.remedy}
            for c in trial.checks
        ]
        print_json(
            {
                "format": 1,
                "url": trial.url,
                "server": trial.server,
                "certificate_sha256": trial.fingerprint,
                "checks": checks,
            }
        )
        return
    click.echo(f"{trial.url}  ({trial.server})")
    click.echo(f"certificate  SHA-256 {trial.fingerprint} (self-signed, for this trial only)")
    signs = {"pass": "ok", "warn": "!!", "fail": "FAILED"}
    for check in trial.checks:
        click.echo(f"{check.name:<12} {signs[check.outcome]:<6} {check.detail}")
        if check.remedy and check.outcome != "pass":
            click.echo(f"{'':<19} {check.remedy}")
    if not once:
        click.echo("Ctrl-C ends it. Its error log follows.", err=True)
