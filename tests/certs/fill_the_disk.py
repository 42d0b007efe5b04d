"""Runs a command on a file system that has room for one thing more each time, until it works.

fill_the_disk.py DIRECTORY inodes|pages ARGUMENT...  in a mount namespace of its own; prints a JSON
list: exit code, what was said, and which paths there are after each run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys

from vhostsmith.cli import run

PAGE = os.sysconf("SC_PAGESIZE")


def limit(directory: str, what: str, spare: int) -> None:
    """Leave room for ``spare`` more inodes or pages on a tmpfs."""
    found = os.statvfs(directory)
    if what == "inodes":
        option = f"nr_inodes={found.f_files - found.f_ffree + spare}"
    else:
        used = (found.f_blocks - found.f_bfree) * found.f_frsize // PAGE
        option = f"size={(used + spare) * PAGE}"
    subprocess.run(["mount", "-o", f"remount,{option}", directory], check=True)


def paths(directory: str) -> dict[str, str]:
    """Return what is in a directory: links with their targets, all else with the size."""
    found = {}
    for root, names, files in os.walk(directory):
        for name in (*names, *files):
            path = os.path.join(root, name)
            is_link = os.path.islink(path)
            size = os.path.getsize(path) if os.path.isfile(path) else 0
            found[os.path.relpath(path, directory)] = os.readlink(path) if is_link else str(size)
    return found


def main(directory: str, what: str, *arguments: str) -> None:
    """Make room step by step, after a first certificate that had enough."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "room", directory], check=True)
    state = f"{directory}/state"
    if run(["--state-dir", state, "cert", "self-signed", "a.test"]) != 0:
        sys.exit("the command does not work at all")
    results = [{"code": 0, "said": "", "paths": paths(state)}]
    for spare in range(20):
        limit(directory, what, spare)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = run(["--state-dir", state, *arguments])
        results.append({"code": code, "said": said.getvalue(), "paths": paths(state)})
        if code == 0:
            break
    json.dump(results, sys.__stdout__ or sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
