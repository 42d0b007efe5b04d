"""Write ``cli.md`` beside this file from the commands themselves; ``--check`` only compares."""
# ruff: noqa: INP001  (a script, in no package)

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from vhostsmith.cli import vhostsmith

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# Command line

Written by `make_cli.py` from the commands themselves: `python docs/reference/make_cli.py`.

Results go to stdout, everything else to stderr. An empty value, as an unset variable of a script
leaves it, is refused and never taken for an option that was not given.

| exit code | |
|---|---|
| 0 | all done, or nothing to do |
| 1 | something that was asked for was not done, or a check failed |
| 2 | what was typed, or stands in a site file, is refused; nothing was touched |
| 75 | another run is at work: the same command works later |
| 130, or 128 + N | ended by Ctrl-C, or by the signal N |
"""


def commands(
    command: click.Command, path: tuple[str, ...] = ("vhostsmith",)
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below with all its words, a group before its own commands."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from commands(below, (*path, name))


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands(vhostsmith))])


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    paragraphs = (command.help or "").split("\n\n")
    text = "\n\n".join(_escaped(" ".join(part.split())) for part in paragraphs if part.strip())
    parts = [f"## {name}", f"    {usage}", text]
    rows = [_row(each) for each in command.params if isinstance(each, click.Option)]
    shown = [row for row in rows if row]
    if shown:
        parts.append("| option | |\n|---|---|\n" + "\n".join(shown))
    if isinstance(command, click.Group):
        below = [f"{name} {each}" for each in sorted(command.commands)]
        parts.append("\n".join(f"- [{each}](#{each.replace(' ', '-')})" for each in below))
    if command.epilog:
        parts.append(command.epilog.replace("Example: ", "Example: `", 1) + "`")
    return "\n\n".join(parts) + "\n"


def _row(option: click.Option) -> str:
    """Return an option's row; "" for one that ``--help`` does not show either."""
    if option.hidden or not option.help:
        return ""
    names = ", ".join(option.opts) + "".join(f" / {each}" for each in option.secondary_opts)
    value = option.metavar or ""
    if isinstance(option.type, click.Choice):
        value = "\\|".join(str(each) for each in option.type.choices)
    said = option.help + (f" Default: {option.default}." if option.show_default else "")
    many = " Can be given several times." if option.multiple else ""
    return f"| `{names}{f' {value}' if value else ''}` | {_escaped(said)}{many} |"


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` return 1 when it is another than before."""
    text = page()
    if arguments == ["--check"]:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != text)
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
