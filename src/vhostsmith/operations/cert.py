"""``cert self-signed``: a certificate that needs nobody else, kept while it is good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vhostsmith.certs import state, store
from vhostsmith.certs.leaf import Leaf, is_key_of, read_leaf
from vhostsmith.certs.selfsigned import LONGEST_FOR_APPLE_DAYS, self_signed, subject_texts
from vhostsmith.errors import InputError, MachineError
from vhostsmith.names import Name, parse_name
from vhostsmith.operations.load import Directories

FORMAT = 1
DUE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSigned:
    """The certificate that is live for a name now.

    ``names`` are those in the certificate; ``certificate`` and ``key`` are the files for a virtual
    host to name; ``version`` is the directory behind them; ``sha256`` is colon hex in capitals;
    ``changed`` is False when it was there already; ``notes`` are for the person.
    """

    name: Name
    names: tuple[str, ...]
    changed: bool
    version: str
    certificate: str
    key: str
    sha256: str
    not_after: datetime
    notes: tuple[str, ...]


def make_self_signed(
    name: str, aliases: tuple[str, ...], *, days: int, where: Directories, now: datetime
) -> SelfSigned:
    """Make a self-signed certificate live for ``name``, unless a good one for the same names is.

    Raises InputError for a bad name, MachineError where the state directory refuses or a
    certificate stands that is not self-signed, BusyError when another run holds the directory.
    """
    names = _names(name, aliases)
    stem = names[0].stem
    with state.opened(where.state) as opened:
        standing = _standing(opened, stem, f"{where.state}/live/{stem}")
        reason = "" if standing is None else _shortcoming(standing, names, now)
        if standing is not None and not reason:
            left = (standing.leaf.not_after - now).days
            said = f"unchanged: the certificate is good for these names for another {left} days"
            return _result(names[0], standing, where, changed=False, notes=(said,))
        pair = self_signed(names, now=now, days=days)
        bundle = store.Bundle(cert=pair.cert_pem, chain=b"", key=pair.key_pem)
        version = store.publish(opened, stem, bundle)
    made = _Standing(version=version, leaf=read_leaf(pair.cert_pem), has_key=True)
    notes = [f"replaces {standing.version}: {reason}"] if standing else []
    if days > LONGEST_FOR_APPLE_DAYS:
        notes.append(f"Apple's devices accept no more than {LONGEST_FOR_APPLE_DAYS} days")
    return _result(names[0], made, where, changed=True, notes=tuple(notes))


def as_document(made: SelfSigned) -> Mapping[str, Any]:
    """Return what ``--json`` prints: the fields of :class:`SelfSigned` without the notes."""
    return {
        "format": FORMAT,
        "name": made.name.text,
        "names": list(made.names),
        "changed": made.changed,
        "version": made.version,
        "certificate": made.certificate,
        "key": made.key,
        "sha256": made.sha256,
        "not_after": show_time(made.not_after),
    }


def show_time(moment: datetime) -> str:
    """Return a moment of UTC as ``2027-01-31T12:00:00Z``."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    version: str
    leaf: Leaf
    has_key: bool


def _names(name: str, aliases: tuple[str, ...]) -> tuple[Name, ...]:
    first = parse_name(name, where="NAME")
    names = [first]
    for alias in (parse_name(text, where="--alias") for text in aliases):
        if first.is_any or alias.is_any:
            raise InputError("the catch-all has no aliases and is none", where="--alias")
        if alias in names:
            raise InputError(f"the name {alias.text} stands twice", where="--alias")
        names.append(alias)
    return tuple(names)


def _standing(opened: state.Directory, stem: str, path: str) -> _Standing | None:
    """Return the certificate that is live; raises MachineError for one that we must not replace."""
    found = store.live(opened, stem)
    if found is None:
        return None
    try:
        leaf = read_leaf(found.cert or b"")
    except ValueError as error:
        raise MachineError(
            "what stands there is not a certificate, so it is not replaced",
            where=f"{path}/cert.pem",
            remedy=f"look at it, then take the link away: rm {path}",
        ) from error
    if not leaf.is_self_signed:
        raise MachineError(
            f"a certificate by {leaf.issuer or 'a nameless issuer'} stands there, good until"
            f" {show_time(leaf.not_after)}; a self-signed one does not replace it",
            where=path,
            remedy=f"if it is not wanted any more, take the link away first: rm {path}",
        )
    has_key = found.key is not None and is_key_of(found.key, leaf)
    return _Standing(version=found.version, leaf=leaf, has_key=has_key)


def _shortcoming(standing: _Standing, names: tuple[Name, ...], now: datetime) -> str:
    """Return why the certificate has to be made anew; "" when it has not."""
    if set(standing.leaf.names) != set(subject_texts(names)):
        return f"it was for {', '.join(standing.leaf.names) or 'no name'}"
    if standing.leaf.not_after - now <= DUE:
        return f"it ends on {show_time(standing.leaf.not_after)}"
    return "" if standing.has_key else "it had not the key that belongs to it"


def _result(
    name: Name, standing: _Standing, where: Directories, *, changed: bool, notes: tuple[str, ...]
) -> SelfSigned:
    live = f"{where.state}/live/{name.stem}"
    return SelfSigned(
        name=name,
        names=standing.leaf.names,
        changed=changed,
        version=standing.version,
        certificate=f"{live}/fullchain.pem",
        key=f"{live}/privkey.pem",
        sha256=standing.leaf.sha256,
        not_after=standing.leaf.not_after,
        notes=notes,
    )
