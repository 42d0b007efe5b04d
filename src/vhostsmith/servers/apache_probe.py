"""What an Apache says about itself, parsed: ``-V``, ``-M`` and ``-S`` of the real program."""

from __future__ import annotations

import re

from vhostsmith.servers.base import DefaultServer, Host, Layout, ServerFacts, Version


def probe(host: Host, layout: Layout) -> ServerFacts | None:
    """Return the facts of the Apache of this layout, or None where it is not installed."""
    answer = host.run(layout.control, "-V")
    if answer is None or answer.code != 0:
        return None
    modules = host.run(layout.control, "-M")
    virtual_hosts = host.run(layout.control, "-S")
    # A distribution's mod_ssl and its openssl program are linked to the same library.
    library = host.run("/usr/bin/openssl", "version")
    directory = layout.modules or ""
    return ServerFacts(
        kind="apache",
        version=parse_server_version(answer.stdout),
        openssl=parse_openssl(library.stdout if library else ""),
        modules=parse_modules(modules.stdout if modules else ""),
        available=parse_available(host.names_in(directory)),
        mpm=parse_mpm(answer.stdout),
        ipv6=has_ipv6(host),
        default_servers=parse_default_servers(virtual_hosts.stdout if virtual_hosts else ""),
        layout=layout,
    )


def parse_server_version(text: str) -> Version | None:
    """Return the version in ``Server version: Apache/2.4.71 (Debian)``."""
    match = re.search(r"Apache/(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else None


def parse_openssl(text: str) -> Version | None:
    """Return the library in ``OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 …)``."""
    match = re.search(r"Library: OpenSSL (\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else None


def parse_mpm(text: str) -> str | None:
    """Return the MPM in ``Server MPM: event``; Debian's binary says it only through apache2ctl."""
    match = re.search(r"^Server MPM:[ \t]+(\w+)", text, re.MULTILINE)
    return match[1].lower() if match else None


def parse_modules(text: str) -> tuple[str, ...]:
    """Return the names in ``ssl_module (shared)``, without ``_module``, sorted."""
    return tuple(sorted(re.findall(r"^ (\w+)_module \((?:static|shared)\)", text, re.MULTILINE)))


def parse_available(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the modules whose files lie in a modules directory, sorted."""
    found = (re.fullmatch(r"mod_(\w+)\.so", name) for name in names)
    return tuple(sorted(match[1] for match in found if match))


def parse_default_servers(text: str) -> tuple[DefaultServer, ...]:
    """Return the first virtual host of each address in the answer to ``-S``."""
    found: dict[str, DefaultServer] = {}
    address = ""
    for line in text.splitlines():
        single = re.match(r"(\S+:\d+|\S+:\*)\s+(\S+) \((.+:\d+)\)$", line)
        several = re.match(r"(\S+:(?:\d+|\*))\s+is a NameVirtualHost$", line)
        default = re.match(r"\s+default server (\S+) \((.+:\d+)\)$", line)
        if single:
            found[single[1]] = DefaultServer(address=single[1], name=single[2], where=single[3])
        elif several:
            address = several[1]
        elif default and address:
            found[address] = DefaultServer(address=address, name=default[1], where=default[2])
    return tuple(found.values())


def has_ipv6(host: Host) -> bool:
    """Whether the kernel has IPv6 addresses to listen on (proc(5), /proc/net/if_inet6)."""
    return bool(host.read_text("/proc/net/if_inet6"))
