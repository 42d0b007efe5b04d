"""Clears a private server away when whoever started it is gone, even by ``kill -9``.

Run as a program of its own, in a session of its own: ``guardian.py PARENT``. Its standard input is
a socket whose other end only the parent process holds. It makes a directory below PARENT and says
which; the parent says which process group the server is. When the socket ends, the group is ended
and the directory removed: the one way in which both go, whatever the reason. That it makes the
directory itself leaves no moment in which there is one without a guardian.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

PREFIX = "vhostsmith-"  # what the directory's name begins with
REFUSAL = b"!"  # what an answer begins with that is no directory
_GRACE_S = 3.0


def main(parent: str) -> None:
    """Make the directory, wait for the end of whoever asked for it, and clear all away."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    directory = os.path.join(os.path.realpath(parent), PREFIX + os.urandom(6).hex())
    os.umask(0o077)
    try:
        os.mkdir(directory)
    except OSError as error:
        _tell(REFUSAL + str(error.strerror).encode())
        return
    _tell(os.fsencode(directory))
    said = b""
    while chunk := _hear():
        said += chunk
    for group in {int(line) for line in said.split()} | _groups_complaining_to(directory):
        end(group)
    shutil.rmtree(directory, ignore_errors=True)


def _tell(message: bytes) -> None:
    """Say something to the parent, if it still lives."""
    with contextlib.suppress(OSError):
        os.write(0, message)


def _hear() -> bytes:
    try:
        return os.read(0, 4096)
    except OSError:  # a parent that was killed before it read what we said
        return b""


def _groups_complaining_to(directory: str) -> set[int]:
    """Return the groups whose standard error lies in the directory.

    The parent may have been killed between starting the server and telling us.
    """
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/2").startswith(f"{directory}/"):
                found.add(os.getpgid(int(pid)))
    return found - {os.getpgid(0)}


def end(group: int) -> None:
    """Ask a process group to end, and after a few seconds make it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_S
        while _is_running(group):
            if time.monotonic() > deadline:
                os.killpg(group, signal.SIGKILL)
                return
            time.sleep(0.03)


def _is_running(group: int) -> bool:
    """Whether a process of the group runs still.

    Dead ones that nobody has fetched yet do not count: a container's first process may never do.
    """
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            # proc(5): "pid (name) state parent group …", and the name may hold anything.
            state, _, member_of = file.read().rpartition(b")")[2].split()[:3]
            if int(member_of) == group and state not in {b"Z", b"X"}:
                return True
    return False


if __name__ == "__main__":
    main(sys.argv[1])
