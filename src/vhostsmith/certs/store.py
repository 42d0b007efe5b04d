"""Certificates on disk: numbered versions of each, and the link that makes one of them live.

``certs/STEM/v0001/{cert,chain,fullchain,privkey}.pem`` and ``live/STEM -> ../certs/STEM/v0001``.
A version is written whole under another name, gets its number by a rename, and becomes live by
another: at every moment the link leads to a whole version or is not there.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field

from vhostsmith.certs.state import Directory
from vhostsmith.errors import MachineError

KEPT = 3
_NEW = ".new"
_VERSION = re.compile(r"v([0-9]{4,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a version is made of, all PEM: the leaf, the intermediates, the private key."""

    cert: bytes
    chain: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The version behind a link; None for a file that is not in it."""

    version: str
    cert: bytes | None
    key: bytes | None = field(repr=False)


def live(state: Directory, stem: str) -> Live | None:
    """Return what ``live/STEM`` leads to; None without a link, or when it leads to no version.

    Raises MachineError for a link that is not ours, and for anything else in its place.
    """
    with state.enter("live") as links:
        version = _version_behind(links, stem)
    with state.enter("certs") as certs, certs.enter(stem) as versions:
        if version is None or version not in versions.names():
            return None
        with versions.enter(version) as files:
            return Live(version=version, cert=files.read("cert.pem"), key=files.read("privkey.pem"))


def publish(state: Directory, stem: str, bundle: Bundle) -> str:
    """Keep a bundle as a new version, make it live, and return its name, ``v0007``.

    Two older versions stay, among them the one that was live. When something is in the way, that
    one stays live.
    """
    with (
        state.enter("certs") as certs,
        certs.enter(stem) as versions,
        state.enter("live") as links,
    ):
        _make_room(versions, keep=_version_behind(links, stem))
        version = f"v{max(map(_number, versions.names()), default=0) + 1:04d}"
        try:
            _write(versions, bundle)
            versions.rename(_NEW, version)
            links.remove(_NEW)
            links.link(_NEW, f"../certs/{stem}/{version}")
            links.rename(_NEW, stem)
        finally:
            with contextlib.suppress(MachineError):
                if _version_behind(links, stem) != version:
                    links.remove(_NEW)
                    versions.remove(_NEW)
                    versions.remove(version)
    return version


def _write(versions: Directory, bundle: Bundle) -> None:
    with versions.enter(_NEW) as fresh:
        fresh.write("privkey.pem", bundle.key, mode=0o600)
        fresh.write("cert.pem", bundle.cert, mode=0o644)
        fresh.write("chain.pem", bundle.chain, mode=0o644)
        fresh.write("fullchain.pem", bundle.cert + bundle.chain, mode=0o644)
        fresh.sync()


def _make_room(versions: Directory, *, keep: str | None) -> None:
    """Remove what a killed run left, and the oldest versions: with a new one KEPT remain."""
    versions.remove(_NEW)
    others = sorted((n for n in versions.names() if _number(n) and n != keep), key=_number)
    spared = KEPT - 1 if keep is None else KEPT - 2
    for name in others[: max(len(others) - spared, 0)]:
        versions.remove(name)


def _number(name: str) -> int:
    """Return 7 for ``v0007``, 0 for what is not a version."""
    match = _VERSION.fullmatch(name)
    return int(match[1]) if match else 0


def _version_behind(links: Directory, stem: str) -> str | None:
    target = links.link_target(stem)
    if target is None:
        return None
    directory, _, version = target.rpartition("/")
    if directory != f"../certs/{stem}" or not _number(version):
        raise MachineError(
            f"the link leads to {target}, which is not ours, so it is not replaced",
            where=links.at(stem),
            remedy=f"take it away if it is not needed: rm {links.at(stem)}",
        )
    return version
