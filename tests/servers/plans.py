"""The sites that are run, as values: the same ones for every server."""

from __future__ import annotations

import dataclasses

from servers.front import Flavour, Wish
from servers.ground import OUTDATED, VOUCHED, Ground
from vhostsmith.backend import Backend, BackendTls, parse_backend
from vhostsmith.model import (
    Access,
    CertificateSource,
    Docroot,
    Limits,
    Proxy,
    Redirect,
    Refuse,
    Route,
    Site,
    Tls,
)
from vhostsmith.names import parse_name

NAME = parse_name("site.test")
OWN = CertificateSource(kind="self-signed")
# As in Debian's apache2.conf, but for the overrides, which some people allow.
_DIRECTORIES = """
<Directory "/">
    AllowOverride All
    Require all denied
</Directory>
"""


def root(flavour: Flavour, ground: Ground) -> Wish:
    """A whole host in front of one app; HSTS is asked for, too early."""
    site = proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    return Wish(
        site=dataclasses.replace(site, tls=Tls(hsts_s=3600)), server_lines=_for_server(flavour)
    )


def mounts(flavour: Flavour, ground: Ground) -> Wish:
    """Three apps: at the root, at a path that is kept and at one that is stripped."""
    scheme = flavour.scheme
    site = proxy(
        flavour,
        Route(path="/", backend=ground.backend(scheme, "root")),
        Route(path="/jup/", backend=ground.backend(scheme, "kept")),
        Route(path="/app.v1/", backend=ground.backend(scheme, "stripped"), prefix="strip"),
    )
    return Wish(site=site)


def based(flavour: Flavour, ground: Ground) -> Wish:
    """Backends with a base path, at the root, kept and stripped."""
    scheme = flavour.scheme
    site = proxy(
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
        site=proxy(flavour, Route(path="/jup/", backend=ground.backend(flavour.scheme, "kept")))
    )


def names(flavour: Flavour, ground: Ground) -> Wish:
    """A site with an alias and a wildcard, a certificate that clients trust, and no HSTS.

    Debian's Apache keeps sessions by a line of its own, as here.
    """
    site = proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    aliases = (parse_name("www.site.test"), parse_name("*.apps.test"))
    cache = 'SSLSessionCache "shmcb:tmp/sessions(512000)"\n'
    return Wish(
        site=dataclasses.replace(site, aliases=aliases),
        trusted=True,
        server_lines=cache if flavour.server == "apache" else "",
    )


def wildcard(flavour: Flavour, ground: Ground) -> Wish:
    """A site for every name below another."""
    site = proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    return Wish(site=dataclasses.replace(site, name=parse_name("*.apps.test")))


def address(flavour: Flavour, ground: Ground) -> Wish:
    """A site that has no name."""
    site = proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    return Wish(site=dataclasses.replace(site, name=parse_name("127.0.0.1")))


def twice(flavour: Flavour, ground: Ground) -> Wish:
    """Two base paths of one app."""
    site = proxy(
        flavour,
        Route(path="/", backend=ground.backend(flavour.scheme, "root", "/one")),
        Route(path="/jup/", backend=ground.backend(flavour.scheme, "root", "/two")),
    )
    return Wish(site=site)


def trusted(flavour: Flavour, ground: Ground) -> Wish:
    """All that needs a certificate that clients trust, and the strictest guideline."""
    site = proxy(flavour, Route(path="/", backend=ground.backend(flavour.scheme, "root")))
    tls = Tls(guideline="modern", hsts_s=3600)
    return Wish(site=dataclasses.replace(site, tls=tls), trusted=True)


def limits(flavour: Flavour, ground: Ground) -> Wish:
    """Bodies of at most 100 kB, and patience for a second."""
    site = proxy(
        flavour,
        Route(path="/", backend=ground.backend(flavour.scheme, "root")),
        Route(path="/jup/", backend=ground.backend(flavour.scheme, "kept")),
    )
    return Wish(site=dataclasses.replace(site, limits=Limits(max_body=100_000, timeout_s=1)))


def mispinned(flavour: Flavour, ground: Ground) -> Wish:
    """One app that shows another certificate than the one that was pinned."""
    wish = root(flavour, ground)
    mine, other = (ground.backend("https", name).authority for name in ("root", "kept"))
    return dataclasses.replace(wish, pins={mine: ground.pins[other]})


def mispinned_both(flavour: Flavour, ground: Ground) -> Wish:
    """Two apps, each with the other's pin."""
    site = proxy(
        flavour,
        Route(path="/", backend=ground.backend("https", "root")),
        Route(path="/jup/", backend=ground.backend("https", "kept")),
    )
    mine, other = (route.backend.authority for route in site.routes)
    return Wish(site=site, pins={mine: ground.pins[other], other: ground.pins[mine]})


def careless(flavour: Flavour, ground: Ground) -> Wish:
    """An app that is not verified; its certificate has expired."""
    backend = ground.judged(OUTDATED, BackendTls(mode="insecure"))
    return Wish(site=proxy(flavour, Route(path="/", backend=backend)))


def vouched(flavour: Flavour, ground: Ground) -> Wish:
    """An app whose certificate comes from an authority, by two intermediates."""
    tls = BackendTls(mode="verify", ca=ground.authority, name="app.test")
    backend = ground.judged(VOUCHED, tls)
    return Wish(site=proxy(flavour, Route(path="/", backend=backend)))


def sockets(flavour: Flavour, ground: Ground) -> Wish:
    """Three apps on unix sockets."""

    def backend(name: str) -> Backend:
        return parse_backend(f"unix:{ground.sockets[name].socket_path}")

    site = proxy(
        flavour,
        Route(path="/", backend=backend("root")),
        Route(path="/jup/", backend=backend("kept")),
        Route(path="/app.v1/", backend=backend("stripped"), prefix="strip"),
    )
    return Wish(site=site)


def known_users(flavour: Flavour, ground: Ground) -> Wish:
    """Whoever has a password."""
    return _guarded(flavour, ground, Access(basic_auth=ground.password_file))


def known_addresses(flavour: Flavour, ground: Ground) -> Wish:
    """Whoever comes from 127.0.0.0 to 127.0.0.7."""
    return _guarded(flavour, ground, Access(allow=("127.0.0.0/29", "::1")))


def known_both(flavour: Flavour, ground: Ground) -> Wish:
    """Whoever has a password and comes from there."""
    access = Access(allow=("127.0.0.0/29", "::1"), basic_auth=ground.password_file)
    return _guarded(flavour, ground, access)


def _guarded(flavour: Flavour, ground: Ground, access: Access) -> Wish:
    wish = mounts(flavour, ground)
    return dataclasses.replace(wish, site=dataclasses.replace(wish.site, access=access))


def files(flavour: Flavour, ground: Ground) -> Wish:
    """A directory."""
    site = Site(name=NAME, action=Docroot(path=ground.docroot), certificate=OWN)
    return Wish(site=site, server_lines=_for_server(flavour))


def php(flavour: Flavour, ground: Ground) -> Wish:
    """A directory with PHP, and HSTS."""
    action = Docroot(path=ground.docroot, php=ground.php_socket)
    site = Site(name=NAME, action=action, certificate=OWN, tls=Tls(hsts_s=3600))
    return Wish(site=site, trusted=True, server_lines=_for_server(flavour))


def limited_php(flavour: Flavour, ground: Ground) -> Wish:
    """The same with bodies of at most 100 kB."""
    wish = php(flavour, ground)
    return dataclasses.replace(
        wish, site=dataclasses.replace(wish.site, limits=Limits(max_body=100_000))
    )


def elsewhere(flavour: Flavour, ground: Ground) -> Wish:
    """A site that sends everybody to another, into a directory."""
    action = Redirect(to="https://elsewhere.test:8443/base")
    return Wish(site=Site(name=NAME, action=action, certificate=OWN))


def beside_a_catch_all(flavour: Flavour, ground: Ground) -> Wish:
    """A site, and one that refuses all names that nobody declared."""
    refusal = Site(name=parse_name("_"), action=Refuse(), certificate=OWN)
    return dataclasses.replace(root(flavour, ground), beside=refusal)


def proxy(flavour: Flavour, *routes: Route) -> Site:
    """Return a site that does nothing but pass requests on."""
    return Site(
        name=NAME, action=Proxy(routes=routes), certificate=OWN, websocket=flavour.websocket
    )


def _for_server(flavour: Flavour) -> str:
    return _DIRECTORIES if flavour.server == "apache" else ""
