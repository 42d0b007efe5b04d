"""nginx: capabilities, layouts, quoting, and a site as its templates see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vhostsmith.backend import Backend
from vhostsmith.errors import InputError
from vhostsmith.model import Route, Site
from vhostsmith.names import literal
from vhostsmith.servers.base import Capability, Layout, Places, Server, ServerFacts
from vhostsmith.servers.nginx_probe import probe
from vhostsmith.servers.view import (
    FORGED_HEADERS,
    common_view,
    keeps_host,
    moved_paths,
    trust_file,
    why_tls,
)

CAPABILITIES: Mapping[str, Capability] = {
    "http2": Capability(module="http_v2", source="docs, ngx_http_v2_module: --with-http_v2_module"),
    "http2_directive": Capability(
        since=(1, 25, 1),
        module="http_v2",
        source="CHANGES 1.25.1: the http2 directive; listen … http2 deprecated",
    ),
    "reject_handshake": Capability(since=(1, 19, 4), source="CHANGES 1.19.4: ssl_reject_handshake"),
    "protocols_per_name": Capability(
        since=(1, 29, 2), source="CHANGES 1.29.2: ssl_protocols of a virtual server is honoured"
    ),
    "tls13": Capability(source="CHANGES 1.13.0: TLSv1.3"),
    "mlkem": Capability(openssl=(3, 5), source="OpenSSL CHANGES 3.5: X25519MLKEM768"),
}

DEBIAN = Layout(
    name="debian-nginx",
    kind="nginx",
    binary="/usr/sbin/nginx",
    control="/usr/sbin/nginx",
    config="/etc/nginx/nginx.conf",
    sites="/etc/nginx/sites-available",
    logs="/var/log/nginx",
    user="www-data",
    ca_bundle="/etc/ssl/certs/ca-certificates.crt",
    enable="ln -s ../sites-available/{stem}.conf /etc/nginx/sites-enabled/",
    reload="nginx -t && systemctl reload nginx",
)

NGINX_ORG = Layout(
    name="nginx-org",
    kind="nginx",
    binary="/usr/sbin/nginx",
    control="/usr/sbin/nginx",
    config="/etc/nginx/nginx.conf",
    sites="/etc/nginx/conf.d",
    logs="/var/log/nginx",
    user="nginx",
    ca_bundle="/etc/ssl/certs/ca-certificates.crt",
    enable="",
    reload="nginx -t && systemctl reload nginx",
)

NEWEST = ServerFacts(
    kind="nginx",
    version=(1, 22, 1),
    openssl=None,
    modules=("http_ssl", "http_v2"),
    available=(),
    mpm=None,
    ipv6=True,
    default_servers=(),
    layout=DEBIAN,
)


_SET_HEADERS = frozenset(
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Scheme",
        "X-Real-IP",
    ]
)


def quote(text: str) -> str:
    r"""Return a directive's argument: ``"``, with ``\`` and ``"`` escaped.

    nginx has no way to write a ``$`` that is not a variable, so it is refused.
    """
    value = str(text)
    if "$" in value:
        raise InputError(
            f"{value!r} holds '$', which nginx always reads as a variable",
            remedy="use another name, or a link without it",
        )
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def view(site: Site, facts: ServerFacts, places: Places) -> Mapping[str, Any]:
    """What the templates see as ``site``; see docs/reference/templates.md."""
    seen = dict(common_view(site, places))
    upstreams = _upstreams(site)
    seen["http_listens"] = _listens(site.http_port, facts, places)
    seen["https_listens"] = _listens(site.https_port, facts, places)
    seen["server_names"] = " ".join(name.url_host for name in site.names)
    seen["needs_default_server"] = site.name.is_ip or site.name.is_any
    seen["redirect_host"] = (
        f"$vs_{site.name.identifier}_host" if seen["has_aliases"] else seen["fallback_host"]
    )
    seen["redirect_hosts"] = [name.url_host for name in site.names]
    seen["has_websocket"] = site.websocket != "off" and bool(site.routes)
    seen["host_variable"] = "$host" if site.https_port == 443 else "$host:$server_port"
    seen["forged_variables"] = [
        "HTTP_" + name.upper().replace("-", "_")
        for name in (
            *FORGED_HEADERS,
            "Forwarded",
            *(["Authorization"] if site.access.basic_auth else []),
        )
    ]
    seen["upstreams"] = [
        {"name": name, "server": server} for (server, *_), name in upstreams.items()
    ]
    seen["routes"] = [
        _route(route, site, places, upstreams, number)
        for number, route in enumerate(site.routes, start=1)
    ]
    seen["confined"] = [route for route in seen["routes"] if route["is_confined"]]
    return seen


def missing(site: Site, facts: ServerFacts) -> tuple[tuple[str, ...], str]:
    """Return the modules that every site needs and that are not compiled in."""
    del site  # nginx has the others in every build
    absent = () if "http_ssl" in facts.modules else ("http_ssl",)
    return absent, "this nginx has no TLS: install one that is built with --with-http_ssl_module"


def _listens(port: int, facts: ServerFacts, places: Places) -> list[str]:
    if places.listen is not None:
        return [f"{address}:{port}" for address in places.listen]
    return [str(port), f"[::]:{port}"] if facts.ipv6 else [str(port)]


def _server(backend: Backend) -> str:
    return f"unix:{backend.socket}" if backend.socket else backend.authority


def _upstreams(site: Site) -> Mapping[tuple[Any, ...], str]:
    """Return a name per distinct backend: kept connections must not mix TLS settings."""
    names: dict[tuple[Any, ...], str] = {}
    for route in reversed(site.routes):
        number = len(names) + 1
        suffix = "" if number == 1 else f"_{number}"
        names.setdefault(_pool(route.backend), f"vs_{site.name.identifier}{suffix}")
    return names


def _pool(backend: Backend) -> tuple[Any, ...]:
    return _server(backend), backend.scheme, backend.tls


def _route(
    route: Route,
    site: Site,
    places: Places,
    upstreams: Mapping[tuple[Any, ...], str],
    number: int,
) -> dict[str, Any]:
    backend = route.backend
    is_stripped = route.prefix == "strip" and route.path != "/"
    is_confined = route.path != "/" or route.target_path != "/"
    bare = literal(route.path.rstrip("/"))
    rest = f"$vs_{site.name.identifier}_rest" + (f"_{number}" if number > 1 else "")
    return {
        "path": route.path,
        "bare_path": route.path.rstrip("/"),
        "is_root": route.path == "/",
        "is_stripped": is_stripped,
        **moved_paths(route),
        "url": f"{backend.scheme}://{upstreams[_pool(backend)]}"
        + (backend.base + rest if is_confined else ""),
        "is_confined": is_confined,
        "rest_variable": rest,
        "rest_pattern": f"{bare}(/.*)$" if is_stripped else f"({literal(route.path)}.*)$",
        "reverse_url": f"{backend.scheme}://{backend.url_authority}{route.target_path}",
        "redirect_pattern": _redirect_pattern(backend, site),
        "keeps_host": keeps_host(backend, site),
        "backend_host": backend.url_authority,
        "dropped_headers": _dropped(site, is_stripped=is_stripped),
        **_backend_tls(route, places),
    }


def _redirect_pattern(backend: Backend, site: Site) -> str:
    """Return a pattern for what the backend may call itself: its address, or one of the names."""
    names = "|".join(name.pattern for name in site.names)
    return f"{literal(backend.url_authority)}|(?:{names})(?::[0-9]+)?"


def _dropped(site: Site, *, is_stripped: bool) -> list[str]:
    """The headers that the backend must not see; those that we set need no dropping."""
    dropped = [name for name in FORGED_HEADERS if name not in _SET_HEADERS]
    if is_stripped:
        dropped.remove("X-Forwarded-Prefix")
    if site.access.basic_auth:
        dropped.append("Authorization")
    return [*dropped, "Forwarded", "Proxy"]


def _backend_tls(route: Route, places: Places) -> dict[str, Any]:
    """Nginx compares names only, never addresses, and cannot leave the comparison out."""
    backend, tls = route.backend, route.backend.tls
    if tls is None:
        return {"has_tls": False}
    if tls.mode != "insecure" and tls.name is None:
        raise InputError(
            f"nginx compares the certificate of {backend} with a DNS name, and none is known",
            remedy="give the one in it: --backend-name, or backend_name in a site file",
        )
    return {
        "has_tls": True,
        "verifies": tls.mode != "insecure",
        "has_chain": tls.mode == "verify",
        "authority": trust_file(backend, tls, places),
        "why": why_tls(tls),
        "tls_name": tls.name or "",
    }


SERVER = Server(
    kind="nginx",
    capabilities=CAPABILITIES,
    layouts=(DEBIAN, NGINX_ORG),
    newest=NEWEST,
    quote=quote,
    view=view,
    probe=probe,
    missing=missing,
)
