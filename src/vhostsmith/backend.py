"""Where the requests of a route go: an app on a port, on another machine, or on a unix socket."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from vhostsmith.errors import InputError

Scheme = Literal["http", "https"]
TlsMode = Literal["verify", "pin", "insecure"]

# Looser than a site's name: inside a network, and for containers, an underscore is common.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
# What resolvers read as an IPv4 address of fewer parts (inet_aton(3)).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BASE = re.compile(r"(?:/[A-Za-z0-9._~@+-]+)*/?")
_LONGEST_BASE = 1024
_SOCKET_BYTES = 107  # sun_path holds 108 bytes with its terminating zero (unix(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTls:
    """How the certificate of an HTTPS backend is judged.

    ``verify``: against ``ca`` (None: the machine's public CAs) for the DNS name ``name``;
    ``pin``: it is exactly the certificate that was seen; ``insecure``: not at all.
    ``name`` is a DNS name that the certificate carries, None while nobody has looked.
    """

    mode: TlsMode
    ca: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """An address; make one with :func:`parse_backend`.

    ``host`` is a DNS name or an IP address without brackets, "" for a unix socket; ``base`` is ""
    or a path without a trailing slash; ``tls`` is None exactly for plain HTTP.
    """

    scheme: Scheme
    host: str = ""
    port: int = 0
    socket: str | None = None
    base: str = ""
    tls: BackendTls | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether the connection cannot leave this machine."""
        if self.socket is not None:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_ip(self) -> bool:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def authority(self) -> str:
        """``host:port``, with an IPv6 address in brackets; ``localhost`` for a unix socket."""
        if self.socket is not None:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url_authority(self) -> str:
        """The authority as it stands in a URL or in Host: without a scheme's own port."""
        usual = {"http": ":80", "https": ":443"}[self.scheme]
        return self.authority.removesuffix(usual) if self.socket is None else self.authority

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"{self.scheme}://{self.url_authority}{self.base}"


def check_insecure(backend: Backend, *, where: str) -> None:
    """Refuse an unverified backend beyond this machine: anybody on the way could be it."""
    if backend.tls and backend.tls.mode == "insecure" and not backend.is_loopback:
        raise InputError(
            f"{backend} is not on this machine, so it cannot go unverified",
            where=where,
            remedy="pin its certificate, or name its CA",
        )


def unresolved(text: str, *, where: str | None = None) -> tuple[str, int] | None:
    """Return host and port when the text leaves the scheme open (``8889``), else None."""
    if "://" in text or text.startswith("unix:"):
        return None
    host, _, port = text.rpartition(":")
    return _host(host or "127.0.0.1", text, where), _port(port, text, where)


def parse_backend(text: str, *, scheme: Scheme = "http", where: str | None = None) -> Backend:
    """Parse ``8889``, ``host:8889``, ``http://…``, ``https://…[/base]`` or ``unix:/run/app.sock``.

    ``scheme`` is used where the text names none. An HTTPS backend gets
    ``tls=BackendTls(mode="verify")``; choose another mode with :func:`dataclasses.replace`. Raises
    InputError with the offending part.

    >>> str(parse_backend("8889"))
    'http://127.0.0.1:8889'
    """
    for character in text:
        if not character.isprintable() or character == " ":
            raise InputError(f"the backend {text!r} holds the character {character!r}", where=where)
    if text.startswith("unix:"):
        return Backend(scheme="http", socket=parse_socket(text.removeprefix("unix:"), where=where))
    match = re.fullmatch(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/]*)(/.*)?", text)
    if not match or not match[2]:
        raise InputError(f"{text!r} is not a backend", where=where, remedy=_FORMS)
    written = (match[1] or scheme).lower()
    if written not in {"http", "https"}:
        raise InputError(
            f"{text!r}: the scheme {match[1]!r} is neither http nor https",
            where=where,
            remedy=_FORMS,
        )
    if match[3] and not match[1]:
        raise InputError(f"{text!r}: a base path needs a scheme", where=where, remedy=_FORMS)
    host, port = _authority(match[2], text, written, has_scheme=bool(match[1]), where=where)
    name = host if not _is_ip(host) else None
    address = "127.0.0.1" if host == "localhost" else host
    return Backend(
        scheme="https" if written == "https" else "http",
        host=address,
        port=port,
        base=_base(match[3] or "", text, where),
        tls=BackendTls(mode="verify", name=name) if written == "https" else None,
    )


_FORMS = (
    "a backend is 8889, host:8889, http://host:port, https://host:port[/base] or unix:/run/app.sock"
)


def _authority(
    authority: str, text: str, scheme: str, *, has_scheme: bool, where: str | None
) -> tuple[str, int]:
    if "@" in authority:
        raise InputError(f"{text!r}: a user or password cannot be part of a backend", where=where)
    host, port = authority, ""
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
        return _host(host, text, where), _port(port, text, where)
    if not has_scheme:
        return "127.0.0.1", _port(authority, text, where)
    return _host(host, text, where), 443 if scheme == "https" else 80


def _host(host: str, text: str, where: str | None) -> str:
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        lower = bare.lower() if bare.isascii() else ""
        is_number = _NUMBER.fullmatch(lower.rpartition(".")[2])
        if not bracketed and _HOST.fullmatch(lower) and not is_number:
            return lower
        raise InputError(
            f"{text!r}: {host!r} is not a host name or an address", where=where, remedy=_FORMS
        ) from None
    if address.version == 6 and (not bracketed or "%" in bare):
        raise InputError(
            f"{text!r}: write an IPv6 address in brackets, as in [::1]:8889", where=where
        )
    if address.version == 4 and bracketed:
        raise InputError(f"{text!r}: only an IPv6 address stands in brackets", where=where)
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if _reaches_nobody(address):
        raise InputError(
            f"{text!r}: nobody can be reached at {address}",
            where=where,
            remedy="an app that listens on all addresses is reached at 127.0.0.1",
        )
    return address.compressed


def _reaches_nobody(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """0.0.0.0/8 (RFC 1122 §3.2.1.3), ``::`` and multicast are no server's address."""
    in_zero_net = address.version == 4 and address.packed[0] == 0
    return in_zero_net or address.is_multicast or address.is_unspecified


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _port(port: str, text: str, where: str | None) -> int:
    if port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535:
        return int(port)
    what = f"the port {port!r} is" if port and port[0].isdigit() else f"{port!r} is"
    raise InputError(f"{text!r}: {what} not a number from 1 to 65535", where=where, remedy=_FORMS)


def _base(base: str, text: str, where: str | None) -> str:
    if any(character in base for character in "?#"):
        raise InputError(
            f"{text!r}: a query or a fragment cannot be part of a backend", where=where
        )
    if not _BASE.fullmatch(base) or {".", ".."} & set(base.split("/")):
        raise InputError(
            f"{text!r}: the base path {base!r} may hold only letters, digits and ._~@+-/",
            where=where,
        )
    if len(base) > _LONGEST_BASE:
        raise InputError(f"a base path has at most {_LONGEST_BASE} characters", where=where)
    return base.rstrip("/")


def parse_socket(path: str, *, where: str | None = None) -> str:
    """Return the absolute path of a unix socket that both servers can name in a URL."""
    if not path.startswith("/"):
        raise InputError(
            f"{path!r}: a unix socket is an absolute path, as in unix:/run/app.sock", where=where
        )
    if len(path.encode()) > _SOCKET_BYTES:
        raise InputError(
            f"{path!r}: the path of a unix socket has at most {_SOCKET_BYTES} bytes", where=where
        )
    if path.endswith("/"):
        raise InputError(f"{path!r} is a directory, not a unix socket", where=where)
    for character in path:
        if character in "|:$%?#\"'\\{}; " or not character.isascii() or not character.isprintable():
            raise InputError(
                f"{path!r}: the path of a unix socket cannot hold {character!r}", where=where
            )
    return path
