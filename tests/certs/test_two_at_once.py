"""Several runs on one state directory at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from certs.snapshot import Vhostsmith
from vhostsmith.certs import state as state_directory
from vhostsmith.certs.leaf import is_key_of, read_leaf
from vhostsmith.errors import BusyError


def vhostsmith(state: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vhostsmith", "--state-dir", state, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_runs_at_the_same_time_come_one_after_the_other(state: Path) -> None:
    runs = [
        vhostsmith(state, "cert", "self-signed", "a.test", "--alias", f"b{number}.test", "--json")
        for number in range(4)
    ]
    made = []
    for each in runs:
        out, err = each.communicate(timeout=60)
        assert each.returncode == 0, err
        made.append(json.loads(out))
    assert sorted(each["version"] for each in made) == ["v0001", "v0002", "v0003", "v0004"]
    live = state / "live" / "a.test"
    leaf = read_leaf((live / "cert.pem").read_bytes())
    assert is_key_of((live / "privkey.pem").read_bytes(), leaf)
    assert leaf.sha256 == next(each["sha256"] for each in made if each["version"] == "v0004")
    assert sorted(os.listdir(state / "certs" / "a.test")) == ["v0002", "v0003", "v0004"]


def test_a_second_run_waits_for_the_first(state: Path) -> None:
    with state_directory.opened(str(state)):
        second = vhostsmith(state, "cert", "self-signed", "a.test")
        time.sleep(1)
        assert second.poll() is None
        assert not (state / "live").exists()
    _, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (0, "")
    assert (state / "live" / "a.test" / "cert.pem").is_file()


def test_a_second_run_gives_up_after_ten_seconds(state: Path) -> None:
    with state_directory.opened(str(state)):
        start = time.monotonic()
        second = vhostsmith(state, "cert", "self-signed", "a.test")
        _, err = second.communicate(timeout=60)
        assert time.monotonic() - start > 10
    assert second.returncode == 75
    assert f"{state}/lock: another vhostsmith has been at work here for 10 seconds" in err
    assert not (state / "live").exists()


def test_a_lock_ends_with_who_held_it(state: Path) -> None:
    with pytest.raises(KeyboardInterrupt), state_directory.opened(str(state)):
        raise KeyboardInterrupt
    with (
        state_directory.opened(str(state), wait_s=0),
        pytest.raises(BusyError),
        state_directory.opened(str(state), wait_s=0.2),
    ):
        pass
    with state_directory.opened(str(state), wait_s=0):
        pass


def test_no_descriptor_stays_open(self_signed: Vhostsmith, state: Path) -> None:
    self_signed("a.test")
    before = len(os.listdir("/proc/self/fd"))
    self_signed("a.test", "--alias", "b.test")
    (state / "live" / "a.test").unlink()
    (state / "live" / "a.test").write_text("")
    self_signed("a.test")
    assert len(os.listdir("/proc/self/fd")) == before
