"""What the templates of both servers see of a site, before each adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vhostsmith.backend import Backend, BackendTls
from vhostsmith.model import CHALLENGE_PATH, Docroot, Redirect, Route, Site
from vhostsmith.names import literal
from vhostsmith.servers.base import Places

# Headers that apps believe (Tornado, Django, Rails, PHP frameworks, IIS bridges) and that mod_proxy
# and nginx pass on as the client sent them.
FORGED_HEADERS = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Forwarded-Proto",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Scheme",
    "X-Real-IP",
)


def common_view(site: Site, places: Places) -> Mapping[str, Any]:
    """Return the values that do not depend on the server (docs/reference/templates.md)."""
    docroot = site.action if isinstance(site.action, Docroot) else None
    default_port = site.https_port == 443
    return {
        "name": site.name.text,
        "aliases": [alias.text for alias in site.aliases],
        "has_aliases": bool(site.aliases) or site.name.is_wildcard,
        "id": site.name.identifier,
        "http_port": site.http_port,
        "https_port": site.https_port,
        "public_suffix": "" if default_port else f":{site.https_port}",
        "fallback_host": _fallback_host(site),
        "certificate": places.certificate,
        "key": places.key,
        "challenge_path": CHALLENGE_PATH,
        "challenges": places.challenges,
        "log": f"{places.logs}/{site.name.stem}",
        "hsts_s": site.tls.hsts_s if places.trusted else 0,
        "redirect_status": 308 if places.trusted else 307,
        "redirect_to": site.action.to if isinstance(site.action, Redirect) else "",
        "max_body": site.limits.max_body,
        "timeout_s": site.limits.timeout_s,
        "has_root": any(route.path == "/" for route in site.routes),
        "allow": list(site.access.allow),
        "basic_auth": site.access.basic_auth or "",
        "is_open": site.access.is_open,
        "docroot": docroot.path if docroot else "",
        "php": (docroot.php or "") if docroot else "",
    }


def moved_paths(route: Route) -> Mapping[str, Any]:
    """Return what an app writes into redirects and cookies where it has other paths than the site.

    ``moved_path`` and ``moved_cookie`` are patterns for its path, with what ends it; an app that
    knows its prefix already, and says it, is left alone.
    """
    target = route.target_path
    if target == "/":
        own = literal(route.path[1:])
        path, cookie = f"/(?!/|{own})", f"/(?!{own})"
    else:
        path, cookie = literal(target), f"{literal(target[:-1])}(?:/|(?=;|$))"
    return {"is_moved": target != route.path, "moved_path": path, "moved_cookie": cookie}


def _fallback_host(site: Site) -> str:
    """Return the name to redirect to where the client asked for none of the site's."""
    exact = [name.url_host for name in site.names if not name.is_wildcard]
    return exact[0] if exact else site.name.text.removeprefix("*.")


def trust_file(backend: Backend, tls: BackendTls, places: Places) -> str:
    """Return the file of certificates that the backend's is checked against."""
    if tls.ca is not None:
        return tls.ca
    return places.pin(backend.host, backend.port) if tls.mode == "pin" else places.ca_bundle


def why_tls(tls: BackendTls) -> str:
    """Return the line that stands above the directives which verify an HTTPS backend."""
    if tls.mode == "pin":
        return "Its certificate is self-signed: exactly this one is accepted"
    if tls.mode == "insecure":
        return "Not verified: whatever answers at this address gets the users' passwords"
    if tls.ca:
        return "Its certificate must come from this authority"
    return "Its certificate must be a public authority's, for the right name"


def keeps_host(backend: Backend, site: Site) -> bool:
    """Whether the backend is asked for the public name.

    Apache checks a backend's certificate against the name that it sends as Host (mod_proxy: with
    ProxyPreserveHost the client's), so a backend that is verified by the machine's public CAs under
    a name of its own is asked for that name, on both servers alike; the public one is in
    X-Forwarded-Host.
    """
    tls = backend.tls
    if tls is None or tls.mode != "verify" or tls.ca is not None:
        return True
    return tls.name in {name.text for name in site.names}
