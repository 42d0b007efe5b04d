"""A trial where there is no room for it, or no place."""

from __future__ import annotations

import os

import pytest

from trial.desk import Desk

# What df would call full: a few blocks, or a few files.
_FULL = ("size=4k", "size=12k", "nr_inodes=3", "nr_inodes=9", "ro")
_NEARLY_FULL = ("size=24k", "size=32k", "nr_inodes=20")
_SCRIPT = """
set -e
mount -t tmpfs -o "mode=1777,$1" none "$TMPDIR"
shift
set +e
"$@"
code=$?
ls -A "$TMPDIR"
exit "$code"
"""


@pytest.mark.needs("mount namespaces")
@pytest.mark.parametrize("room", _FULL)
def test_a_full_disk_is_said_and_nothing_stays(
    desk: Desk, installed: tuple[str, ...], room: str
) -> None:
    under = ("unshare", "--mount", "sh", "-c", _SCRIPT, "sh", room)
    done = desk.run("try", "--demo", "--once", *installed, under=under)
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("vhostsmith: ")
    assert "a defect of" not in done.stderr
    reason = "Read-only file system" if room == "ro" else "No space left on device"
    assert reason in done.stderr
    assert done.stdout == "", "something stayed, or something was shown"
    assert desk.left_behind() == []


@pytest.mark.needs("mount namespaces")
@pytest.mark.parametrize("room", _NEARLY_FULL)
def test_a_disk_that_fills_up_is_said_or_does_not_matter(
    desk: Desk, installed: tuple[str, ...], room: str
) -> None:
    under = ("unshare", "--mount", "sh", "-c", _SCRIPT, "sh", room)
    done = desk.run("try", "--demo", "--once", *installed, under=under)
    assert done.returncode in {0, 1}
    assert "a defect of" not in done.stderr
    if done.returncode == 1:
        assert "vhostsmith: " in done.stderr or "FAILED" in done.stdout
    assert "vhostsmith-" not in done.stdout, "something stayed"
    assert desk.left_behind() == []


def test_a_directory_that_is_not_ours_is_said(nobody: Desk) -> None:
    os.chown(nobody.tmp, 0, 0)
    done = nobody.run("try", "--demo", "--once")
    assert done.returncode == 1
    assert done.stderr == (
        f"vhostsmith: {nobody.tmp}: there can be no directory for a private server:"
        " Permission denied\n  TMPDIR=/var/tmp, say, takes another place\n"
    )


def test_a_directory_that_is_not_there_is_said(either: Desk) -> None:
    gone = either.path("gone")
    done = either.with_tmp(gone).run("try", "--demo", "--once")
    assert done.returncode == 1
    assert f"vhostsmith: {gone}: there can be no directory" in done.stderr
    assert "No such file or directory" in done.stderr


@pytest.mark.needs("root")
def test_a_directory_that_the_server_cannot_enter_is_said(desk: Desk) -> None:
    os.chmod(desk.tmp, 0o700)
    done = desk.run("try", "--demo", "--once")
    assert done.returncode == 1
    assert f"vhostsmith: {desk.tmp}: " in done.stderr
    assert "for whom this directory is closed" in done.stderr
    assert desk.belongings() == []


def test_a_directory_of_ones_own_may_be_closed_to_others(nobody: Desk) -> None:
    os.chmod(nobody.tmp, 0o700)
    done = nobody.run("try", "--demo", "--once")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["with a blank", "ünï 中", "comma,;%s{}#'", "-dash"])
def test_a_directory_may_have_any_name(desk: Desk, installed: tuple[str, ...], name: str) -> None:
    path = desk.path(name)
    os.mkdir(path, 0o755)
    done = desk.with_tmp(path).run("try", "--demo", "--once", *installed)
    refused = "'" in name
    assert done.returncode == int(refused), done.stderr
    assert ("stands for something else" in done.stderr) is refused
    assert os.listdir(path) == []


@pytest.mark.parametrize("name", ['a"b', "a$b", "a\\b", "a\nb"])
def test_a_name_that_no_configuration_can_hold_is_refused(desk: Desk, name: str) -> None:
    path = desk.path(name)
    os.mkdir(path, 0o755)
    done = desk.with_tmp(path).run("try", "--demo", "--once")
    assert done.returncode == 1
    assert "which stands for something else in a server's configuration" in done.stderr
    assert os.listdir(path) == []


def test_a_link_to_a_directory_is_one(desk: Desk, installed: tuple[str, ...]) -> None:
    link = desk.path("link")
    os.symlink(desk.tmp, link)
    done = desk.with_tmp(link).run("try", "--demo", "--once", *installed)
    assert done.returncode == 0, done.stderr
    assert desk.belongings() == []
