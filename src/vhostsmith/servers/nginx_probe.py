"""What an nginx says about itself, parsed: ``-V``, and crossplane's reading of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vhostsmith.servers.base import DefaultServer, Host, Layout, ServerFacts, Version

_Located = tuple[str, Mapping[str, Any]]


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
    """Return the optional modules compiled in, ``http_v2`` of ``--with-http_v2_module``, sorted."""
    return tuple(sorted(set(re.findall(r"--with-(\w+)_module(?![=\w])", text))))


def parse_default_servers(payload: Mapping[str, Any]) -> tuple[DefaultServer, ...]:
    """Return who answers on each address for other names: ``default_server``, else the first.

    An address is written as Apache does, ``*:443`` for each that means all of IPv4.
    """
    files = payload.get("config", ())
    found: dict[str, DefaultServer] = {}
    marked: set[str] = set()
    for where, block in _servers(files):
        names = [n for _, d in block if d["directive"] == "server_name" for n in d["args"]]
        listens = [
            (_address(d["args"][0]), "default_server" in d["args"], f"{file}:{d['line']}")
            for file, d in block
            if d["directive"] == "listen" and d["args"]
        ]
        for address, is_marked, line in listens or [("*:80", False, where)]:
            if address in found and (address in marked or not is_marked):
                continue
            marked |= {address} if is_marked else set()
            found[address] = DefaultServer(
                address=address, name=names[0] if names else "", where=line
            )
    return tuple(found.values())


def _address(text: str) -> str:
    """Return the address of a ``listen`` as nginx reads it: without a port it is 80."""
    if text.startswith("unix:"):
        return text
    host, colon, port = ("*", ":", text) if text.isdigit() else text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "80"
    is_any = host == "0.0.0.0"  # noqa: S104  # read, not bound
    return f"{'*' if is_any else host}:{port}"


def _servers(files: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[_Located, ...]]]:
    """Yield the place and the directives of each HTTP server, in nginx's order."""
    for file, http in _directives(files, 0) if files else ():
        if http["directive"] != "http":
            continue
        for inner, server in _located(files, file, http.get("block", ())):
            if server["directive"] == "server" and "block" in server:
                block = tuple(_located(files, inner, server["block"]))
                yield f"{inner}:{server['line']}", block


def _directives(
    files: Sequence[Mapping[str, Any]], number: int, seen: frozenset[int] = frozenset()
) -> Iterator[_Located]:
    yield from _located(files, files[number]["file"], files[number]["parsed"], seen | {number})


def _located(
    files: Sequence[Mapping[str, Any]],
    file: str,
    directives: Sequence[Mapping[str, Any]],
    seen: frozenset[int] = frozenset(),
) -> Iterator[_Located]:
    """Yield directives with their file, those of an included file in the place of the include."""
    for directive in directives:
        if directive["directive"] != "include":
            yield file, directive
            continue
        for number in directive.get("includes", ()):
            if number not in seen:
                yield from _directives(files, number, seen)
