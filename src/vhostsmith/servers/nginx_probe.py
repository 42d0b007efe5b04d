"""What an nginx says about itself, parsed: ``-V`` of the real program, and crossplane's reading of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vhostsmith.servers.base import DefaultServer, Host, Layout, ServerFacts, Version


def probe(host: Host, layout: Layout) -> ServerFacts | None:
    """Return the facts of the nginx of this layout, or None where it is not installed."""
    answer = host.run(layout.control, "-V")
    if answer is None or answer.code != 0:
        return None
    return ServerFacts(
        kind="nginx",
        version=parse_server_version(answer.stderr),
        openssl=parse_openssl(answer.stderr),
        modules=parse_modules(answer.stderr),
        available=(),
        mpm=None,
        ipv6=bool(host.read_text("/proc/net/if_inet6")),
        default_servers=parse_default_servers(host.parse_nginx(layout.config)),
        layout=layout,
    )


def parse_server_version(text: str) -> Version | None:
    """Return the version in ``nginx version: nginx/1.22.1``."""
    match = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else None


def parse_openssl(text: str) -> Version | None:
    """Return OpenSSL's version: the running one where it differs from the one built with."""
    match = re.search(r"running with OpenSSL (\d+)\.(\d+)\.(\d+)", text) or re.search(
        r"built with OpenSSL (\d+)\.(\d+)\.(\d+)", text
    )
    return tuple(int(part) for part in match.groups()) if match else None


def parse_modules(text: str) -> tuple[str, ...]:
    """Return the optional modules compiled in, ``http_v2`` for ``--with-http_v2_module``, sorted."""
    return tuple(sorted(set(re.findall(r"--with-(\w+)_module(?![=\w])", text))))


def parse_default_servers(payload: Mapping[str, Any]) -> tuple[DefaultServer, ...]:
    """Return who answers on each listening address for other names: ``default_server``, else the first."""
    found: dict[str, DefaultServer] = {}
    marked: set[str] = set()
    for config in payload.get("config", ()):
        for server in _servers(config.get("parsed", ())):
            names = [
                a for d in server["block"] if d["directive"] == "server_name" for a in d["args"]
            ]
            for directive in server["block"]:
                if directive["directive"] != "listen" or not directive["args"]:
                    continue
                address = directive["args"][0]
                is_marked = "default_server" in directive["args"]
                if address in found and (address in marked or not is_marked):
                    continue
                marked |= {address} if is_marked else set()
                found[address] = DefaultServer(
                    address=address,
                    name=names[0] if names else "",
                    where=f"{config['file']}:{directive['line']}",
                )
    return tuple(found.values())


def _servers(directives: Any) -> list[Mapping[str, Any]]:
    found = []
    for directive in directives:
        if directive["directive"] == "server" and "block" in directive:
            found.append(directive)
        elif directive["directive"] == "http":
            found.extend(_servers(directive.get("block", ())))
    return found
