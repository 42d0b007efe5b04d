"""A private, unprivileged server on loopback ports that runs one site's text and nothing else.

``try`` shows it to a person, ``render --check`` rehearses with it; both leave nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vhostsmith import guardian
from vhostsmith.errors import MachineError
from vhostsmith.servers.base import Places, ServerFacts
from vhostsmith.servers.harness import Harness, apache_harness, nginx_harness

_START_S = 10.0
_LOGS = ("stderr.log", "server-error.log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A directory of its own, the ports that are free, and the account that the server runs as.

    ``account`` is None for the user who runs us; as root it is one without rights. ``watch`` is the
    pipe to the guardian.
    """

    directory: str
    http_port: int
    https_port: int
    account: str | None
    has_ipv6: bool
    watch: int

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
        number = os.open(f"{self.directory}/{name}", flags, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            if self.account is not None:
                found = pwd.getpwnam(self.account)
                os.fchown(number, found.pw_uid, found.pw_gid)

    def complaint(self) -> str:
        """Return what the server said on its way up or down."""
        paths = (Path(self.directory, "logs", name) for name in _LOGS)
        said = (path.read_text("utf-8", "replace") for path in paths if path.exists())
        return "".join(said).strip()


@contextlib.contextmanager
def scratch(user: str) -> Iterator[Scratch]:
    """Make the directory, and have it taken away again, with the server in it, even if we are
    killed.

    As root it belongs to ``user``, or to nobody where there is no such user.
    """
    account = _account(user) if os.geteuid() == 0 else None
    directory = tempfile.mkdtemp(prefix="vhostsmith-")
    with _guarded(directory) as watch:
        for name in ("challenges/.well-known/acme-challenge", "pins", "logs", "tmp"):
            os.makedirs(f"{directory}/{name}", mode=0o700)
        if account is not None:
            _give(directory, account)
        has_ipv6 = _has_ipv6_loopback()
        http_port, https_port = _free_ports(has_ipv6=has_ipv6)
        yield Scratch(
            directory=directory,
            http_port=http_port,
            https_port=https_port,
            account=account,
            has_ipv6=has_ipv6,
            watch=watch,
        )


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
        _await_start(made, process)
        yield process
    finally:
        guardian.end(process.pid, reap=process.poll)
        process.wait()


def _start(made: Scratch, harness: Harness) -> subprocess.Popen[bytes]:
    command = harness.command
    identity: dict[str, Any] = {}
    if made.account is not None:
        found = pwd.getpwnam(made.account)
        identity = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        command = (_runnable(made, command[0]), *command[1:])
    with open(f"{made.directory}/logs/{_LOGS[0]}", "ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TMPDIR": made.directory},
            cwd=made.directory,
            start_new_session=True,
            umask=0o077,
            **identity,
        )
    os.write(made.watch, b"%d\n" % process.pid)
    return process


def _await_start(made: Scratch, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    waiting = [
        (address, port) for port in (made.http_port, made.https_port) for address in made.addresses
    ]
    while waiting:
        if process.poll() is not None or time.monotonic() > deadline:
            said = made.complaint() or f"exit code {process.poll()}, without a word"
            raise MachineError(f"the private server did not start:\n{said}")
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
def _guarded(directory: str) -> Iterator[int]:
    """Start the guardian of a directory; yields the pipe whose end makes it clear up, and waits for that."""
    command = (sys.executable, "-I", "-S", guardian.__file__, directory)
    guard = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    if guard.stdin is None:
        raise MachineError("the guardian has no pipe")
    try:
        yield guard.stdin.fileno()
    finally:
        guard.stdin.close()
        guard.wait()


def _account(user: str) -> str:
    for name in (user, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise MachineError(
        f"neither {user} nor nobody is a user here, and a private server does not run as root",
        remedy="run it as a normal user",
    )


def _give(directory: str, account: str) -> None:
    found = pwd.getpwnam(account)
    for path in (directory, *(str(p) for p in Path(directory).rglob("*"))):
        os.chown(path, found.pw_uid, found.pw_gid, follow_symlinks=False)


def _runnable(made: Scratch, program: str) -> str:
    """Return the program, or a copy where the account may go, as below a home directory it may not."""
    parents = Path(program).resolve().parents
    if all(parent.stat().st_mode & 0o001 for parent in parents):
        return program
    made.write("server", Path(program).read_bytes())
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


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _free_ports(*, has_ipv6: bool) -> tuple[int, int]:
    """Return two ports that are free on every loopback address at this moment."""
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
