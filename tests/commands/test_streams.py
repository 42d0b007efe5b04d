"""Results go to stdout, all else to stderr; exit codes; help; and readers who leave."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from trial.desk import Desk
from vhostsmith import __version__
from vhostsmith.cli import vhostsmith

SITE = ("render", "a.example.com", "http://127.0.0.1:1")


def commands(
    group: click.Group = vhostsmith, words: tuple[str, ...] = ()
) -> Mapping[tuple[str, ...], click.Command]:
    """Return every command by the words that name it."""
    found: dict[tuple[str, ...], click.Command] = {words: group}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*words, name))
        else:
            found[*words, name] = command
    return found


COMMANDS = commands()


def test_the_text_is_on_stdout_and_the_notes_are_on_stderr(desk: Desk) -> None:
    for kind, line in {"apache": "<VirtualHost *:443>", "nginx": "server {"}.items():
        done = desk.run(*SITE, "--server", kind)
        assert done.returncode == 0
        assert line in done.stdout.splitlines()
        assert "note:" not in done.stdout
        for said in done.stderr.splitlines():
            assert said.startswith("note: "), said
        assert f"{desk.state}/live/a.example.com/fullchain.pem is not there yet" in done.stderr


def test_the_same_wish_gives_the_same_bytes(desk: Desk) -> None:
    first, second = desk.run(*SITE), desk.run(*SITE)
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)


def test_json_has_the_text_and_the_notes(desk: Desk) -> None:
    plain, done = desk.run(*SITE), desk.run(*SITE, "--json")
    document = json.loads(done.stdout)
    assert set(document) == {"format", "server", "file", "text", "notes", "pins"}
    assert (document["format"], document["text"]) == (1, plain.stdout)
    assert [f"note: {note}" for note in document["notes"]] == done.stderr.splitlines()


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["text", "json"])
def test_the_bytes_do_not_depend_on_the_locale(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk.write("config/sites/a.test.toml", 'format = 1\ndocroot = { path = "/srv/ü中" }\n')
    site = ("render", "a.test", *arguments)
    usual = desk.run(*site)
    assert "/srv/ü中" in usual.stdout
    for locale in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}):
        done = subprocess.run(
            (*desk.program, *site),
            capture_output=True,
            env={**desk.environment, "PYTHONCOERCECLOCALE": "0", **locale},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode() == usual.stdout


def test_a_refusal_says_so_on_stderr_with_code_2(desk: Desk) -> None:
    for arguments in (
        ("render",),
        ("render", "a b", "8889"),
        ("render", "a.example.com", "ftp://x"),
        ("render", "--nope"),
        ("render", "a.example.com", "1", "2"),
        ("render", "a.example.com", "http://127.0.0.1:1", "--server", "iis"),
        ("nope",),
        ("--nope",),
        ("cert", "nope"),
        ("try", "--nope"),
        ("probe", "--nope"),
        (*SITE, "--server-version", "x"),
    ):
        done = desk.run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert re.match(r"vhostsmith: |Usage: ", done.stderr), arguments
        assert "Traceback" not in done.stderr


def test_without_a_command_there_is_help(desk: Desk) -> None:
    done = desk.run()
    assert done.returncode in {0, 2}
    assert "Usage: vhostsmith " in done.stdout + done.stderr


def test_bytes_that_are_no_text_are_refused(desk: Desk) -> None:
    for arguments in (
        ("render", b"a\xff.example.com", "http://127.0.0.1:1"),
        ("render", "a.example.com", b"unix:/run/\xff"),
        ("render", "a.example.com", "--docroot", b"/srv/\xff"),
        (*SITE, "--facts", b"/\xff"),
        (*SITE, "--basic-auth", b"/\xff"),
        (*SITE, "--cert", b"/\xff", "--key", "/k"),
        (b"\xff",),
    ):
        done = subprocess.run(
            (*desk.program, *arguments), capture_output=True, env=desk.environment, check=False
        )
        assert (done.returncode, done.stdout) == (2, b""), (arguments, done.stderr)
        assert b"Traceback" not in done.stderr


# Readers who leave


def test_a_reader_of_one_line_is_served_without_complaint(desk: Desk) -> None:
    script = '"$@" | head -1'
    done = desk.run(*SITE, "--server", "nginx", "--explain", under=("sh", "-c", script, "sh"))
    assert done.stdout.count("\n") == 1
    assert done.stderr == desk.run(*SITE, "--server", "nginx").stderr


@pytest.mark.parametrize(
    "arguments", [(*SITE, "--explain"), (*SITE, "--json"), ("probe",), ("--help",), ("--version",)]
)
def test_a_reader_who_is_gone_is_no_complaint(desk: Desk, arguments: tuple[str, ...]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    process = desk.start(*arguments, stdout=writes)
    os.close(writes)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    for line in said.decode().splitlines():
        assert line.startswith("note: "), said


@pytest.mark.parametrize("arguments", [SITE, ("probe",), ("render", "a b", "1"), ("--help",)])
def test_a_full_device_is_said(desk: Desk, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        process = desk.start(*arguments, stdout=full)
        _, said = process.communicate(timeout=30)
    if arguments[:2] == ("render", "a b"):
        assert process.returncode == 2
    else:
        assert process.returncode == 1
        assert "vhostsmith: cannot print: No space left on device" in said.decode()
    assert b"Traceback" not in said
    assert b"a defect of" not in said


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_defect(desk: Desk, closed: str) -> None:
    done = desk.run(*SITE, under=("sh", "-c", f'"$@" {closed}', "sh"))
    assert done.returncode == 0
    assert "a defect of" not in done.stderr
    assert "Traceback" not in done.stderr


# Help


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.run(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" ".join(("Usage: vhostsmith", *words)))
    assert desk.run(*words, "-h").stdout == done.stdout
    if not isinstance(COMMANDS[words], click.Group) or words in {(), ("cert",)}:
        assert "Example: vhostsmith " in done.stdout
    for parameter in COMMANDS[words].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name


def test_examples_in_the_help_are_commands_that_are_accepted(desk: Desk) -> None:
    for words, command in COMMANDS.items():
        example = str(command.epilog).removeprefix("Example: vhostsmith ").split()
        if words == ("try",):
            continue  # it would run until somebody ends it
        typed = (
            f"cd {shlex.quote(str(desk.directory))}; {shlex.join(desk.program)} {' '.join(example)}"
        )
        done = subprocess.run(
            ("sh", "-c", typed),
            capture_output=True,
            text=True,
            env=desk.environment,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)


def test_the_version_is_the_packages(desk: Desk) -> None:
    done = desk.run("--version")
    assert (done.returncode, done.stdout) == (0, f"vhostsmith {__version__}\n")


@pytest.mark.needs("bash")
def test_bash_can_complete_words(desk: Desk) -> None:
    completing = {**desk.environment, "_VHOSTSMITH_COMPLETE": "bash_source"}
    source = subprocess.run(
        desk.program, capture_output=True, text=True, env=completing, check=False
    )
    assert source.returncode == 0
    program = desk.write(
        "bin/vhostsmith", f'#!/bin/sh\nexec {shlex.join(desk.program)} "$@"\n', 0o755
    )
    script = f"""
        PATH={Path(program).parent}:$PATH
        {source.stdout}
        COMP_WORDS=($1) COMP_CWORD=$2
        _vhostsmith_completion vhostsmith
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    for typed, number, expected in (
        ("vhostsmith re", 1, {"render"}),
        ("vhostsmith cert self", 2, {"self-signed"}),
        ("vhostsmith render a.test 1 --server ng", 5, {"nginx"}),
        ("vhostsmith try --dem", 2, {"--demo"}),
    ):
        done = subprocess.run(
            ("bash", "-c", script, "bash", typed, str(number)),
            capture_output=True,
            text=True,
            env=desk.environment,
            check=False,
        )
        assert expected <= set(done.stdout.split()), (typed, done.stdout, done.stderr)


@pytest.mark.parametrize("shell", ["zsh_source", "fish_source"])
def test_other_shells_get_their_script(desk: Desk, shell: str) -> None:
    done = subprocess.run(
        desk.program,
        capture_output=True,
        text=True,
        env={**desk.environment, "_VHOSTSMITH_COMPLETE": shell},
        check=False,
    )
    assert done.returncode == 0
    assert "vhostsmith" in done.stdout
