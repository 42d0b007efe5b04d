"""What was typed about backends, made definite by asking them: scheme and way of trust."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vhostsmith.backend import (
    Backend,
    BackendTls,
    Scheme,
    check_insecure,
    parse_backend,
    unresolved,
)
from vhostsmith.errors import InputError, MachineError
from vhostsmith.model import Site
from vhostsmith.names import parse_name
from vhostsmith.servers.base import Places
from vhostsmith.servers.view import trust_file

if TYPE_CHECKING:
    from vhostsmith.backends import PeerCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A certificate that a backend showed and that the site is to accept alone."""

    backend: Backend
    pem: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What each backend's text turned out to be, the pins to keep, and what to tell the person."""

    backends: Mapping[str, Backend]
    pins: tuple[Pin, ...]
    notes: tuple[str, ...]


def resolve(
    texts: tuple[str, ...],
    *,
    scheme: Scheme | None,
    wish: BackendTls | None,
    name: str | None,
    needs_name: bool,
    public_name: str,
    ca_bundle: str,
) -> Resolved:
    """Ask each backend what the texts leave open.

    ``scheme`` decides where given; ``wish`` says how HTTPS backends are judged, None leaves it to
    what their certificates allow; ``name`` is the one that stands in them, None to look it up;
    ``needs_name`` is nginx's way of comparing names. Raises InputError when a backend cannot be
    judged as wished.
    """
    backends: dict[str, Backend] = {}
    pins: dict[str, Pin] = {}
    notes: list[str] = []
    for text in dict.fromkeys(texts):
        chosen, said = _scheme(text, scheme)
        backend = parse_backend(text, scheme=chosen, where="BACKEND")
        notes += said
        if backend.tls is not None:
            backend, pin, said = _judge(
                backend,
                wish,
                name=name,
                needs_name=needs_name,
                public_name=public_name,
                ca_bundle=ca_bundle,
            )
            notes += said
            if pin is not None:
                pins[str(backend)] = pin
        elif (wish or name) and len(texts) == 1:
            raise InputError(f"{backend} does not speak TLS: --backend-* says nothing about it")
        backends[text] = backend
    return Resolved(backends=backends, pins=tuple(pins.values()), notes=tuple(notes))


def unkept_pins(site: Site, places: Places) -> tuple[tuple[Pin, ...], tuple[str, ...]]:
    """Return the pins of a site's backends that no file holds yet, as they show them, and notes."""
    from vhostsmith.backends import peer_certificate

    pins, notes = [], []
    for backend in dict.fromkeys(route.backend for route in site.routes):
        tls = backend.tls
        if tls is None or tls.mode != "pin" or os.path.exists(trust_file(backend, tls, places)):
            continue
        peer = peer_certificate(backend.host, backend.port)
        if peer is not None:
            _, pin, said = _pinned(backend, tls, peer, needs_name=False)
            pins.append(pin)
            notes += said
    return tuple(pins), tuple(notes)


def _scheme(text: str, scheme: Scheme | None) -> tuple[Scheme, list[str]]:
    address = unresolved(text)
    if address is None or scheme is not None:
        return scheme or "http", []
    from vhostsmith.backends import ask_scheme

    answer = ask_scheme("127.0.0.1" if address[0] == "localhost" else address[0], address[1])
    if answer.scheme is not None:
        return answer.scheme, []
    return "http", [f"{answer.evidence}; taken as http (--scheme decides)"]


def _judge(
    backend: Backend,
    wish: BackendTls | None,
    *,
    name: str | None,
    needs_name: bool,
    public_name: str,
    ca_bundle: str,
) -> tuple[Backend, Pin | None, list[str]]:
    """Return the backend with its TLS settings, the pin that they need, and what to say."""
    if wish is not None and wish.mode == "insecure":
        decided = dataclasses.replace(backend, tls=wish)
        check_insecure(decided, where="--backend-insecure")
        return decided, None, [_insecure_note(backend)]
    is_known = wish is not None and wish.mode == "verify" and (wish.name or not needs_name)
    if is_known or (wish is None and not backend.is_loopback):
        tls = wish or BackendTls(
            mode="verify", name=name or (backend.tls.name if backend.tls else None)
        )
        return dataclasses.replace(backend, tls=tls), None, []
    from vhostsmith.backends import peer_certificate

    peer = peer_certificate(backend.host, backend.port)
    if peer is None:
        return _unseen(backend, wish or BackendTls(mode="pin", name=name), needs_name=needs_name)
    tls = wish or _found_tls(backend, peer, name, public_name, ca_bundle)
    if tls.mode == "verify":
        name = tls.name or _comparable_name(peer)
        _require_name(backend, name, needs_name=needs_name)
        return dataclasses.replace(backend, tls=dataclasses.replace(tls, name=name)), None, []
    return _pinned(backend, tls, peer, needs_name=needs_name)


def _found_tls(
    backend: Backend, peer: PeerCertificate, name: str | None, public_name: str, ca_bundle: str
) -> BackendTls:
    if peer.is_self_signed:
        return BackendTls(mode="pin", name=name)
    expected = name or public_name
    try:
        is_trusted = peer.is_publicly_trusted_for(expected, ca_bundle)
    except OSError as error:
        raise MachineError(
            f"cannot read the public CAs, against which {backend} is to be verified: {error}",
            where=ca_bundle,
            remedy="name the CA that issued its certificate with --backend-ca FILE",
        ) from error
    if is_trusted:
        return BackendTls(mode="verify", name=expected)
    raise InputError(
        f"the certificate of {backend} is neither self-signed nor a public CA's for {expected}",
        remedy="name the CA that issued it with --backend-ca FILE,"
        " or give up checking it with --backend-insecure",
    )


def _pinned(
    backend: Backend, tls: BackendTls, peer: PeerCertificate, *, needs_name: bool
) -> tuple[Backend, Pin, list[str]]:
    if not peer.is_self_signed:
        raise InputError(
            f"the certificate of {backend} is not self-signed, so it cannot be pinned",
            remedy="name the CA that issued it with --backend-ca FILE",
        )
    name = tls.name or _comparable_name(peer)
    _require_name(backend, name, needs_name=needs_name)
    decided = dataclasses.replace(backend, tls=dataclasses.replace(tls, name=name))
    pin = Pin(backend=decided, pem=peer.pem, fingerprint=peer.sha256)
    return decided, pin, [f"{backend} is self-signed: pinned by SHA-256 {pin.fingerprint}"]


def _unseen(
    backend: Backend, tls: BackendTls, *, needs_name: bool
) -> tuple[Backend, None, list[str]]:
    """Judge a certificate that nobody showed: its place can be named where its name is known."""
    if needs_name and tls.name is None:
        raise InputError(
            f"nginx compares a name in the certificate of {backend}, and no TLS answers there",
            remedy="start the app, or give the name: --backend-name localhost, say",
        )
    fetch = f"openssl s_client -connect {backend.authority} </dev/null | openssl x509 > backend.pem"
    note = f"the certificate of {backend} could not be looked at; once it answers: {fetch}"
    return dataclasses.replace(backend, tls=tls), None, [note] if tls.mode == "pin" else []


def _comparable_name(peer: PeerCertificate) -> str | None:
    """Return a name that a server can compare: a DNS name, the common name where there is none.

    That is what OpenSSL's X509_check_host does, which nginx calls.
    """
    for text in peer.dns_names or ((peer.common_name,) if peer.common_name else ()):
        try:
            name = parse_name(text)
        except InputError:
            continue
        if name.kind == "dns":
            return name.text
    return None


def _require_name(backend: Backend, name: str | None, *, needs_name: bool) -> None:
    if name is None and needs_name:
        raise InputError(
            f"nginx compares a DNS name in a backend's certificate, and that of {backend} has none",
            remedy=(
                "make it one that has: openssl req -x509 -newkey rsa:2048 -nodes -days 3650"
                " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
                " -keyout key.pem -out cert.pem"
            ),
        )


def _insecure_note(backend: Backend) -> str:
    return (
        f"{backend} is not verified: any program of this machine that takes the port"
        " while the app is down gets the users' passwords"
    )
