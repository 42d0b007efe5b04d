"""What users get, word by word: each ``NAME.case`` is command lines and all that they print.

A case begins with a line of comment. Its parts follow under rules of ten hyphens: ``site NAME``
and ``template NAME`` (files in the configuration directory), ``facts`` (JSON, or the name of a file
in ``facts/``), ``command``, and what that prints: ``expected`` (stdout), ``file NAME`` (what it
writes), ``notes`` (stderr) and ``exit`` (its code, where it is not 0). Files and facts hold for all
commands below them.

``pytest --update-golden`` rewrites the cases, and fails once more so that nobody forgets to look.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from vhostsmith.cli import run
from vhostsmith.cli.site import render

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*.case"))
RULE = "-" * 10


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_output_is_the_golden_one(
    case: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "written").mkdir()
    monkeypatch.chdir(tmp_path / "written")
    monkeypatch.setenv("VHOSTSMITH_TRACEBACK", "1")
    text = case.read_text("utf-8")
    played = play(text, tmp_path, capsys)
    if played != text and request.config.getoption("--update-golden"):
        case.write_text(played, "utf-8")
        pytest.fail(f"{case.name} was rewritten: read its difference")
    assert played.splitlines() == text.splitlines()


@pytest.mark.parametrize("option", [o for o in render.params if isinstance(o, click.Option)])
def test_every_option_of_render_is_in_a_case(option: click.Option) -> None:
    given = {"--facts"}  # comes with the part of that name
    for case in CASES:
        for head, body in parts_of(case.read_text("utf-8"))[1]:
            given |= set(shlex.split(body)) if head == "command" else set()
    assert given & {*option.opts, *option.secondary_opts}


def parts_of(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a case's comment, and its parts with what stands on their rules."""
    title, *parts = re.split(rf"^{RULE} (.*)\n", text, flags=re.MULTILINE)
    return title, list(zip(parts[::2], parts[1::2], strict=True))


def play(text: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the case with what its commands print now."""
    title, parts = parts_of(text)
    played, facts = [title], ""
    for head, body in parts:
        kind, _, name = head.partition(" ")
        if kind not in {"site", "template", "facts", "command"}:
            continue
        played.append(f"{RULE} {head}\n{body}")
        if kind == "command":
            played += _printed(f"{body} {facts}", directory, capsys)
        elif kind == "facts":
            is_name = re.fullmatch(r"[\w.-]+\n", body)
            content = (HERE / f"facts/{body.strip()}.json").read_text() if is_name else body
            (directory / "facts.json").write_text(content, "utf-8")
            facts = f"--facts {directory}/facts.json"
        else:
            file = {"site": f"sites/{name}.toml", "template": f"templates/{name}"}[kind]
            (directory / "config" / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / "config" / file).write_text(body, "utf-8")
    return "".join(played)


def _printed(command: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a command line and return the parts of a case that hold what came of it."""
    places = f"--config-dir {directory}/config --state-dir {directory}/state"
    code = run(shlex.split(f"{places} {command}"))
    said = capsys.readouterr()
    written = sorted((directory / "written").iterdir())
    files = [(f"file {path.name}", path.read_text("utf-8")) for path in written]
    for path in written:
        path.unlink()
    parts = [
        ("expected", said.out),
        *files,
        ("notes", said.err),
        ("exit", f"{code}\n" * bool(code)),
    ]
    return [f"{RULE} {head}\n{_anywhere(body, directory)}" for head, body in parts if body]


def _anywhere(text: str, directory: Path) -> str:
    """Return the text as it reads on a machine with the usual directories."""
    for own, usual in (("config", "/etc/vhostsmith"), ("state", "/var/lib/vhostsmith")):
        text = text.replace(f"{directory}/{own}", usual)
    return text.replace(f"{directory}/written/", "").replace(f"{directory}/", "")
