"""The sites that are run, as values: the same ones for every server."""

from __future__ import annotations

import dataclasses

from servers.front import Flavour, Wish
from servers.ground import Ground
from vhostsmith.model import (
    CertificateSource,
    Limits,
    Proxy,
    Route,
    Site,
    Tls,
)
from vhostsmith.names import parse_name

NAME = parse_name("site.test")
OWN = CertificateSource(kind="self-signed")


def root(flavour: Flavour, ground: Ground) -> Wish:
    """A whole host in front of one app; HSTS is asked for, too early."""
    site = _proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    return Wish(site=dataclasses.replace(site, tls=Tls(hsts_s=3600)))


def mounts(flavour: Flavour, ground: Ground) -> Wish:
    """Three apps: at the root, at a path that is kept and at one that is stripped."""
    scheme = flavour.scheme
    site = _proxy(
        flavour,
        Route(path="/", backend=ground.backend(scheme, "root")),
        Route(path="/jup/", backend=ground.backend(scheme, "kept")),
        Route(path="/app.v1/", backend=ground.backend(scheme, "stripped"), prefix="strip"),
    )
    return Wish(site=site)


def based(flavour: Flavour, ground: Ground) -> Wish:
    """Backends with a base path, at the root, kept and stripped."""
    scheme = flavour.scheme
    site = _proxy(
        flavour,
        Route(path="/", backend=ground.backend(scheme, "root", "/base")),
        Route(path="/jup/", backend=ground.backend(scheme, "kept", "/in/ner")),
        Route(
            path="/app.v1/", backend=ground.backend(scheme, "stripped", "/other"), prefix="strip"
        ),
    )
    return Wish(site=site)


def lone(flavour: Flavour, ground: Ground) -> Wish:
    """An app at a path, and nothing at the root."""
    return Wish(
        site=_proxy(flavour, Route(path="/jup/", backend=ground.backend(flavour.scheme, "kept")))
    )


def names(flavour: Flavour, ground: Ground) -> Wish:
    """A site with an alias and a wildcard, a certificate that clients trust, and no HSTS.

    Debian's Apache keeps sessions by a line of its own, as here.
    """
    site = _proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    aliases = (parse_name("www.site.test"), parse_name("*.apps.test"))
    cache = 'SSLSessionCache "shmcb:tmp/sessions(512000)"\n'
    return Wish(
        site=dataclasses.replace(site, aliases=aliases),
        trusted=True,
        server_lines=cache if flavour.server == "apache" else "",
    )


def trusted(flavour: Flavour, ground: Ground) -> Wish:
    """All that needs a certificate that clients trust, and the strictest guideline."""
    site = _proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    tls = Tls(guideline="modern", hsts_s=3600)
    return Wish(site=dataclasses.replace(site, tls=tls), trusted=True)


def limits(flavour: Flavour, ground: Ground) -> Wish:
    """Bodies of at most 100 kB, and patience for two seconds."""
    site = _proxy(
        flavour,
        Route(path="/", backend=ground.backend(flavour.scheme, "root")),
        Route(path="/jup/", backend=ground.backend(flavour.scheme, "kept")),
    )
    return Wish(site=dataclasses.replace(site, limits=Limits(max_body=100_000, timeout_s=2)))


def _proxy(flavour: Flavour, *routes: Route) -> Site:
    return Site(
        name=NAME, action=Proxy(routes=routes), certificate=OWN, websocket=flavour.websocket
    )
