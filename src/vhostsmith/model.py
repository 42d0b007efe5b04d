"""A site as a value: immutable, valid by construction, the same for Apache and nginx.

The functions ``parse_*`` turn what a person typed into these types, once; everything below trusts
them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

from vhostsmith.backend import Backend
from vhostsmith.errors import InputError
from vhostsmith.names import Name

Guideline = Literal["modern", "intermediate"]
WebSocket = Literal["auto", "native", "rewrite", "off"]
Prefix = Literal["keep", "strip"]
SourceKind = Literal["acme", "self-signed", "files"]

CHALLENGE_PATH = "/.well-known/acme-challenge/"
_PATH = re.compile(r"(?:/[A-Za-z0-9._~@+-]+)*/?")
_SIZE = re.compile(r"([0-9]{1,12})([kmg]?)b?", re.IGNORECASE | re.ASCII)
_LARGEST_SIZE = 1 << 50
# nginx reads its configuration through 4096 bytes: a longer argument, with the escapes that quoting
# adds and what else stands in it, is "too long parameter".
_LONGEST_PATH = 1024
_STEM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path of a site and where it goes.

    ``path`` begins and ends with a slash. With ``keep`` the backend sees the path as the client
    sent it, with ``strip`` the prefix is taken off.
    """

    path: str
    backend: Backend
    prefix: Prefix = "keep"

    @property
    def target_path(self) -> str:
        """What stands for ``path`` on the backend's side; ends with a slash."""
        return self.backend.base + (self.path if self.prefix == "keep" else "/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Requests go to backends; the longest matching path wins."""

    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        if not self.routes:
            raise InputError("a site needs a backend")
        seen: set[str] = set()
        for route in self.routes:
            if route.path in seen:
                raise InputError(f"two routes for the path {route.path!r}")
            seen.add(route.path)
        ordered = tuple(sorted(self.routes, key=lambda route: (-len(route.path), route.path)))
        object.__setattr__(self, "routes", ordered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Docroot:
    """Files below ``path``; ``php`` is the socket of a FastCGI process manager, or None."""

    path: str
    php: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Every request is sent to the same path below ``to``, a URL without a trailing slash."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Every request is refused: the catch-all for names that nobody declared."""


Action = Proxy | Docroot | Redirect | Refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Mozilla's guideline by name, and the lifetime of HSTS in seconds (0: not sent)."""

    guideline: Guideline = "intermediate"
    hsts_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``max_body`` in bytes, 0: any size; ``timeout_s`` is how long a quiet connection may live."""

    max_body: int = 0
    timeout_s: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may come in: clients of the networks, and with a password file only known users."""

    allow: tuple[str, ...] = ()
    basic_auth: str | None = None

    @property
    def is_open(self) -> bool:
        return not self.allow and self.basic_auth is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSource:
    """Where the certificate comes from; with ``files``, ``cert`` holds the leaf and its chain."""

    kind: SourceKind
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site; its parts are checked where they are parsed, and what they owe each other here."""

    name: Name
    action: Action
    certificate: CertificateSource
    aliases: tuple[Name, ...] = ()
    tls: Tls = field(default_factory=Tls)
    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    websocket: WebSocket = "auto"
    http_port: int = 80
    https_port: int = 443
    file_name: str | None = None

    def __post_init__(self) -> None:
        if self.name.is_ip and self.aliases:
            raise InputError(f"the address {self.name.text} cannot have aliases")
        if self.name.is_any is not isinstance(self.action, Refuse):
            raise InputError("the catch-all refuses every request, and only it has the name '_'")
        if self.name.is_any and self.aliases:
            raise InputError("the catch-all answers for every name and has no aliases")
        for alias in self.aliases:
            if alias.is_ip or alias.is_any:
                raise InputError(
                    f"{alias.text!r} cannot be an alias", remedy="give it a site of its own"
                )
        self._refuse_repeated_names()
        if isinstance(self.action, Redirect | Refuse) and not self.access.is_open:
            raise InputError("a site that only redirects or refuses has nothing to guard")
        if self.http_port == self.https_port:
            raise InputError(f"HTTP and HTTPS cannot share the port {self.https_port}")
        if isinstance(self.action, Redirect) and self._is_own(self.action.to):
            raise InputError(f"{self.action.to} is this site itself: the redirect would never end")

    def _refuse_repeated_names(self) -> None:
        seen = {self.name.text}
        for alias in self.aliases:
            if alias.text in seen:
                raise InputError(f"the name {alias.text} stands twice")
            seen.add(alias.text)

    @property
    def names(self) -> tuple[Name, ...]:
        """The name and the aliases, in order."""
        return (self.name, *self.aliases)

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes of a proxying site, longest path first; else none."""
        return self.action.routes if isinstance(self.action, Proxy) else ()

    @property
    def stem(self) -> str:
        """The stem of the site's file in the server's configuration."""
        return self.file_name or self.name.stem

    def _is_own(self, url: str) -> bool:
        scheme, _, rest = url.partition("://")
        port, usual = (self.https_port, 443) if scheme == "https" else (self.http_port, 80)
        written = {f":{port}", ""} if port == usual else {f":{port}"}
        authority = rest.partition("/")[0]
        return any(authority == name.url_host + end for name in self.names for end in written)


def parse_route_path(text: str, *, where: str | None = None) -> str:
    """Return a URL path prefix with a slash at both ends; raises InputError for anything else.

    >>> parse_route_path("/jupyter")
    '/jupyter/'
    """
    if not text.startswith("/"):
        raise InputError(f"the path {text!r} does not begin with '/'", where=where)
    if not _PATH.fullmatch(text):
        bad = next((c for c in text if not re.fullmatch(r"[A-Za-z0-9._~@+/-]", c)), "//")
        raise InputError(
            f"the path {text!r} may hold only letters, digits and ._~@+-/ ({bad!r} stands in it)",
            where=where,
        )
    if {".", ".."} & set(text.split("/")):
        raise InputError(f"the path {text!r} has a '.' or '..' segment", where=where)
    if len(text) > _LONGEST_PATH:
        raise InputError(f"a path has at most {_LONGEST_PATH} characters", where=where)
    path = text.rstrip("/") + "/"
    if path.startswith(CHALLENGE_PATH):
        raise InputError(f"the path {text!r} is kept for the certificate authority", where=where)
    return path


def parse_file(text: str, what: str, *, where: str | None = None) -> str:
    """Return an absolute file name; ``what`` names it in the error.

    Control characters end a directive early or run lines together, so no file name may hold one.
    """
    _refuse_controls(text, what, where)
    if "\\" in text:
        raise InputError(
            f"the {what} {text!r} holds a backslash, which not every reader of a configuration"
            " understands alike",
            where=where,
        )
    if not text.startswith("/"):
        raise InputError(
            f"the {what} {text!r} is not an absolute path",
            where=where,
            remedy="the server reads it from another directory: write it in full, from '/'",
        )
    if len(text.encode()) > _LONGEST_PATH:
        raise InputError(f"the {what} is longer than {_LONGEST_PATH} bytes", where=where)
    return text


def parse_docroot(text: str, *, where: str | None = None) -> str:
    """Return a directory to serve files from: absolute, and not the root.

    No character of it is one that Apache's <Directory> reads as a pattern.
    """
    path = parse_file(text, "document root", where=where)
    if any(character in path for character in "*?[]"):
        raise InputError(
            f"the document root {text!r} holds one of *?[], which Apache reads as a pattern",
            where=where,
        )
    if {".", ".."} & set(path.split("/")):
        raise InputError(f"the document root {text!r} has a '.' or '..' segment", where=where)
    path = re.sub(r"/{2,}", "/", path).rstrip("/")
    if not path:
        raise InputError("the document root '/' would publish the whole machine", where=where)
    return path


def parse_port(text: str | int, what: str = "port", *, where: str | None = None) -> int:
    """Return a TCP port, 1 to 65535."""
    digits = str(text)
    if not (
        digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65535
    ):
        raise InputError(f"the {what} {text!r} is not a number from 1 to 65535", where=where)
    return int(digits)


def parse_size(text: str, *, where: str | None = None) -> int:
    """Return a size in bytes.

    >>> parse_size("512m")
    536870912
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise InputError(
            f"the size {text!r} is not a number with an optional k, m or g", where=where
        )
    size = int(match[1]) << 10 * " kmg".index(match[2].lower() or " ")
    if size > _LARGEST_SIZE:
        raise InputError(
            f"the size {text!r} is more than {_LARGEST_SIZE >> 30}g", where=where, remedy="0: any"
        )
    return size


def parse_seconds(text: str | int, what: str, *, minimum: int, where: str | None = None) -> int:
    """Return a number of seconds of at most ten years; ``what`` names it in the error."""
    digits = str(text)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9) or not (
        minimum <= int(digits) <= 315_360_000
    ):
        raise InputError(
            f"the {what} {text!r} is not a number of seconds from {minimum} to 315360000",
            where=where,
        )
    return int(digits)


def _meant(text: str) -> str | None:
    """Return what to write where only the bits behind the network are too many."""
    try:
        return f"write {ipaddress.ip_network(text, strict=False)}"
    except ValueError:
        return None


def parse_network(text: str, *, where: str | None = None) -> str:
    """Return an address or a network in canonical form (``192.0.2.0/24``, ``2001:db8::/32``)."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is not an address or a network: {error}", where=where, remedy=_meant(text)
        ) from error
    if "%" in text:
        raise InputError(f"{text!r}: a zone cannot be part of a network", where=where)
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise InputError(
            f"{text!r} is IPv4 in IPv6 form, and no client comes from there",
            where=where,
            remedy="write the IPv4 address or network itself",
        )
    single = network.num_addresses == 1
    return str(network.network_address) if single else str(network)


def parse_redirect(text: str, *, where: str | None = None) -> str:
    """Return the URL to redirect to, canonical; a request's path follows, so no slash ends it."""
    from vhostsmith.names import parse_name

    match = re.fullmatch(r"(https?)://(\[[^\]/]*\]|[^/:?#\[\]@]*)(?::([^/?#@]*))?(/[^?#]*)?", text)
    if not match:
        raise InputError(
            f"{text!r} is not a URL like https://www.example.com, without user, query or fragment",
            where=where,
        )
    name = parse_name(match[2], where=where)
    if name.is_wildcard or name.is_any:
        raise InputError(f"{text!r}: a redirect needs one definite name", where=where)
    port = f":{parse_port(match[3], where=where)}" if match[3] is not None else ""
    path = parse_route_path(match[4], where=where).rstrip("/") if match[4] else ""
    return f"{match[1]}://{name.url_host}{port}{path}"


def parse_file_name(text: str, *, where: str | None = None) -> str:
    """Return the stem of a site's file: no separator, no leading dot, no suffix."""
    if not _STEM.fullmatch(text) or len(text) > 200:
        raise InputError(
            f"the file name {text!r} may hold only letters, digits, '.', '_' and '-'", where=where
        )
    return text.removesuffix(".conf")


def _refuse_controls(text: str, what: str, where: str | None) -> None:
    for character in text:
        if not character.isprintable():
            raise InputError(f"the {what} {text!r} holds the character {character!r}", where=where)
