"""Clears a private server away when whoever started it is gone, even by ``kill -9``.

Run as a program of its own, in a session of its own: ``guardian.py DIRECTORY``. Its standard input
is a pipe that only the parent holds and on which the parent says which process group the server is.
When the pipe ends, the group is ended and the directory removed: the one way in which both go,
whatever the reason.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

_GRACE_S = 3.0


def main(directory: str) -> None:
    """Wait for the parent's end, then end the server and remove the directory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    said = b""
    while chunk := os.read(0, 4096):
        said += chunk
    groups = {int(line) for line in said.split()} | _groups_working_in(directory)
    for group in groups:
        end(group)
    shutil.rmtree(directory, ignore_errors=True)


def _groups_working_in(directory: str) -> set[int]:
    """The server may have been started without us hearing of it; it works in its directory."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == directory and int(pid) != os.getpid():
                found.add(os.getpgid(int(pid)))
    return found - {os.getpgid(0)}


def end(group: int, *, reap: Callable[[], object] = lambda: None) -> None:
    """Ask a process group to end, and after a few seconds make it; ``reap`` waits for one's own child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            reap()
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
    reap()


if __name__ == "__main__":
    main(sys.argv[1])
