"""The reference of the command line: written from the commands, and about all of them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from vhostsmith.cli import vhostsmith

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def commands(
    group: click.Group, path: tuple[str, ...] = ("vhostsmith",)
) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(path), group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


ALL = dict(commands(vhostsmith))
EACH = pytest.mark.parametrize("name", ALL)


def test_the_page_is_what_the_commands_say_now() -> None:
    check = subprocess.run((sys.executable, str(REFERENCE / "make_cli.py"), "--check"), check=False)
    assert check.returncode == 0, "run: python docs/reference/make_cli.py"


@EACH
def test_every_command_has_its_section(name: str) -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    assert page.count(f"\n## {name}\n") == 1
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden and parameter.help:
            section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
            assert re.search(rf"^\| `[^`]*{parameter.opts[-1]}[ `]", section, re.MULTILINE)


@EACH
def test_every_command_says_what_it_does_and_so_does_every_option(name: str) -> None:
    assert re.match(r"[A-Z].*\.", ALL[name].help or "")
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert re.fullmatch(r"[A-Z].*\.", parameter.help or ""), parameter.opts


@EACH
def test_every_command_has_an_example_that_it_understands(name: str) -> None:
    epilog = ALL[name].epilog or ""
    assert epilog.startswith(f"Example: {name}")
    example = epilog.removeprefix("Example: ").partition(" > ")[0]
    called = max((each for each in ALL if f"{example} ".startswith(f"{each} ")), key=len)
    assert not isinstance(ALL[called], click.Group)
    ALL[called].make_context(called, shlex.split(example.removeprefix(called)))
