"""``render``: the text of a virtual host, and what else a person has to know or do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vhostsmith import inventory, rendering
from vhostsmith.backend import BackendTls
from vhostsmith.errors import InputError
from vhostsmith.host import Machine
from vhostsmith.model import Proxy, Route, Site, parse_file
from vhostsmith.names import parse_name
from vhostsmith.operations import load, notes
from vhostsmith.operations.resolve import Pin, resolve, unkept_pins
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind, Places, ServerFacts, show_version
from vhostsmith.servers.view import trust_file

Choose = Callable[[Kind | None, Mapping[str, Any]], tuple[ServerFacts, tuple[str, ...]]]

if TYPE_CHECKING:
    from vhostsmith.rehearsal import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A site as it was asked for, with all that was found out on the way."""

    site: Site
    facts: ServerFacts
    pins: tuple[Pin, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of a site's file, and what belongs to it; ``file`` is where the server has such."""

    asked: Asked
    places: Places
    text: str
    file: str
    notes: tuple[str, ...]


def ask(
    name: str | None, options: Mapping[str, Any], where: load.Directories, *, choose: Choose
) -> Asked:
    """Return the site that the options describe, or without an action among them its site file.

    ``choose`` decides for which server: :func:`choose_facts`, or what a trial can run.
    """
    inventory.refuse_empty(options)
    file = _site_file(name, options, where)
    wished = options["server"] or (file.server if file else None)
    facts, said = choose(wished, options)
    if file:
        pins, seen = unkept_pins(file.site, load.places(file.site, where, facts))
        return Asked(site=file.site, facts=facts, pins=pins, notes=said + seen)
    texts = tuple(text for _, text in inventory.route_texts(options["backend"], options["route"]))
    wish, cert_name = inventory.wished_tls(options), options["backend_name"]
    public = parse_name(name or "_", where="NAME")
    # The rest of what was typed is refused before any port is asked.
    inventory.from_options(name, options, {text: inventory.unasked(text) for text in texts})
    found = resolve(
        texts,
        scheme=options["scheme"],
        wish=wish,
        name=inventory.backend_name(cert_name, "--backend-name") if cert_name else None,
        needs_name=facts.kind == "nginx",
        public_name=public.text,
        ca_bundle=facts.layout.ca_bundle,
    )
    site = inventory.from_options(name, options, found.backends)
    return Asked(site=site, facts=facts, pins=found.pins, notes=said + found.notes)


def render(
    asked: Asked, where: load.Directories, *, pin_out: str | None = None, explain: bool = False
) -> Rendered:
    """Return the site's text for the server that the facts describe.

    With ``pin_out`` the text names that file for the pin of the site's one pinned backend.
    """
    asked = _with_pin_file(asked, pin_out) if pin_out else asked
    places = load.places(asked.site, where, asked.facts)
    text = text_of(asked.site, asked.facts, places, where)
    if explain:
        from vhostsmith.explanation import annotate

        text = annotate(text, load.explanations(asked.facts.kind))
    return Rendered(
        asked=asked,
        places=places,
        text=text,
        file=f"{asked.facts.layout.sites}/{asked.site.stem}.conf",
        notes=asked.notes + notes.for_site(asked.site, asked.facts, places, pin_out),
    )


def check(rendered: Rendered, where: load.Directories, *, shown_as: str) -> tuple[str, ...]:
    """Rehearse the text: our own reading of its certificate, then a private server that runs it.

    Returns what was checked and what was not; raises MachineError with file and line of a fault.
    """
    from datetime import UTC, datetime

    from vhostsmith import rehearsal
    from vhostsmith.certs.pair import examine

    asked, places, now = rendered.asked, rendered.places, datetime.now(tz=UTC)
    said: tuple[str, ...] = ()
    if asked.site.certificate.kind == "files" or Path(places.certificate).exists():
        names = () if asked.site.name.is_any else asked.site.names
        said = examine(places.certificate, places.key, names, now=now)
    rehearsal.alone(
        candidate(asked, where, trusted=places.trusted),
        shown=rehearsal.Shown(file=shown_as, text=rendered.text),
        now=now,
    )
    return (*said, f"checked: {describe(asked.facts)} runs it on a private server")


def candidate(asked: Asked, where: load.Directories, *, trusted: bool) -> Candidate:
    """Return the asked site as something to put on trial."""
    from vhostsmith.rehearsal import Candidate

    return Candidate(
        site=asked.site,
        facts=asked.facts,
        trusted=trusted,
        pins=_kept_pins(asked, where) | {str(pin.backend): pin.pem for pin in asked.pins},
        sources=load.template_sources(where, asked.facts.kind),
        guideline_text=load.guideline_text(),
    )


def _kept_pins(asked: Asked, where: load.Directories) -> dict[str, str]:
    """Return the pins that stand in the files which the text names."""
    places = load.places(asked.site, where, asked.facts)
    kept = {}
    for backend in (route.backend for route in asked.site.routes):
        if backend.tls is not None and backend.tls.mode == "pin":
            kept[str(backend)] = Machine().read_text(trust_file(backend, backend.tls, places))
    return {backend: pem for backend, pem in kept.items() if pem}


def write(rendered: Rendered, output: str | None, pin_out: str | None) -> None:
    """Write text and pin to the files that were asked for, the pin first: the text names it."""
    from vhostsmith.host import write_whole

    if output and pin_out and os.path.realpath(output) == os.path.realpath(pin_out):
        raise InputError("the text and the pin cannot be the same file", where="--pin-out")
    if pin_out:
        write_whole(pin_out, rendered.asked.pins[0].pem.encode(), mode=0o644)
    if output:
        write_whole(output, rendered.text.encode(), mode=0o644)


def as_document(rendered: Rendered) -> Mapping[str, Any]:
    """Return what ``--json`` prints; docs/reference/json.md describes it."""
    asked = rendered.asked
    return {
        "format": 1,
        "server": asked.facts.kind,
        "file": rendered.file,
        "text": rendered.text,
        "notes": list(rendered.notes),
        "pins": [
            {
                "backend": str(pin.backend),
                "sha256": pin.fingerprint,
                "file": _pin_file(pin, rendered.places),
                "pem": pin.pem,
            }
            for pin in asked.pins
        ],
    }


def _pin_file(pin: Pin, places: Places) -> str:
    return trust_file(pin.backend, pin.backend.tls or BackendTls(mode="pin"), places)


def _with_pin_file(asked: Asked, pin_out: str) -> Asked:
    """Return the asked site with its pin in ``pin_out``."""
    if len(asked.pins) != 1:
        raise InputError(
            f"it writes the one pin of a site, and this one has {len(asked.pins)}",
            where="--pin-out",
        )
    path = parse_file(os.path.abspath(pin_out), "pin", where="--pin-out")
    pin = asked.pins[0]

    def moved(route: Route) -> Route:
        if route.backend != pin.backend or route.backend.tls is None:
            return route
        tls = dataclasses.replace(route.backend.tls, ca=path)
        return dataclasses.replace(route, backend=dataclasses.replace(route.backend, tls=tls))

    routes = tuple(moved(route) for route in asked.site.routes)
    site = dataclasses.replace(asked.site, action=Proxy(routes=routes))
    backend = next(r.backend for r in routes if str(r.backend) == str(pin.backend))
    return dataclasses.replace(asked, site=site, pins=(dataclasses.replace(pin, backend=backend),))


def text_of(site: Site, facts: ServerFacts, places: Places, where: load.Directories) -> str:
    """Return the text of a site with its files in ``places``."""
    return rendering.render_site(
        site,
        facts,
        places,
        sources=load.template_sources(where, facts.kind),
        guideline_text=load.guideline_text(),
    )


def choose_facts(
    kind: Kind | None, options: Mapping[str, Any]
) -> tuple[ServerFacts, tuple[str, ...]]:
    """Return the facts of a file, of this machine, else the newest known; and what to say."""
    if options.get("facts"):
        found, listening = load.facts_from_file(options["facts"])
    elif options.get("server_version") and kind:
        found, listening = (SERVERS[kind].newest,), None
    else:
        found, listening = load.probe_machine(Machine(), kind), load.listening_kind()
    wished = kind or listening
    matching = [facts for facts in found if wished in {None, facts.kind}]
    version = options.get("server_version")
    if matching:
        return load.with_version(matching[0], version), ()
    if options.get("facts"):
        raise InputError(f"the facts know no {wished or 'server'}", where=options["facts"])
    newest = SERVERS[wished or "apache"].newest
    said = (
        f"no {wished or 'web server'} is installed here: rendered for {describe(newest)} on Debian"
    )
    return load.with_version(newest, version), (said,)


def describe(facts: ServerFacts) -> str:
    """Return the product and its version, as ``Apache 2.4.71``."""
    product = {"apache": "Apache", "nginx": "nginx"}[facts.kind]
    return f"{product} {show_version(facts.version)}"


def _site_file(name: str | None, options: Mapping[str, Any], where: load.Directories) -> Any:
    """Return the parsed site file when the command line names no action, else None."""
    chosen = ("backend", "route", "docroot", "redirect_to", "catch_all")
    if name is None or any(options[key] for key in chosen):
        return None
    parsed = parse_name(name, where="NAME")
    path = Path(where.config, "sites", f"{parsed.stem}.toml")
    if not path.is_file():
        raise InputError(
            "a site needs a backend",
            remedy=f"give one of: {inventory.ACTIONS}; or write the site file {path}",
        )
    for option in inventory.given(options):
        raise InputError(
            f"{path} says what the site is",
            where=option,
            remedy="change it there, or give a backend here",
        )
    from vhostsmith import host, site_file

    host.require_root_only(str(path))
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read the site file: {error}", where=str(path)) from error
    return site_file.load(parsed, text, file=str(path))
