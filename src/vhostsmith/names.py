"""Names that a site answers for: DNS names as A-labels, IP literals, and the catch-all.

Apache and nginx accept nearly any text as a name, ``"a b"`` and ``"a;b"`` included, so the rules
are ours: RFC 1035 §2.3.4 (lengths), RFC 952 and RFC 1123 §2.1 (letters, digits, hyphen), IDNA 2008
with the UTS 46 mapping (RFC 5891), and RFC 6125 §6.4.3 for the wildcard.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from vhostsmith.errors import InputError

Kind = Literal["dns", "wildcard", "ipv4", "ipv6", "any"]

CATCH_ALL = "_"
# A file name has at most 255 bytes; "-access.log" and a rotated log's ending come behind the stem.
_LONGEST_STEM = 200
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# RFC 6761, RFC 6762 §3, RFC 8375, and .internal (ICANN resolution 2024.07.29.06): never public.
_LOCAL_SUFFIXES = ("localhost", "test", "invalid", "internal", "local", "home.arpa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A validated name in its canonical form; make one with :func:`parse_name`.

    ``text`` is lower-case: A-labels, ``*.`` and A-labels, a compressed IP address, or ``_`` for the
    catch-all.

    >>> parse_name("Jupyter.Example.COM").text
    'jupyter.example.com'
    """

    text: str
    kind: Kind

    @property
    def is_ip(self) -> bool:
        """Clients send no SNI for an IP address (RFC 6066 §3)."""
        return self.kind in {"ipv4", "ipv6"}

    @property
    def is_wildcard(self) -> bool:
        return self.kind == "wildcard"

    @property
    def is_any(self) -> bool:
        """Whether this is the catch-all, which answers for names that nobody declared."""
        return self.kind == "any"

    @property
    def url_host(self) -> str:
        """The name as it stands in a URL: IPv6 in brackets."""
        return f"[{self.text}]" if self.kind == "ipv6" else self.text

    @property
    def pattern(self) -> str:
        """A regular expression for the hosts that the name covers, without a capturing group."""
        return literal(self.url_host).replace(r"\*\.", r"(?:[a-z0-9_-]+\.)+", 1)

    @property
    def is_local(self) -> bool:
        """Whether no public CA can vouch for it: special-use, a single label, a private address."""
        if self.is_any:
            return True
        if self.is_ip:
            return not ipaddress.ip_address(self.text).is_global
        bare = self.text.removeprefix("*.")
        if "." not in bare:
            return True
        return any(bare == suffix or bare.endswith("." + suffix) for suffix in _LOCAL_SUFFIXES)

    @property
    def stem(self) -> str:
        """The file stem of the site: safe in every file system and as a command's argument.

        No separator, no leading dot or hyphen (``::1`` is written ``0--1``), and short enough for
        what is put behind it.
        """
        if self.is_any:
            return "000-catch-all"
        stem = self.text.replace("*.", "_wildcard.", 1).replace(":", "-")
        if len(stem) > _LONGEST_STEM:
            return f"{stem[: _LONGEST_STEM - 17]}-{self._digest[:16]}"
        return f"0{stem}" if stem.startswith("-") else stem

    @property
    def identifier(self) -> str:
        """A short word of ``[a-z0-9_]`` that is this name's alone.

        nginx refuses variables and zones of long names (``could not build variables_hash``), so it
        is a few readable letters and a hash.
        """
        digest = self._digest[:8]
        label = next((part for part in self.text.split(".") if part != "*"), "")
        readable = re.sub(r"[^a-z0-9]+", "_", label)[:12].strip("_")
        return f"{readable}_{digest}" if readable else digest

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def literal(text: str) -> str:
    """Return a regular expression (PCRE) for exactly this text, without needless escapes."""
    return re.sub(r"([.+*?^$()\[\]{}|\\])", r"\\\1", text)


def parse_name(text: str, *, where: str | None = None) -> Name:
    """Parse a server name or an alias.

    Raises InputError, naming the offending part, for anything that is not a DNS name, a wildcard in
    the first label, an IP literal, or ``_``.
    """
    if text == CATCH_ALL:
        return Name(text=text, kind="any")
    _refuse_what_is_not_a_name(text, where)
    address = _address(text)
    if address is not None:
        return _ip_name(address, text, where)
    is_wildcard = text.startswith("*.")
    bare = text[2:] if is_wildcard else text
    if "*" in bare:
        raise InputError(
            f"{text!r}: '*' stands for the whole first label only, as in '*.example.com'",
            where=where,
        )
    ascii_name = _a_labels(bare, text, where)
    _check_labels(ascii_name, text, where)
    if is_wildcard:
        return Name(text=f"*.{ascii_name}", kind="wildcard")
    return Name(text=ascii_name, kind="dns")


def _refuse_what_is_not_a_name(text: str, where: str | None) -> None:
    if not text:
        raise InputError("the name is empty", where=where)
    if "://" in text:
        host = text.split("://", 1)[1].split("/", 1)[0]
        raise InputError(
            f"{text!r} is a URL, not a name", where=where, remedy=f"give the name alone: {host}"
        )
    for character in text:
        if character.isspace() or not character.isprintable():
            raise InputError(
                f"{text!r}: the character {character!r} cannot be in a name", where=where
            )
    host, colon, port = text.rpartition(":")
    is_whole = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if colon and port.isascii() and port.isdigit() and is_whole:
        raise InputError(
            f"{text!r} is a name with a port",
            where=where,
            remedy=f"give the name alone, {host}, and the port with --https-port {port}",
        )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        if text.startswith("[") and text.endswith("]"):
            return ipaddress.IPv6Address(text[1:-1])
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _ip_name(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str, where: str | None
) -> Name:
    if address.is_unspecified or address.is_multicast or "%" in text:
        raise InputError(f"{text!r} is not an address that a client can ask for", where=where)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            raise InputError(
                f"{text!r} is an IPv4 address in IPv6 form",
                where=where,
                remedy=f"write {address.ipv4_mapped}",
            )
        return Name(text=address.compressed, kind="ipv6")
    # "This network" and the broadcast address (RFC 1122 §3.2.1.3).
    if address.packed[0] == 0 or address == ipaddress.IPv4Address("255.255.255.255"):
        raise InputError(f"{text!r} is not an address that a client can ask for", where=where)
    return Name(text=address.compressed, kind="ipv4")


def _a_labels(bare: str, text: str, where: str | None) -> str:
    """Return the name in lower-case A-labels; IDNA's tables load only when the name needs them."""
    lower = bare.lower()
    if lower.isascii() and "xn--" not in lower:
        return lower
    import idna

    try:
        encoded = idna.encode(bare, uts46=True, std3_rules=True, transitional=False).decode("ascii")
        idna.decode(encoded, std3_rules=True)
    except (idna.IDNAError, UnicodeError) as error:
        raise InputError(
            f"{text!r} is not an internationalised name: {error}", where=where
        ) from error
    return encoded.lower()


def _check_labels(name: str, text: str, where: str | None) -> None:
    if name.endswith("."):
        raise InputError(f"{text!r}: write the name without the trailing dot", where=where)
    if len(name) > 253:
        raise InputError(
            f"{text!r}: a name has at most 253 characters, this one {len(name)}", where=where
        )
    labels = name.split(".")
    for label in labels:
        if not label:
            raise InputError(f"{text!r} has an empty label", where=where)
        if len(label) > 63:
            raise InputError(
                f"{text!r}: a label has at most 63 characters, {label!r} has {len(label)}",
                where=where,
            )
        if not _LABEL.fullmatch(label):
            raise InputError(
                f"{text!r}: the label {label!r} may hold only letters, digits and inner hyphens",
                where=where,
            )
    # Browsers take a host that ends in a number, 0x7f included, for an IPv4 address
    # (URL standard, "ends in a number").
    if _NUMBER.fullmatch(labels[-1]):
        raise InputError(
            f"{text!r}: neither an IP address nor a name (the last label is a number)", where=where
        )
