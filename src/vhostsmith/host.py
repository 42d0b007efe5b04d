"""The only door to the system: run programs, read and write files, look at who listens."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vhostsmith.errors import MachineError
from vhostsmith.servers.base import Completed

_TIMEOUT_S = 20
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine that the program runs on."""

    def run(self, *command: str) -> Completed | None:
        """Run a program by its absolute path, without a shell, in a minimal environment.

        None if it cannot be run.
        """
        import subprocess

        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=_ENVIRONMENT,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Completed(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def read_text(self, path: str) -> str | None:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def names_in(self, directory: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(directory)))
        except OSError:
            return ()

    def parse_nginx(self, path: str) -> Mapping[str, Any]:
        import crossplane

        try:
            payload: Mapping[str, Any] = crossplane.parse(path, catch_errors=True)
        except OSError:
            return {}
        return payload


def listening_programs(ports: tuple[int, ...]) -> frozenset[str]:
    """Return the names of the programs that listen on one of the ports, as far as /proc shows them.

    Only root may see whose a socket is; for others a port that is taken is ascribed to the web
    servers that run.
    """
    inodes = _listening_inodes(ports)
    if not inodes:
        return frozenset()
    owners, everybody = set(), set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                name = file.read().strip()
            everybody.add(name)
            for number in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{number}") in inodes:
                    owners.add(name)
        except OSError:
            continue
    return frozenset(owners or everybody)


def _listening_inodes(ports: tuple[int, ...]) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) in ports:
                inodes.add(f"socket:[{row[9]}]")
    return inodes


def require_root_only(path: str) -> None:
    """As root, refuse a path that anybody else could change, as sshd's StrictModes does.

    It and every parent must belong to root and be writable by root alone; a sticky parent is fine.
    Other users may read what they like.
    """
    if os.geteuid() != 0:
        return
    path = os.path.realpath(path)
    is_leaf = True
    while True:
        try:
            found = os.stat(path)
        except OSError:
            # Not there yet: whoever can change its parents decides what it becomes.
            path, is_leaf = os.path.dirname(path), False
            continue
        writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        is_sticky = bool(found.st_mode & stat.S_ISVTX) and not is_leaf
        if found.st_uid != 0 or (writable and not is_sticky):
            raise MachineError(
                "as root, instructions are read only from where nobody else can change them",
                where=path,
                remedy=f"chown root: {path} && chmod go-w {path}",
            )
        if path == "/":
            return
        path, is_leaf = os.path.dirname(path), False


def write_whole(path: str, content: bytes, *, mode: int) -> None:
    """Write a file so that it is there whole or not at all, with ``mode`` from its first byte.

    The new file takes the old one's place by a rename; a link is not followed. Raises MachineError.
    """
    directory, name = os.path.split(os.path.abspath(path))
    temporary = f".vhostsmith-{os.getpid()}.new"  # short: a name has at most 255 bytes
    try:
        at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        _refuse_replacing(name, at, path)
        _write_beside(temporary, name, content, mode=mode, at=at)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        os.close(at)


def _write_beside(temporary: str, name: str, content: bytes, *, mode: int, at: int) -> None:
    """Write a file under another name and rename it; nothing stays of one that was not written."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    number = os.open(temporary, flags, mode, dir_fd=at)
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, mode)
            file.write(content)
            file.flush()
            os.fsync(number)
        os.rename(temporary, name, src_dir_fd=at, dst_dir_fd=at)
    except BaseException:
        os.unlink(temporary, dir_fd=at)
        raise
    os.fsync(at)


def _refuse_replacing(name: str, at: int, path: str) -> None:
    try:
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise MachineError("not a regular file, so it is not replaced", where=path)


def _cannot_write(path: str, error: OSError) -> MachineError:
    return MachineError(f"cannot write: {error.strerror}", where=path)


def closed_directory(path: str) -> str | None:
    """Return the first directory on the way to and with ``path`` that others may not enter."""
    ways = (*reversed(Path(path).parents), Path(path))
    return next((str(way) for way in ways if way.is_dir() and not way.stat().st_mode & 0o001), None)


def has_ipv6_loopback() -> bool:
    """Whether something here can listen on ``::1``."""
    import socket

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def free_loopback_ports(*, has_ipv6: bool) -> tuple[int, int]:
    """Return two ports that are free on every loopback address at this moment."""
    import socket

    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < 2:
            first = held.enter_context(socket.socket(socket.AF_INET))
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if has_ipv6:
                second = held.enter_context(socket.socket(socket.AF_INET6))
                try:
                    second.bind(("::1", port))
                except OSError:
                    continue
            found.append(port)
        return found[0], found[1]
