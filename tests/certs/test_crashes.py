"""Whatever stops a run, the certificate that was live stays live and whole."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from certs.snapshot import Vhostsmith
from vhostsmith.certs.leaf import is_key_of, read_leaf

HERE = Path(__file__).parent


def assert_whole(state: Path) -> None:
    """Check that the live link leads to a whole version."""
    live = state / "live" / "a.test"
    assert re.fullmatch(r"\.\./certs/a\.test/v000[0-9]", os.readlink(live))
    cert, key = (live / "cert.pem").read_bytes(), (live / "privkey.pem").read_bytes()
    assert is_key_of(key, read_leaf(cert))
    assert (live / "fullchain.pem").read_bytes() == cert
    assert (live / "chain.pem").read_bytes() == b""


def assert_secret(state: Path) -> None:
    """Check that nobody else can read a key, wherever it lies."""
    for key in state.rglob("privkey.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def assert_tidy(state: Path) -> None:
    """Check that nothing lies about."""
    names = {path.name for path in state.rglob("*")}
    assert not {name for name in names if name.startswith(".")}
    assert len(list((state / "certs" / "a.test").iterdir())) <= 3


def killed_at_each_step(template: Path, work: Path, *arguments: str) -> list[Path]:
    work.mkdir()
    script = HERE / "kill_at_each_step.py"
    done = subprocess.run(
        [sys.executable, script, template, work, "cert", "self-signed", "a.test", *arguments],
        capture_output=True,
        text=True,
        check=False,
        umask=0,
    )
    assert done.returncode == 0, done.stderr
    found = sorted((int(path.name), path) for path in work.iterdir() if path.name != "0")
    return [path for _, path in found]


def test_a_first_run_that_is_killed_leaves_a_whole_certificate_or_none(
    self_signed: Vhostsmith, state: Path, tmp_path: Path
) -> None:
    *killed, whole = killed_at_each_step(state, tmp_path / "work")
    assert len(killed) > 15
    assert_whole(whole)
    assert_tidy(whole)
    for left in killed:
        assert_secret(left)
        if (left / "live" / "a.test").is_symlink():
            assert_whole(left)
        assert self_signed("a.test", state_dir=left).code == 0
        assert_whole(left)
        assert_tidy(left)


def test_a_later_run_that_is_killed_leaves_the_old_certificate_live_or_the_new(
    self_signed: Vhostsmith, state: Path, tmp_path: Path
) -> None:
    for number in range(3):
        self_signed("a.test", "--alias", f"b{number}.test")
    *killed, _ = killed_at_each_step(state, tmp_path / "work", "--alias", "new.test")
    assert len(killed) > 15
    outcomes = set()
    for left in killed:
        assert_secret(left)
        assert_whole(left)
        live = left / "live" / "a.test"
        outcomes.add((os.readlink(live)[-5:], read_leaf((live / "cert.pem").read_bytes()).names))
        assert self_signed("a.test", "--alias", "new.test", state_dir=left).code == 0
        assert_whole(left)
        assert_tidy(left)
        assert read_leaf((live / "cert.pem").read_bytes()).names == ("a.test", "new.test")
    assert ("v0003", ("a.test", "b2.test")) in outcomes
    assert outcomes <= {("v0003", ("a.test", "b2.test")), ("v0004", ("a.test", "new.test"))}


def on_a_full_disk(directory: Path, what: str) -> list[dict[str, Any]]:
    script = [sys.executable, str(HERE / "fill_the_disk.py"), str(directory), what]
    done = subprocess.run(
        ["unshare", "--mount", *script, "cert", "self-signed", "a.test", "--alias", "b.test"],
        capture_output=True,
        text=True,
        check=False,
    )
    if re.search(r"^(unshare|mount): ", done.stderr, re.MULTILINE):
        pytest.skip("needs a mount namespace, which is refused here")
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return results


@pytest.mark.needs("root", "unshare", "mount")
@pytest.mark.parametrize(("what", "failures"), [("inodes", 6), ("pages", 3)])
def test_a_full_disk_leaves_the_old_certificate_as_it_was(
    tmp_path: Path, what: str, failures: int
) -> None:
    before, *failed, done = on_a_full_disk(tmp_path, what)
    assert done["code"] == 0
    assert done["paths"]["live/a.test"] == "../certs/a.test/v0002"
    assert len(failed) == failures
    for each in failed:
        assert each["code"] == 1
        assert "cannot write: No space left on device" in each["said"]
        assert "make room and run it again" in each["said"]
        assert each["paths"] == before["paths"]
