"""A certificate and its key as files: read as the server will, before the server does.

Apache's configtest reads neither, and a reload with a pair that does not fit ends it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from vhostsmith.certs.leaf import Leaf, is_key_of, read_leaf
from vhostsmith.errors import MachineError
from vhostsmith.names import Name


def examine(
    certificate: str, key: str, names: tuple[Name, ...], *, now: datetime
) -> tuple[str, ...]:
    """Return what was found of a pair that fits, in sentences.

    Raises MachineError, located in the file at fault, when it is not there or no PEM, when the key
    is another's or needs a passphrase, when a name is not covered, or when it has expired. A file
    that this user may not read is said, not judged.
    """
    text = _read(certificate, "certificate")
    if text is None:
        return (f"not checked: {certificate} cannot be read by this user",)
    try:
        leaf = read_leaf(text)
    except ValueError as error:
        raise MachineError(
            "this is no certificate in PEM form",
            where=certificate,
            remedy="it begins with -----BEGIN CERTIFICATE-----, the site's own first",
        ) from error
    _require_names(leaf, names, certificate)
    if leaf.not_after <= now:
        raise MachineError(f"the certificate expired on {leaf.not_after:%F}", where=certificate)
    said = f"checked: the certificate covers the names until {leaf.not_after:%F}"
    key_text = _read(key, "key")
    if key_text is None:
        return (said, f"not checked: {key} cannot be read by this user")
    _require_key(key_text, leaf, key, certificate)
    return (f"{said}, and the key is its own",)


def covers(certified: str, name: Name) -> bool:
    """Whether a name in a certificate covers a site's name (RFC 6125 §6.4.3)."""
    if certified.lower() == name.text:
        return True
    suffix = certified.lower().removeprefix("*.")
    return certified.startswith("*.") and not name.is_ip and name.text.partition(".")[2] == suffix


def _require_names(leaf: Leaf, names: tuple[Name, ...], where: str) -> None:
    certified_names = ", ".join(leaf.names) or "no name"
    for name in names:
        if not any(covers(certified, name) for certified in leaf.names):
            raise MachineError(
                f"the certificate does not cover {name.text}, only {certified_names}",
                where=where,
                remedy="browsers would refuse it: get one for all names of the site",
            )


def _require_key(pem: bytes, leaf: Leaf, key: str, certificate: str) -> None:
    if b"ENCRYPTED" in pem:
        raise MachineError(
            "the key needs a passphrase, and a server that starts by itself has nobody to ask",
            where=key,
            remedy=f"openssl pkey -in {key} -out FILE takes it off",
        )
    if not is_key_of(pem, leaf):
        raise MachineError(f"this is not the key of the certificate in {certificate}", where=key)


def _read(path: str, what: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except PermissionError:
        return None
    except OSError as error:
        raise MachineError(f"cannot read the {what}: {error.strerror}", where=path) from error
