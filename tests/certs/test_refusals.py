"""What ``cert self-signed`` refuses before it has touched anything."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from certs.snapshot import Vhostsmith


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a b"], "NAME: 'a b': the character ' '"),
        ([""], "NAME: the name is empty"),
        (["a.test", "--alias", "b_c.test"], "--alias: 'b_c.test': the label 'b_c'"),
        (["a.test", "--alias", "A.test"], "--alias: the name a.test stands twice"),
        (["_", "--alias", "a.test"], "--alias: the catch-all has no aliases"),
        (["a.test", "--alias", "_"], "--alias: the catch-all has no aliases"),
        (["a.test", "--days", "0"], "'--days'"),
        (["a.test", "--days", "3651"], "'--days'"),
        (["a.test", "--days", "many"], "'--days'"),
        (["a.test", "b.test"], "unexpected extra argument"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_what_was_mistyped_is_shown_and_nothing_is_touched(
    self_signed: Vhostsmith, state: Path, arguments: list[str], said: str
) -> None:
    refused = self_signed(*arguments)
    assert refused.code == 2
    assert said in refused.err
    assert refused.out == ""
    assert not state.exists()


def test_a_long_life_is_given_with_a_warning(self_signed: Vhostsmith) -> None:
    assert (
        "Apple's devices accept no more than 825 days" in self_signed("a.test", "--days", "826").err
    )
    assert self_signed("b.test", "--days", "825").err == ""


@pytest.fixture
def closed() -> Iterator[Path]:
    """Yield a directory that everybody may read and nobody write."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o555)
        yield Path(made)
        Path(made).chmod(0o755)


def test_a_directory_that_cannot_be_written_is_named_with_the_way_out(closed: Path) -> None:
    # Root can write everywhere, so it becomes nobody first, when all is imported.
    script = (
        "import os, sys, tempfile\n"
        "from vhostsmith.cli import run\n"
        "with tempfile.TemporaryDirectory() as other:\n"
        "    assert run(['--state-dir', other, 'cert', 'self-signed', 'a.test']) == 0\n"
        "if os.geteuid() == 0:\n"
        "    os.chdir(sys.argv[1])\n"
        "    os.setgroups([]), os.setgid(65534), os.setuid(65534)\n"
        "os.environ['VHOSTSMITH_STATE'] = sys.argv[1] + '/state'\n"
        "sys.exit(run(['cert', 'self-signed', 'a.test']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, closed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert f"vhostsmith: {closed}/state: cannot write: Permission denied" in done.stderr
    assert "--state-dir or VHOSTSMITH_STATE" in done.stderr
    assert os.listdir(closed) == []


def test_a_file_in_the_place_of_the_state_directory_is_named(
    self_signed: Vhostsmith, state: Path
) -> None:
    state.write_text("")
    said = self_signed("a.test")
    assert said.code == 1
    assert said.err.startswith(f"vhostsmith: {state}: cannot write: Not a directory")
    said = self_signed("a.test", state_dir=state / "below")
    assert said.code == 1
    assert said.err.startswith(f"vhostsmith: {state}: cannot write: Not a directory")


def test_a_state_of_a_later_format_is_left_alone(self_signed: Vhostsmith, state: Path) -> None:
    state.mkdir()
    (state / "format").write_text("2\n")
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/format: the state is of format '2', this version knows 1" in said.err
    assert set(os.listdir(state)) == {"format", "lock"}
