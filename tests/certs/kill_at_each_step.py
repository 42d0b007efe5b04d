"""Runs a command again and again, killed one step later each time, on a fresh copy of a directory.

kill_at_each_step.py TEMPLATE WORK ARGUMENT...  makes WORK/1, WORK/2 and so on, each as a
``kill -9`` at that step left it, the last as a whole run did. A step is a call that changes names
or opens a file: Python tells its audit hooks before each (PEP 578).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import Any

from vhostsmith.cli import run

STEPS = {"os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir"}


def die_at(number: int) -> None:
    """Kill this process when it comes to a step."""
    left = number

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        # os.open alone gives no mode; imports and open() do.
        if event in STEPS or (event == "open" and arguments[1] is None):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def main(template: str, work: str, *arguments: str) -> None:
    """Go on until a run comes to its end."""
    sys.dont_write_bytecode = True
    # Loads all that the command loads, so that importing is no step.
    warm = f"{work}/0"
    if run(["--state-dir", warm, *arguments]) != 0:
        sys.exit("the command does not work at all")
    for number in range(1, 1000):
        directory = f"{work}/{number}"
        if os.path.exists(template):
            shutil.copytree(template, directory, symlinks=True)
        child = os.fork()
        if child == 0:
            die_at(number)
            os._exit(run(["--state-dir", directory, *arguments]))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.stderr.write(f"{number - 1} steps, then exit code {os.WEXITSTATUS(status)}\n")
            sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
