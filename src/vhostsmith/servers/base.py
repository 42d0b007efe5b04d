"""What a web server is to us: facts, layout, capabilities, and how a site becomes its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from vhostsmith.errors import InputError
from vhostsmith.model import Site

Kind = Literal["apache", "nginx"]
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a distribution keeps a server and its things; data, never a subclass.

    ``control`` is the program that knows the distribution's environment (``apache2ctl``);
    ``enable`` and ``reload`` are what a person would type, with ``{stem}`` for the site's file;
    ``proven`` says whether our tests run it.
    """

    name: str
    kind: Kind
    binary: str
    control: str
    config: str
    sites: str
    logs: str
    user: str
    ca_bundle: str
    enable: str
    reload: str
    modules: str | None = None
    proven: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultServer:
    """Who answers on ``address`` for names that nobody declared, and the file that says so."""

    address: str
    name: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The parsed answers of a server about itself; None where it did not say.

    ``modules`` are loaded (Apache: ``ssl``, ``proxy_http``; nginx: compiled in, ``http_v2``),
    ``available`` could be; ``openssl`` is the library it runs with, which need not be the one it
    was built with.
    """

    kind: Kind
    version: Version | None
    openssl: Version | None
    modules: tuple[str, ...]
    available: tuple[str, ...]
    mpm: str | None
    ipv6: bool
    default_servers: tuple[DefaultServer, ...]
    layout: Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something that a server can do: since when, with what else, and the source that says so."""

    source: str
    since: Version = ()
    openssl: Version = ()
    module: str | None = None
    not_mpm: str | None = None

    def holds(self, facts: ServerFacts) -> bool:
        """Whether it can be relied on: a version that is not known allows only what always was."""
        if self.since and (facts.version is None or facts.version < self.since):
            return False
        if self.openssl and (facts.openssl is None or facts.openssl < self.openssl):
            return False
        if self.module is not None and self.module not in facts.modules:
            return False
        return self.not_mpm is None or facts.mpm != self.not_mpm


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the files lie that a site's text names.

    ``listen`` is None for every address of the machine, else the addresses to listen on;
    ``trusted`` says whether clients trust the certificate, so that a redirect may be permanent and
    HSTS sent.
    """

    certificate: str
    key: str
    challenges: str
    pins: str
    logs: str
    ca_bundle: str
    trusted: bool
    listen: tuple[str, ...] | None = None

    def pin(self, host: str, port: int) -> str:
        """The file that holds the pinned certificate of a backend."""
        return f"{self.pins}/{host.replace(':', '-')}-{port}.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a program answered: exit code, and its two streams as text."""

    code: int
    stdout: str
    stderr: str


class Host(Protocol):
    """The door to the system that a probe needs: read-only questions."""

    def run(self, *command: str) -> Completed | None:
        """Run a program to its end; None when it cannot be started."""

    def read_text(self, path: str) -> str | None:
        """The text of a file; None when it is not there or not ours to read."""

    def names_in(self, directory: str) -> tuple[str, ...]:
        """The sorted names in a directory; empty when it is not there."""

    def parse_nginx(self, path: str) -> Mapping[str, Any]:
        """Crossplane's reading of an nginx configuration with all that it includes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One kind of web server, as functions over values.

    ``view`` returns what the templates see as ``site``; ``probe`` returns facts for a layout, or
    None where it is not installed; ``missing`` returns the modules that the site needs and the
    server lacks, and what to say of them.
    """

    kind: Kind
    capabilities: Mapping[str, Capability]
    layouts: tuple[Layout, ...]
    newest: ServerFacts
    quote: Callable[[str], str]
    view: Callable[[Site, ServerFacts, Places], Mapping[str, Any]]
    probe: Callable[[Host, Layout], ServerFacts | None]
    missing: Callable[[Site, ServerFacts], tuple[tuple[str, ...], str]]

    def can(self, facts: ServerFacts, capability: str) -> bool:
        """Whether the server that the facts describe has a capability of its table."""
        return self.capabilities[capability].holds(facts)


def parse_version(text: str) -> Version:
    """Return ``2.4.71`` as ``(2, 4, 71)``; raises InputError for anything else."""
    parts = text.split(".")
    if len(parts) not in {2, 3} or not all(
        p.isascii() and p.isdigit() and len(p) < 6 for p in parts
    ):
        raise InputError(f"{text!r} is not a version like 2.4.71")
    return tuple(int(part) for part in parts)


def show_version(version: Version | None) -> str:
    """Return ``(2, 4, 71)`` as ``2.4.71``."""
    return ".".join(map(str, version)) if version else "unknown"
