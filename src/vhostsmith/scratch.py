"""A private, unprivileged server on loopback ports that runs one site's text and nothing else.

``try`` shows it to a person, ``render --check`` rehearses with it; both leave nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vhostsmith import guardian, host
from vhostsmith.errors import MachineError
from vhostsmith.servers.base import Places, ServerFacts
from vhostsmith.servers.harness import Harness, apache_harness, nginx_harness

_START_S = 10.0
_TAIL_LINES = 20
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_LOGS = ("stderr.log", "server-error.log")
_DIRECTORIES = (
    *("challenges", "challenges/.well-known", "challenges/.well-known/acme-challenge"),
    *("pins", "logs", "run"),
)
_OTHER_PLACE = "TMPDIR=/var/tmp, say, takes another place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A directory of its own, the ports that are free, and the account that the server runs as.

    ``account`` is None for the user who runs us; as root it is one without rights. ``watch`` is the
    socket to the guardian.
    """

    directory: str
    http_port: int
    https_port: int
    account: str | None
    has_ipv6: bool
    watch: socket.socket

    @property
    def addresses(self) -> tuple[str, ...]:
        """The loopback addresses that the server listens on, as they stand in a URL."""
        return ("127.0.0.1", "[::1]") if self.has_ipv6 else ("127.0.0.1",)

    def places(self, *, trusted: bool, ca_bundle: str) -> Places:
        """Return where a site's files lie in this directory."""
        return Places(
            certificate=f"{self.directory}/fullchain.pem",
            key=f"{self.directory}/privkey.pem",
            challenges=f"{self.directory}/challenges",
            pins=f"{self.directory}/pins",
            logs=f"{self.directory}/logs",
            ca_bundle=ca_bundle,
            trusted=trusted,
            listen=self.addresses,
        )

    def write(self, name: str, content: bytes) -> None:
        """Write a new file of the directory, readable by the account alone."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        path = f"{self.directory}/{name}"
        try:
            number = os.open(path, flags, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(content)
                if self.account is not None:
                    found = pwd.getpwnam(self.account)
                    os.fchown(number, found.pw_uid, found.pw_gid)
        except OSError as error:
            raise MachineError(
                f"cannot write: {error.strerror}", where=path, remedy=_OTHER_PLACE
            ) from error

    def complaint(self) -> str:
        """Return the last lines of what the server said on its way up or down."""
        said = "".join(self.logged(name).decode("utf-8", "replace") for name in _LOGS)
        return "\n".join(said.strip().splitlines()[-_TAIL_LINES:])

    def logged(self, name: str, start: int = 0) -> bytes:
        """Return what stands in a log from a byte on; nothing where there is no such log.

        The file is the account's, which could have put anything else in its place.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            number = os.open(f"{self.directory}/logs/{name}", flags)
            with os.fdopen(number, "rb") as file:
                file.seek(start)
                return file.read()
        except OSError:
            return b""


@contextlib.contextmanager
def scratch(user: str) -> Iterator[Scratch]:
    """Make the directory in TMPDIR; it goes away, with the server in it, even if we are killed.

    As root the server runs as ``user``, or as nobody where there is no such user. Until it starts
    nobody but whoever runs us can enter the directory. Raises MachineError where there can be none.
    """
    account = _account(user) if os.geteuid() == 0 else None
    with _guarded(_temporary_directory(account)) as (directory, watch):
        for name in _DIRECTORIES:
            _make_directory(f"{directory}/{name}")
        has_ipv6 = host.has_ipv6_loopback()
        http_port, https_port = host.free_loopback_ports(has_ipv6=has_ipv6)
        yield Scratch(
            directory=directory,
            http_port=http_port,
            https_port=https_port,
            account=account,
            has_ipv6=has_ipv6,
            watch=watch,
        )


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path, mode=0o700)
    except OSError as error:
        raise MachineError(
            f"cannot make the directory: {error.strerror}", where=path, remedy=_OTHER_PLACE
        ) from error


def configure(made: Scratch, facts: ServerFacts, text: str, modules: tuple[str, ...]) -> Harness:
    """Write the site and the configuration around it; ``modules`` are those that the site needs."""
    made.write("site.conf", text.encode())
    make = apache_harness if facts.kind == "apache" else nginx_harness
    harness = make(
        facts,
        directory=made.directory,
        ports=(made.http_port, made.https_port),
        addresses=made.addresses,
        modules=modules,
        mime_types=_mime_types(made, facts),
    )
    made.write("server.conf", harness.text.encode())
    return harness


@contextlib.contextmanager
def running(made: Scratch, harness: Harness) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, wait until it answers, and end it afterwards.

    Raises MachineError with the server's own words when it does not start.
    """
    process = _start(made, harness)
    try:
        _tell_guardian(made.watch, process.pid)
        _await_start(made, process)
        yield process
    finally:
        guardian.end(process.pid)
        process.wait()


def _tell_guardian(watch: socket.socket, group: int) -> None:
    try:
        watch.send(b"%d\n" % group)
    except OSError as error:
        raise MachineError("the guardian of the private server was killed") from error


def _start(made: Scratch, harness: Harness) -> subprocess.Popen[bytes]:
    command = harness.command
    identity: dict[str, Any] = {}
    made.write(f"logs/{_LOGS[0]}", b"")
    with open(f"{made.directory}/logs/{_LOGS[0]}", "ab") as log:
        if made.account is not None:
            found = pwd.getpwnam(made.account)
            identity = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
            command = (_runnable(made, command[0]), *command[1:])
            _hand_over(made.directory, found)
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": _PATH, "LC_ALL": "C", "TMPDIR": made.directory},
                cwd=made.directory,
                start_new_session=True,
                umask=0o077,
                **identity,
            )
        except OSError as error:
            raise MachineError(f"cannot be run: {error.strerror}", where=command[0]) from error


def _await_start(made: Scratch, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    waiting = [
        (address, port) for port in (made.http_port, made.https_port) for address in made.addresses
    ]
    while waiting:
        if process.poll() is not None:
            said = made.complaint() or f"exit code {process.poll()}, without a word"
            raise MachineError(f"the private server did not start:\n{said}")
        if time.monotonic() > deadline:
            raise MachineError(
                f"the private server did not answer within {_START_S:.0f} s\n{made.complaint()}"
            )
        if _answers(*waiting[0]):
            waiting.pop(0)
        else:
            time.sleep(0.02)


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address.strip("[]"), port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _guarded(parent: str) -> Iterator[tuple[str, socket.socket]]:
    """Have a directory made below ``parent`` by a guardian of its own.

    Yields it and the socket whose end makes the guardian clear up, and waits for that.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            guard = _start_guardian(parent, theirs)
        directory = ""
        try:
            directory = _answered_directory(ours, parent)
            yield directory, ours
        finally:
            ours.close()
            guard.wait()
            if directory:  # and the guardian itself was killed
                shutil.rmtree(directory, ignore_errors=True)


def _start_guardian(parent: str, connection: socket.socket) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            (sys.executable, "-I", "-S", guardian.__file__, parent),
            stdin=connection.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise MachineError(f"cannot be run: {error.strerror}", where=sys.executable) from error


def _answered_directory(guard: socket.socket, parent: str) -> str:
    answer = guard.recv(8192)
    if answer and not answer.startswith(guardian.REFUSAL):
        return os.fsdecode(answer)
    reason = answer.removeprefix(guardian.REFUSAL).decode("utf-8", "replace")
    raise MachineError(
        f"there can be no directory for a private server: {reason or 'its guardian does not run'}",
        where=parent,
        remedy=_OTHER_PLACE,
    )


def _temporary_directory(account: str | None) -> str:
    """Return the directory for temporary files, if a server can have its files there."""
    parent = os.path.realpath(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108  # its names are random
    for character in parent:
        if character in "\"'\\$" or not character.isprintable():
            raise MachineError(
                f"the directory's name holds {character!r}, which stands for something else in a"
                " server's configuration",
                where=parent,
                remedy=_OTHER_PLACE,
            )
    closed = host.closed_directory(parent) if account is not None else None
    if closed is not None:
        raise MachineError(
            f"the private server runs as {account}, for whom this directory is closed",
            where=closed,
            remedy=_OTHER_PLACE,
        )
    return parent


def _account(user: str) -> str:
    for name in (user, "nobody"):
        with contextlib.suppress(KeyError):
            if pwd.getpwnam(name).pw_uid != 0:
                return name
    raise MachineError(
        f"neither {user} nor nobody is a user here, and a private server does not run as root",
        remedy="run it as a normal user",
    )


def _hand_over(directory: str, to: pwd.struct_passwd) -> None:
    """Give the directories to the account, the outermost last: until then nobody else is inside."""
    for path in (*(f"{directory}/{name}" for name in reversed(_DIRECTORIES)), directory):
        os.chown(path, to.pw_uid, to.pw_gid, follow_symlinks=False)


def _runnable(made: Scratch, program: str) -> str:
    """Return the program, or a copy where the account may not go, as below a home directory."""
    real = Path(program).resolve()
    if host.closed_directory(str(real.parent)) is None:
        return program
    made.write("server", real.read_bytes())
    os.chmod(f"{made.directory}/server", 0o700)
    return f"{made.directory}/server"


def _mime_types(made: Scratch, facts: ServerFacts) -> str:
    """Return the machine's own table of file types, else a short one of ours."""
    candidates = ("/etc/mime.types",) if facts.kind == "apache" else ("/etc/nginx/mime.types",)
    for path in candidates:
        if os.access(path, os.R_OK):
            return path
    rows = {"text/html": "html", "text/css": "css", "text/javascript": "js", "image/svg+xml": "svg"}
    if facts.kind == "apache":
        text = "".join(f"{kind} {suffix}\n" for kind, suffix in rows.items())
    else:
        text = "types { " + "".join(f"{kind} {suffix}; " for kind, suffix in rows.items()) + "}\n"
    made.write("mime.types", text.encode())
    return f"{made.directory}/mime.types"
