"""The command line: parse, call one operation, print; errors become exit codes only here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from vhostsmith import __version__
from vhostsmith.cli.certificates import cert
from vhostsmith.cli.site import probe, render, try_
from vhostsmith.errors import VhostsmithError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: vhostsmith render jupyter.example.com 8889",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--config-dir", metavar="DIR", help="Instead of /etc/vhostsmith (VHOSTSMITH_CONFIG).")
@click.option(
    "--state-dir", metavar="DIR", help="Instead of /var/lib/vhostsmith (VHOSTSMITH_STATE)."
)
@click.pass_context
def vhostsmith(context: click.Context, config_dir: str | None, state_dir: str | None) -> None:
    """From a name and a port to an HTTPS site on your own Apache or nginx."""
    context.obj = (config_dir, state_dir)


for _command in (render, try_, probe, cert):
    vhostsmith.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing ends in a traceback."""
    try:
        return vhostsmith.main(arguments, prog_name="vhostsmith", standalone_mode=False) or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except VhostsmithError as error:
        click.echo(f"vhostsmith: {error}", err=True)
        return error.exit_code
    except Exception as error:  # the one place: a defect is said, not shown
        if isinstance(error, OSError) and error.filename is None:
            return _unprinted(error)
        if os.environ.get("VHOSTSMITH_TRACEBACK"):
            raise
        click.echo(
            f"vhostsmith: a defect of vhostsmith {__version__}: {type(error).__name__}: {error}\n"
            "  please report it with the output of VHOSTSMITH_TRACEBACK=1 and the same command",
            err=True,
        )
        return 1


def _unprinted(error: OSError) -> int:
    """Return the exit code where what we print is read by nobody any more, or a disk is full.

    A reader that has gone, as `head` does, is nothing to speak of.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        click.echo(f"vhostsmith: cannot print: {error.strerror}", err=True)
    return 1
