"""``cert``: certificates, without a site or for one."""

from __future__ import annotations

import os

import click

from vhostsmith.cli.output import print_json, say


@click.group(epilog="Example: vhostsmith cert self-signed jupyter.localhost")
def cert() -> None:
    """Make certificates."""


@cert.command(
    "self-signed",
    epilog="Example: vhostsmith cert self-signed nas.home.arpa --alias '*.nas.home.arpa'",
)
@click.argument("name")
@click.option("--alias", multiple=True, metavar="NAME", help="Another name in the certificate.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    metavar="DAYS",
    default=365,
    show_default=True,
    help="How long it is valid; Mozilla's guideline ends at 366, and Apple's devices at 825.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print format, name, names, changed, version, certificate, key, sha256, not_after.",
)
@click.pass_context
def self_signed(
    context: click.Context, /, *, name: str, alias: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make a self-signed certificate for NAME, where its virtual host looks for it.

    NAME is a DNS name, *.NAME, an IP address, or _ for the catch-all. A self-signed one that is
    there for the same names, with more than 30 days left, is kept. Any other is never replaced.
    """
    from datetime import UTC, datetime

    from vhostsmith.operations import cert as operation
    from vhostsmith.operations.load import directories

    config, state = context.obj
    where = directories(config, state, os.environ)
    made = operation.make_self_signed(name, alias, days=days, where=where, now=datetime.now(UTC))
    say(made.notes)
    if as_json:
        print_json(operation.as_document(made))
        return
    click.echo(f"certificate  {made.certificate}")
    click.echo(f"key          {made.key}")
    click.echo(f"SHA-256      {made.sha256}")
    click.echo(f"not after    {operation.show_time(made.not_after)}")
