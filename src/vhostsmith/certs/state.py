"""The state directory held open: whatever happens in it goes by descriptor and follows no link."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass

from vhostsmith import host
from vhostsmith.errors import BusyError, MachineError

FORMAT = 1
LOCK_WAIT_S = 10.0
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """An open directory; ``path`` is how messages call it. Its methods raise MachineError."""

    path: str
    number: int

    def at(self, name: str) -> str:
        """How messages call something in the directory."""
        return f"{self.path}/{name}"

    @contextlib.contextmanager
    def enter(self, name: str) -> Iterator[Directory]:
        """Open a directory in this one, made with mode 0755 where it is missing."""
        with _explained(self.at(name)):
            with contextlib.suppress(FileExistsError), _usual_umask():
                os.mkdir(name, 0o755, dir_fd=self.number)
                os.fsync(self.number)
            number = os.open(name, _DIRECTORY, dir_fd=self.number)
        try:
            _require_ours(self.at(name), number)
            yield Directory(path=self.at(name), number=number)
        finally:
            os.close(number)

    def names(self) -> tuple[str, ...]:
        """Return what is in the directory, sorted."""
        with _explained(self.path):
            return tuple(sorted(os.listdir(self.number)))

    def sync(self) -> None:
        """Make durable which names are in the directory."""
        with _explained(self.path):
            os.fsync(self.number)

    def read(self, name: str) -> bytes | None:
        """Return the content of a regular file; None where there is none."""
        # Without O_NONBLOCK a FIFO in the file's place would hold us here.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with _explained(self.at(name), verb="read"):
            try:
                number = os.open(name, flags, dir_fd=self.number)
            except FileNotFoundError:
                return None
            with os.fdopen(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    raise MachineError("not a regular file", where=self.at(name))
                return file.read()

    def write(self, name: str, content: bytes, *, mode: int) -> None:
        """Write a file that is not there yet, durably, with ``mode`` from its first byte."""
        with _explained(self.at(name)):
            with _usual_umask():
                number = os.open(name, _NEW_FILE, mode, dir_fd=self.number)
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(number)

    def link_target(self, name: str) -> str | None:
        """Return where a link leads; None where there is nothing of that name."""
        with _explained(self.at(name), verb="read"):
            try:
                return os.readlink(name, dir_fd=self.number)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        raise MachineError(
            "not a link, and what we did not make is not replaced",
            where=self.at(name),
            remedy="move it away",
        )

    def link(self, name: str, target: str) -> None:
        """Make a new link."""
        with _explained(self.at(name)):
            os.symlink(target, name, dir_fd=self.number)

    def rename(self, old: str, new: str) -> None:
        """Give something another name, durably; a file or link of that name is replaced."""
        with _explained(self.at(new)):
            os.rename(old, new, src_dir_fd=self.number, dst_dir_fd=self.number)
            os.fsync(self.number)

    def remove(self, name: str) -> None:
        """Remove a file, a link or a whole directory, if it is there."""
        with _explained(self.at(name)), contextlib.suppress(FileNotFoundError):
            found = os.stat(name, dir_fd=self.number, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(name, dir_fd=self.number)
            else:
                os.unlink(name, dir_fd=self.number)


@contextlib.contextmanager
def opened(path: str, *, wait_s: float = LOCK_WAIT_S) -> Iterator[Directory]:
    """Open the state directory for ourselves alone; it is made, with its ``format``, where missing.

    As root it and every parent must be root's alone. Raises MachineError, and BusyError when
    another run holds it for longer than ``wait_s``.
    """
    host.require_root_only(path)
    with _made(path) as state, _locked(state, wait_s):
        _require_format(state)
        yield state


@contextlib.contextmanager
def _made(path: str) -> Iterator[Directory]:
    """Open a directory by its real path, making what is missing of it from the top down."""
    real = os.path.realpath(path)
    existing = real
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    with contextlib.ExitStack() as stack:
        with _explained(existing):
            number = os.open(existing, _DIRECTORY)
        stack.callback(os.close, number)
        found = Directory(path=existing.rstrip("/"), number=number)
        for name in os.path.relpath(real, existing).split("/") if real != existing else ():
            found = stack.enter_context(found.enter(name))
        yield Directory(path=path, number=found.number)


@contextlib.contextmanager
def _locked(state: Directory, wait_s: float) -> Iterator[None]:
    """Hold the directory's lock, which the kernel takes back from whoever dies."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    # Nobody else may open it: whoever can open a file can hold its lock (flock(2)).
    with _explained(state.at("lock")), _usual_umask():
        number = os.open("lock", flags, 0o600, dir_fd=state.number)
    try:
        deadline = time.monotonic() + wait_s
        while not _takes(number, state.at("lock")):
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"another vhostsmith has been at work here for {wait_s:g} seconds",
                    where=state.at("lock"),
                    remedy="try again when it is done",
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(number)


def _takes(number: int, path: str) -> bool:
    with _explained(path, verb="lock"):
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _require_format(state: Directory) -> None:
    found = state.read("format")
    if found is None:
        state.remove(".format.new")
        state.write(".format.new", f"{FORMAT}\n".encode(), mode=0o644)
        state.rename(".format.new", "format")
    elif found.strip() != str(FORMAT).encode():
        raise MachineError(
            f"the state is of format {found[:20].decode(errors='replace').strip()!r},"
            f" this version knows {FORMAT}",
            where=state.at("format"),
            remedy="use the vhostsmith that wrote it, or another --state-dir",
        )


def _require_ours(path: str, number: int) -> None:
    """As root, refuse a directory that anybody else could change."""
    found = os.fstat(number)
    if os.geteuid() == 0 and (found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise MachineError(
            "as root, only directories that nobody else can change are used",
            where=path,
            remedy=f"chown root: {path} && chmod go-w {path}",
        )


@contextlib.contextmanager
def _usual_umask() -> Iterator[None]:
    """Create with exactly the modes that are asked for, 0755 and less, whatever the umask was."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _explained(path: str, *, verb: str = "write") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = None
        match error.errno:
            case errno.EACCES | errno.EPERM | errno.EROFS:
                remedy = (
                    "be root, or name a directory of your own with --state-dir or VHOSTSMITH_STATE"
                )
            case errno.ENOTDIR | errno.ELOOP:
                remedy = "something else stands there, and links are not followed: move it away"
            case errno.ENOSPC | errno.EDQUOT:
                remedy = "make room and run it again"
        raise MachineError(f"cannot {verb}: {error.strerror}", where=path, remedy=remedy) from error
