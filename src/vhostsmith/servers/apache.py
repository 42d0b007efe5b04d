"""Apache httpd 2.4: capabilities, layouts, quoting, and a site as its templates see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vhostsmith.backend import Backend, BackendTls
from vhostsmith.errors import InputError
from vhostsmith.model import Docroot, Proxy, Redirect, Route, Site
from vhostsmith.names import literal
from vhostsmith.servers.apache_probe import probe
from vhostsmith.servers.base import Capability, Layout, Places, Server, ServerFacts
from vhostsmith.servers.view import (
    FORGED_HEADERS,
    common_view,
    keeps_host,
    moved_paths,
    trust_file,
    why_tls,
)

CAPABILITIES: Mapping[str, Capability] = {
    "proxy_upgrade": Capability(
        since=(2, 4, 47), source="CHANGES 2.4.47, mod_proxy_http: upgrade= on ProxyPass"
    ),
    "proxy_tls_per_backend": Capability(
        since=(2, 4, 30), source="CHANGES 2.4.30: SSLProxy* directives in <Proxy> sections"
    ),
    "http2": Capability(
        since=(2, 4, 17),
        not_mpm="prefork",
        source="CHANGES 2.4.17 (mod_http2), 2.4.27 (not with prefork)",
    ),
    "tls13": Capability(since=(2, 4, 36), source="CHANGES 2.4.36: TLSv1.3 with OpenSSL 1.1.1"),
    "mlkem": Capability(openssl=(3, 5), source="OpenSSL CHANGES 3.5: X25519MLKEM768"),
}

DEBIAN = Layout(
    name="debian-apache2",
    kind="apache",
    binary="/usr/sbin/apache2",
    control="/usr/sbin/apache2ctl",
    config="/etc/apache2/apache2.conf",
    sites="/etc/apache2/sites-available",
    logs="/var/log/apache2",
    user="www-data",
    ca_bundle="/etc/ssl/certs/ca-certificates.crt",
    modules="/usr/lib/apache2/modules",
    enable="a2ensite {stem}",
    reload="apachectl configtest && systemctl reload apache2",
)

# What `render` assumes where no Apache is installed. OpenSSL stays unknown: a group that it does
# not know passes configtest and ends the server.
NEWEST = ServerFacts(
    kind="apache",
    version=(2, 4, 71),
    openssl=None,
    modules=(),
    available=(),
    mpm="event",
    ipv6=True,
    default_servers=(),
    layout=DEBIAN,
)


_SET_HEADERS = frozenset({"X-Forwarded-Proto", "X-Forwarded-Port", "X-Scheme", "X-Real-IP"})


def quote(text: str) -> str:
    r"""Return a directive's argument: ``"``, with ``\`` and ``"`` escaped.

    ``${NAME}`` is replaced inside quotes too and nothing can stop it (httpd docs, configuring.html,
    "Syntax"), so it is refused.
    """
    value = str(text)
    if "${" in value:
        raise InputError(
            f"{value!r} holds '${{', which Apache replaces by a variable even inside quotes",
            remedy="use another name, or a link without it",
        )
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def view(site: Site, facts: ServerFacts, places: Places) -> Mapping[str, Any]:
    """What the templates see as ``site``; see docs/reference/templates.md."""
    seen = dict(common_view(site, places))
    settings = {_tls_key(r.backend, places): r.backend for r in site.routes if r.backend.tls}
    if len(settings) > 1 and not CAPABILITIES["proxy_tls_per_backend"].holds(facts):
        raise InputError(
            "this Apache verifies all HTTPS backends of a site alike (before 2.4.30)",
            remedy="give the second backend a site of its own",
        )
    use_rewrite = site.websocket == "rewrite" or (
        site.websocket == "auto" and not CAPABILITIES["proxy_upgrade"].holds(facts)
    )
    if site.websocket == "native" and not CAPABILITIES["proxy_upgrade"].holds(facts):
        raise InputError(
            "this Apache has no upgrade= on ProxyPass (2.4.47 and later)",
            remedy="use --websocket rewrite, or auto",
        )
    per_backend = len(settings) > 1
    seen["server_name"] = _server_name(site)
    seen["server_aliases"] = _server_aliases(site)
    seen["websocket"] = "off" if site.websocket == "off" else "rewrite" if use_rewrite else "native"
    hosts = _socket_hosts(site)
    seen["routes"] = [_route(route, site, hosts) for route in site.routes]
    seen["has_tls_backend"] = bool(settings)
    seen["backend_tls"] = (
        [_backend_tls(b, places) for b in settings.values()] if not per_backend else []
    )
    seen["backend_sections"] = (
        [_backend_section(r.backend, places) for r in _distinct(site.routes)] if per_backend else []
    )
    seen["host_pattern"] = "|".join(name.pattern for name in site.names)
    seen["forged_headers"] = [
        *(name for name in FORGED_HEADERS if not (site.routes and name in _SET_HEADERS)),
        *(["Authorization"] if site.access.basic_auth else []),
    ]
    seen["mounts"] = [route for route in seen["routes"] if not route["is_root"]]
    seen["confined_pattern"] = "|".join(
        literal(route["path"]) for route in seen["routes"] if route["is_confined"]
    )
    seen["moved"] = [route for route in seen["routes"] if route["is_moved"]]
    seen["foreign_hosts"] = [route for route in seen["routes"] if not route["keeps_host"]]
    return seen


def missing(site: Site, facts: ServerFacts) -> tuple[tuple[str, ...], str]:
    """Return the modules that the site needs and that are not loaded, and how to enable them."""
    needed = {"alias", "headers", "rewrite", "setenvif", "socache_shmcb", "ssl"}
    if CAPABILITIES["http2"].holds(facts):
        needed.add("http2")
    if isinstance(site.action, Proxy):
        needed |= {"proxy", "proxy_http"}
        if site.websocket in {"auto", "rewrite"} and not CAPABILITIES["proxy_upgrade"].holds(facts):
            needed.add("proxy_wstunnel")
    if isinstance(site.action, Docroot):
        needed |= {"dir", "mime"} | ({"env", "proxy", "proxy_fcgi"} if site.action.php else set())
    if isinstance(site.action, Redirect):
        needed -= {"socache_shmcb"}
    if site.access.basic_auth:
        needed |= {"auth_basic", "authn_file", "authz_user"}
    if site.access.allow:
        needed.add("authz_host")
    absent = tuple(sorted(needed - set(facts.modules)))
    return absent, f"modules that are not loaded yet: a2enmod {' '.join(absent)}"


def _public_urls(route: Route, site: Site) -> list[str]:
    """Return what an app calls itself that takes the site for plain HTTP.

    ProxyPassReverse lines of a site are one list for all its paths, so a stripped path cannot claim
    the root's URL; its redirects are edited instead.
    """
    if route.target_path != route.path:
        return []
    port = "" if site.https_port == 443 else f":{site.https_port}"
    names = [name.url_host for name in site.names if not name.is_wildcard]
    return [f"http://{name}{port}{route.path}" for name in names]


def _server_name(site: Site) -> str:
    """Return what stands for the name in ServerName, which takes no wildcard and no IPv6 address.

    A name that no client sends stands for those; ServerAlias has them (httpd docs, ServerName).
    """
    if site.name.is_any:
        return "catch-all.invalid"
    if site.name.kind == "ipv6":
        return f"{site.name.stem}.invalid"
    return site.name.text.replace("*.", "_wildcard.", 1)


def _server_aliases(site: Site) -> list[str]:
    own = [site.name.url_host] if site.name.is_wildcard or site.name.kind == "ipv6" else []
    return own + [alias.text for alias in site.aliases]


def _socket_hosts(site: Site) -> Mapping[str, str]:
    """Return a host part for each unix socket: mod_proxy tells them apart by nothing else."""
    sockets = dict.fromkeys(route.backend.socket for route in site.routes if route.backend.socket)
    if len(sockets) == 1:
        return dict.fromkeys(sockets, "localhost")
    return {socket: f"socket-{number}.localhost" for number, socket in enumerate(sockets, start=1)}


def _route(route: Route, site: Site, socket_hosts: Mapping[str, str]) -> dict[str, Any]:
    backend = route.backend
    host = socket_hosts[backend.socket] if backend.socket else backend.url_authority
    authority = f"{host}{route.target_path}"
    through = f"unix:{backend.socket}|" if backend.socket else ""
    ws_scheme = "wss" if backend.tls else "ws"
    return {
        "path": route.path,
        "bare_path": route.path.rstrip("/"),
        "is_root": route.path == "/",
        "is_confined": route.path != "/" or route.target_path != "/",
        "is_stripped": route.prefix == "strip" and route.path != "/",
        **moved_paths(route),
        "url": f"{through}{backend.scheme}://{authority}",
        "reverse_url": f"{backend.scheme}://{authority}",
        "websocket_url": f"{through}{ws_scheme}://{authority}",
        "public_urls": _public_urls(route, site),
        "keeps_host": keeps_host(backend, site),
    }


def _tls_key(backend: Backend, places: Places) -> tuple[Any, ...]:
    made = _backend_tls(backend, places)
    return tuple(sorted(made.items()))


def _backend_tls(backend: Backend, places: Places) -> dict[str, Any]:
    tls = backend.tls or BackendTls(mode="insecure")
    return {
        "verifies": tls.mode != "insecure",
        "authority": trust_file(backend, tls, places),
        "has_chain": tls.mode == "verify",
        "checks_name": tls.mode == "verify" and tls.ca is None,
        "why": why_tls(tls),
    }


def _backend_section(backend: Backend, places: Places) -> dict[str, Any]:
    return {"authority_pattern": literal(backend.url_authority), **_backend_tls(backend, places)}


def _distinct(routes: tuple[Route, ...]) -> list[Route]:
    seen: dict[str, Route] = {}
    for route in routes:
        if route.backend.tls:
            seen.setdefault(route.backend.authority, route)
    return list(seen.values())


SERVER = Server(
    kind="apache",
    capabilities=CAPABILITIES,
    layouts=(DEBIAN,),
    newest=NEWEST,
    quote=quote,
    view=view,
    probe=probe,
    missing=missing,
)
