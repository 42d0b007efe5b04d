"""``render``: the text of a virtual host, and what else a person has to know or do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vhostsmith import inventory, rendering
from vhostsmith.errors import InputError
from vhostsmith.host import Machine
from vhostsmith.model import Site
from vhostsmith.names import parse_name
from vhostsmith.operations import load
from vhostsmith.operations.resolve import Pin, resolve
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind, Places, ServerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A site as it was asked for, with all that was found out on the way."""

    site: Site
    facts: ServerFacts
    pins: tuple[Pin, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of a site's file, and what belongs to it: ``file`` is where the server would look for it."""

    asked: Asked
    places: Places
    text: str
    file: str
    notes: tuple[str, ...]


def ask(
    name: str | None, options: Mapping[str, Any], where: load.Directories, machine: Machine
) -> Asked:
    """Return the site that the options or, without an action among them, ``sites/NAME.toml`` describe."""
    file = _site_file(name, options, where)
    wished = options["server"] or (file.server if file else None)
    facts, notes = choose_facts(wished, options, machine)
    if file:
        return Asked(site=file.site, facts=facts, pins=(), notes=notes)
    texts = tuple(text for _, text in inventory.route_texts(options["backend"], options["route"]))
    wish = inventory.wished_tls(options)
    public = parse_name(name or "_", where="NAME")
    # The rest of what was typed is refused before any port is asked.
    inventory.from_options(name, options, {text: inventory.unasked(text) for text in texts})
    found = resolve(
        texts,
        scheme=options["scheme"],
        wish=wish,
        needs_name=facts.kind == "nginx",
        public_name=public.text,
        ca_bundle=facts.layout.ca_bundle,
    )
    site = inventory.from_options(name, options, found.backends)
    return Asked(site=site, facts=facts, pins=found.pins, notes=notes + found.notes)


def render(asked: Asked, where: load.Directories) -> Rendered:
    """Return the site's text for the server that the facts describe."""
    places = load.places(asked.site, where, asked.facts)
    text = text_of(asked.site, asked.facts, places, where)
    return Rendered(
        asked=asked,
        places=places,
        text=text,
        file=f"{asked.facts.layout.sites}/{asked.site.stem}.conf",
        notes=asked.notes + _notes(asked, places),
    )


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
    kind: Kind | None, options: Mapping[str, Any], machine: Machine
) -> tuple[ServerFacts, tuple[str, ...]]:
    """Return the facts to render for: a file's, this machine's, else the newest known; and what to say."""
    if options.get("facts"):
        found, listening = load.facts_from_file(options["facts"])
    elif options.get("server_version") and kind:
        found, listening = (SERVERS[kind].newest,), None
    else:
        found, listening = load.probe_machine(machine, kind), load.listening_kind()
    wished = kind or listening
    matching = [facts for facts in found if wished in {None, facts.kind}]
    version = options.get("server_version")
    if matching:
        return load.with_version(matching[0], version), ()
    if options.get("facts"):
        raise InputError(f"the facts know no {wished or 'server'}", where=options["facts"])
    newest = SERVERS[wished or "apache"].newest
    said = f"no {wished or 'web server'} is installed here: rendered for {_describe(newest)}"
    return load.with_version(newest, version), (said,)


def _describe(facts: ServerFacts) -> str:
    product = {"apache": "Apache", "nginx": "nginx"}[facts.kind]
    version = ".".join(map(str, facts.version or ()))
    return f"{product} {version} on Debian"


def _site_file(
    name: str | None, options: Mapping[str, Any], where: load.Directories
) -> Any:
    """Return the parsed site file when the command line names no action, else None."""
    chosen = ("backend", "route", "docroot", "redirect_to", "catch_all")
    if name is None or any(options[key] for key in chosen):
        return None
    parsed = parse_name(name, where="NAME")
    path = Path(where.config, "sites", f"{parsed.stem}.toml")
    if not path.is_file():
        return None
    from vhostsmith import host, site_file

    host.require_root_only(str(path.parent))
    return site_file.load(parsed, path.read_text("utf-8"), file=str(path))


def _notes(asked: Asked, places: Places) -> tuple[str, ...]:
    site, facts = asked.site, asked.facts
    notes = []
    absent, command = SERVERS[facts.kind].missing(site, facts)
    if absent:
        notes.append(f"not loaded here: {', '.join(absent)}; {command}")
    if site.certificate.kind != "files" and not Path(places.certificate).exists():
        notes.append(
            f"{places.certificate} is not there yet: vhostsmith cert self-signed {site.name.text} makes one"
        )
    for pin in asked.pins:
        backend = pin.backend
        notes.append(f"its pin is expected at {places.pin(backend.host, backend.port)} (--pin-out FILE writes it)")
    if site.tls.hsts_s and not places.trusted:
        notes.append("HSTS is left out: with a self-signed certificate it would lock browsers out")
    if site.name.is_ip:
        notes.append(
            f"clients send no name for an address: this site must be the first on {site.https_port} of its address"
        )
    return tuple(notes)


def with_pins(places: Places, directory: str) -> Places:
    """Return the places with the pins in another directory."""
    return dataclasses.replace(places, pins=directory)
