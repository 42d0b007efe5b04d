"""``-o FILE``: the file is there whole or not at all, and nothing else is replaced."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from trial.desk import Desk

SITE = ("render", "a.example.com", "http://127.0.0.1:1", "--server", "nginx")


@pytest.mark.parametrize("umask", ["000", "022", "077", "777"])
def test_the_file_has_what_would_be_printed_and_everybody_may_read_it(
    desk: Desk, umask: str
) -> None:
    output = desk.path("site.conf")
    under = ("sh", "-c", f'umask {umask} && exec "$@"', "sh")
    done = desk.run(*SITE, "-o", output, under=under)
    assert (done.returncode, done.stdout) == (0, "")
    assert Path(output).read_text() == desk.run(*SITE).stdout
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o644


def test_an_old_file_is_replaced_and_who_reads_it_still_sees_all_of_it(desk: Desk) -> None:
    output = desk.write("site.conf", "the old one\n" * 1000, mode=0o600)
    with open(output) as reader:
        assert desk.run(*SITE, "-o", output).returncode == 0
        assert reader.read() == "the old one\n" * 1000
    assert Path(output).read_text() == desk.run(*SITE).stdout
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o644


def test_a_relative_name_is_below_the_working_directory(desk: Desk) -> None:
    assert desk.run(*SITE, "-o", "site.conf").returncode == 0
    assert Path(desk.path("site.conf")).exists()
    assert leftovers(desk) == []


def test_a_name_may_have_any_length_and_form(desk: Desk) -> None:
    for name in ("a" * 255, "with a blank", "ünï", "-o", "--", ".hidden"):
        done = desk.run(*SITE, f"--output={desk.path(name)}")
        assert done.returncode == 0, done.stderr
        assert Path(desk.path(name)).exists()
    assert desk.run(*SITE, "-o", desk.path("a" * 256)).returncode == 1


def test_with_json_both_are_given(desk: Desk) -> None:
    done = desk.run(*SITE, "-o", "site.conf", "--json")
    assert done.stdout.startswith("{")
    assert Path(desk.path("site.conf")).read_text() == desk.run(*SITE).stdout


@pytest.mark.parametrize(
    "what", ["directory", "link", "broken link", "socket", "pipe", "/dev/null"]
)
def test_what_is_no_file_is_not_replaced(desk: Desk, what: str) -> None:
    output = desk.path("site.conf")
    target = desk.write("target", "not ours")
    listener = socket.socket(socket.AF_UNIX)
    match what:
        case "directory":
            os.mkdir(output)
        case "link":
            os.symlink(target, output)
        case "broken link":
            os.symlink(desk.path("gone"), output)
        case "socket":
            listener.bind(output)
        case "pipe":
            os.mkfifo(output)
        case _:
            output = what
    listener.close()
    before = os.lstat(output)
    done = desk.run(*SITE, "-o", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        f"vhostsmith: {output}: not a regular file, so it is not replaced\n"
    )
    after = os.lstat(output)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert Path(target).read_text() == "not ours"
    assert not Path(desk.path("gone")).exists()
    assert leftovers(desk) == []


def test_a_directory_that_is_not_there_is_said(either: Desk) -> None:
    done = either.run(*SITE, "-o", either.path("gone/site.conf"))
    assert (done.returncode, done.stdout) == (1, "")
    where = f"vhostsmith: {either.path('gone/site.conf')}: cannot write: "
    assert done.stderr.endswith(f"{where}No such file or directory\n")


def test_a_file_where_a_directory_should_be_is_said(desk: Desk) -> None:
    done = desk.run(*SITE, "-o", desk.write("file", "") + "/site.conf")
    assert done.returncode == 1
    assert "cannot write: Not a directory\n" in done.stderr


def test_a_directory_of_somebody_else_is_said(nobody: Desk) -> None:
    os.mkdir(nobody.path("roots"))
    for output, reason in {
        nobody.path("roots/site.conf"): "Permission denied",
        "/etc/site.conf": "Permission denied",
        "/proc/site.conf": "No such file or directory",
    }.items():
        done = nobody.run(*SITE, "-o", output)
        assert done.returncode == 1
        assert done.stderr.endswith(f"vhostsmith: {output}: cannot write: {reason}\n")


@pytest.mark.needs("mount namespaces")
@pytest.mark.parametrize("room", ["size=8k", "nr_inodes=3", "ro"])
def test_a_full_disk_keeps_the_old_file(desk: Desk, room: str) -> None:
    script = """
        mount -t tmpfs -o "${1#ro}" none "$HOME" || exit 9
        echo "the old one" >"$HOME/site.conf"
        head -c 3000 /dev/zero >"$HOME/filler"
        [ "$1" != ro ] || mount -o remount,ro "$HOME" || exit 9
        shift
        "$@"
        code=$?
        cat "$HOME/site.conf"
        ls -A "$HOME"
        exit "$code"
    """
    under = ("unshare", "--mount", "sh", "-c", script, "sh", room)
    done = desk.run(*SITE, "-o", f"{desk.directory}/home/site.conf", under=under)
    assert done.returncode == 1, done.stderr
    assert done.stdout == "the old one\nfiller\nsite.conf\n"
    reason = "Read-only file system" if room == "ro" else "No space left on device"
    assert done.stderr.endswith(f"site.conf: cannot write: {reason}\n")


def test_a_refused_site_leaves_the_old_file_alone(desk: Desk) -> None:
    output = desk.write("site.conf", "the old one")
    done = desk.run("render", "a b", "http://127.0.0.1:1", "-o", output)
    assert done.returncode == 2
    desk.write("config/templates/nginx/proxy.conf.j2", "{# vhostsmith-templates: 1 #}\nnonsense\n")
    done = desk.run(*SITE, "-o", output, "--check")
    assert done.returncode == 1
    assert Path(output).read_text() == "the old one"


def leftovers(desk: Desk) -> list[str]:
    return [name for name in os.listdir(desk.directory) if name.startswith(".vhostsmith")]
