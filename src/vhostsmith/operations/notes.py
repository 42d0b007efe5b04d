"""What a person has to know besides a site's text: what is missing, and what it will not do."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from vhostsmith.model import Docroot, Refuse, Site
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Places, ServerFacts
from vhostsmith.servers.view import trust_file

# The longest name that fits nginx's server_names_hash with its usual bucket of 64 bytes.
_LONG_NAME = 42


def for_site(
    site: Site, facts: ServerFacts, places: Places, pin_out: str | None = None
) -> tuple[str, ...]:
    """Return the notes on a rendered site, the ones that keep it from working first.

    ``pin_out`` is a file that is about to be written.
    """
    own = _nginx(site, facts) if facts.kind == "nginx" else _apache(site)
    return (
        *_modules(site, facts),
        *_files(site, facts, places),
        *_pins(site, places, pin_out),
        *_promises(site, places),
        *own,
    )


def _modules(site: Site, facts: ServerFacts) -> Iterator[str]:
    absent, said = SERVERS[facts.kind].missing(site, facts)
    if absent:
        yield said


def _files(site: Site, facts: ServerFacts, places: Places) -> Iterator[str]:
    if _is_ours_to_make(site, facts) and not Path(places.certificate).exists():
        aliases = [word for alias in site.aliases for word in ("--alias", alias.text)]
        command = shlex.join(["vhostsmith", "cert", "self-signed", site.name.text, *aliases])
        yield f"{places.certificate} is not there yet; {command} makes a self-signed one"
    yield from missing_files(site)


def missing_files(site: Site) -> Iterator[str]:
    """Yield what is not there yet of the files that a person named and has to make."""
    if isinstance(site.action, Docroot) and not Path(site.action.path).is_dir():
        yield f"the document root {site.action.path} is not there yet"
    if isinstance(site.action, Docroot) and not site.action.php and _has_php(site.action.path):
        yield f"the PHP files below {site.action.path} are sent as text: --php SOCKET runs them"
    if site.access.basic_auth and not Path(site.access.basic_auth).exists():
        yield (
            f"the password file {site.access.basic_auth} is not there yet;"
            f" htpasswd -B -c {shlex.quote(site.access.basic_auth)} USER makes it"
        )


def _has_php(directory: str) -> bool:
    try:
        return any(Path(directory).glob("*.php"))
    except OSError:
        return False


def _pins(site: Site, places: Places, pin_out: str | None) -> Iterator[str]:
    for backend in dict.fromkeys(route.backend for route in site.routes):
        if backend.tls is None or backend.tls.mode != "pin":
            continue
        path = trust_file(backend, backend.tls, places)
        if not (pin_out and path == os.path.abspath(pin_out)) and not Path(path).exists():
            yield (
                f"the pin {path} is not there yet, and the server does not start without it;"
                " --pin-out FILE writes it, to a place of your choice"
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


def _apache(site: Site) -> Iterator[str]:
    if site.name.is_ip:
        yield (
            "clients send no name to an address: this site must be the first of its port,"
            " so that its file sorts before all others"
        )
    for backend in dict.fromkeys(route.backend for route in site.routes):
        if backend.tls is not None and backend.tls.mode == "verify" and backend.tls.ca is not None:
            yield (
                f"Apache compares no name in the certificate of {backend}:"
                f" every one that comes from {backend.tls.ca} is accepted"
            )


def _nginx(site: Site, facts: ServerFacts) -> Iterator[str]:
    for name in site.names:
        if len(name.text) > _LONG_NAME:
            yield (
                f"{name.text} is long: if nginx asks for a larger server_names_hash_bucket_size,"
                " set it to 256 in the http block of nginx.conf"
            )
    for default in facts.default_servers:
        if not site.name.is_any and default.name in {name.text for name in site.names}:
            continue
        port = default.address.rpartition(":")[2]
        if (site.name.is_ip or site.name.is_any) and port in {
            str(site.http_port),
            str(site.https_port),
        }:
            yield (
                f"this site must be the default server of port {port}, and {default.where} may say"
                " that it is: nginx takes only one, so default_server has to go there"
            )
        elif port == str(site.https_port) and not SERVERS["nginx"].can(facts, "protocols_per_name"):
            yield (
                f"{default.where} answers first on port {port}: before nginx 1.29.2"
                " its ssl_protocols hold for this site too"
            )
