"""What a person has to know besides a site's text: what is missing, and what it will not do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from vhostsmith.model import Docroot, Refuse, Site
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Places, ServerFacts

# The longest name that fits nginx's server_names_hash with its usual bucket of 64 bytes.
_LONG_NAME = 42


def for_site(site: Site, facts: ServerFacts, places: Places) -> tuple[str, ...]:
    """Return the notes on a rendered site, the ones that keep it from working first."""
    return tuple(
        note
        for notes in (_modules(site, facts), _files(site, facts, places), _promises(site, places))
        for note in notes
    ) + tuple(_nginx(site, facts) if facts.kind == "nginx" else ())


def _modules(site: Site, facts: ServerFacts) -> Iterator[str]:
    absent, command = SERVERS[facts.kind].missing(site, facts)
    if absent:
        yield f"modules that are not loaded yet: {command}"


def _files(site: Site, facts: ServerFacts, places: Places) -> Iterator[str]:
    if _is_ours_to_make(site, facts) and not Path(places.certificate).exists():
        aliases = [word for alias in site.aliases for word in ("--alias", alias.text)]
        command = shlex.join(["vhostsmith", "cert", "self-signed", site.name.text, *aliases])
        yield f"{places.certificate} is not there yet; {command} makes a self-signed one"
    if isinstance(site.action, Docroot) and not Path(site.action.path).is_dir():
        yield f"the document root {site.action.path} is not there yet"
    if site.access.basic_auth and not Path(site.access.basic_auth).exists():
        yield (
            f"the password file {site.access.basic_auth} is not there yet;"
            f" htpasswd -B -c {shlex.quote(site.access.basic_auth)} USER makes it"
        )


def _is_ours_to_make(site: Site, facts: ServerFacts) -> bool:
    """Whether the text names a certificate in our state directory."""
    if site.certificate.kind == "files":
        return False
    refuses = isinstance(site.action, Refuse) and facts.kind == "nginx"
    return not (refuses and SERVERS["nginx"].can(facts, "reject_handshake"))


def _promises(site: Site, places: Places) -> Iterator[str]:
    if site.tls.hsts_s and not places.trusted:
        yield "HSTS is left out: with a self-signed certificate it would lock browsers out"
    if site.name.is_ip:
        yield (
            "clients send no name to an address: this site must be the first of its port,"
            " so that its file sorts before all others"
        )


def _nginx(site: Site, facts: ServerFacts) -> Iterator[str]:
    for name in site.names:
        if len(name.text) > _LONG_NAME:
            yield (
                f"{name.text} is long: if nginx asks for a larger server_names_hash_bucket_size,"
                " set it to 256 in the http block of nginx.conf"
            )
    if SERVERS["nginx"].can(facts, "protocols_per_name"):
        return
    for default in facts.default_servers:
        if default.address.rpartition(":")[2] == str(site.https_port) and default.name not in {
            name.text for name in site.names
        }:
            yield (
                f"{default.where} answers first on port {site.https_port}: before nginx 1.29.2"
                " its ssl_protocols hold for this site too"
            )
