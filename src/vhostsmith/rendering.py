"""(site, facts, places, templates) -> the text of a virtual host: same input, same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vhostsmith import templating, tls
from vhostsmith.model import Docroot, Proxy, Redirect, Refuse, Site
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Places, Server, ServerFacts


def render_site(
    site: Site,
    facts: ServerFacts,
    places: Places,
    *,
    sources: templating.Sources,
    guideline_text: str,
) -> str:
    """Return the configuration file of a site for the server that the facts describe.

    ``sources`` maps template names (``apache/proxy.conf.j2``) to (file, text). Raises InputError
    when the server cannot do what the site asks for, TemplateError when a template is at fault.
    """
    server = SERVERS[facts.kind]
    own = {
        name.removeprefix(f"{facts.kind}/"): source
        for name, source in sources.items()
        if name.startswith(f"{facts.kind}/")
    }
    context = {
        "site": server.view(site, facts, places),
        "tls": _tls_view(site, facts, guideline_text),
        "can": lambda capability: _can(server, facts, capability),
    }
    made = templating.environment(own, server.quote)
    return templating.render(made, f"{_kind_of_site(site)}.conf.j2", context)


def _can(server: Server, facts: ServerFacts, capability: str) -> bool:
    if capability not in server.capabilities:
        raise templating.undefined(f"{server.kind} has no capability {capability!r}")
    return server.can(facts, capability)


def _kind_of_site(site: Site) -> str:
    match site.action:
        case Proxy():
            return "proxy"
        case Docroot():
            return "docroot"
        case Redirect():
            return "redirect"
        case Refuse():
            return "refuse"


def _tls_view(site: Site, facts: ServerFacts, guideline_text: str) -> Mapping[str, Any]:
    server = SERVERS[facts.kind]
    policy = tls.policy(
        guideline_text,
        site.tls.guideline,
        has_tls13=server.can(facts, "tls13"),
        has_mlkem=server.can(facts, "mlkem"),
    )
    protocols = " ".join(policy.protocols)
    if facts.kind == "apache":
        protocols = " ".join(["-all", *(f"+{name}" for name in policy.protocols)])
    return {
        "guideline": site.tls.guideline,
        "version": tls.GUIDELINE_VERSION,
        "protocols": protocols,
        "ciphers": ":".join(policy.ciphers),
        "groups": ":".join(policy.groups),
        "prefer_server_order": "on" if policy.prefer_server_order else "off",
    }
