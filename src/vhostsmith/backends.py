"""What is known of a backend before a site is made for it: found by asking, never guessed."""

from __future__ import annotations

import ipaddress
import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from vhostsmith.errors import MachineError
from vhostsmith.wire import (
    Answer,
    Door,
    Fault,
    Handshake,
    Request,
    WireError,
    ask,
    fingerprint,
    handshake,
)

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

_Reply = Answer | Handshake | WireError

_NAMES_TLS = re.compile(rb"https|\b(ssl|tls)\b", re.IGNORECASE)
_HTTPS_URL = re.compile(r"https://(?:\[[^]]*\]|[^:/?#]*)(?::(\d+))?(?:[/?#].*)?", re.IGNORECASE)
# A port may speak both; then plain HTTP, which comes at once, decides. A TLS port that stays silent
# to plain HTTP costs this much.
_GRACE_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeAnswer:
    """What a port speaks; ``evidence`` is one line that says how it is known.

    ``answers`` with no scheme means that something answers there which is neither HTTP nor TLS.
    """

    scheme: Literal["http", "https"] | None
    state: Literal["answers", "silent", "closed"]
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCertificate:
    """The leaf certificate that a backend shows; ``sha256`` is colon hex in capitals."""

    door: Door
    pem: str
    sha256: str
    common_name: str | None
    dns_names: tuple[str, ...]
    is_self_signed: bool
    not_before: datetime
    not_after: datetime

    def is_publicly_trusted_for(self, name: str, ca_bundle: str | None = None) -> bool:
        """Tell whether a handshake that asks for ``name`` verifies against ``ca_bundle``.

        Without a bundle the system's store counts. False for an IP literal: neither Apache nor
        nginx matches the IP addresses in a certificate, so neither could verify it.
        """
        import ssl

        if _is_ip(name):
            return False
        context = ssl.create_default_context(cafile=ca_bundle)
        # Python 3.13 asks for more (RFC 5280 to the letter) than the servers will.
        context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
        try:
            handshake(replace(self.door, server_name=name), context)
        except WireError:
            return False
        return True


def ask_scheme(address: str, port: int, *, timeout_s: float = 2.5) -> SchemeAnswer:
    """Return what ``port`` speaks, asked in both tongues at once: one GET and one TLS greeting.

    An HTTP answer decides at once, unless it is what a TLS port says to plain HTTP. Only silence
    takes the whole time: a plain port may wait forever for the rest of a TLS greeting.
    """
    door = Door(address=address, port=port, server_name=_tls_name(address), timeout_s=timeout_s)
    replies: queue.SimpleQueue[_Reply] = queue.SimpleQueue()
    for question in (_ask_plain, _ask_secure):
        # Daemons, because nobody waits for the slower one; it ends by its own deadline.
        threading.Thread(target=_reply, args=(question, door, replies), daemon=True).start()
    first = _next(replies, timeout_s + _GRACE_S)
    if isinstance(first, Answer) and not _is_from_tls_port(first, port):
        return _judge(door, (first,))
    wait_s = _GRACE_S if isinstance(first, Handshake) else timeout_s + _GRACE_S
    second = _next(replies, wait_s)
    return _judge(door, tuple(reply for reply in (first, second) if reply is not None))


def peer_certificate(
    address: str, port: int, *, server_name: str | None = None, timeout_s: float = 5.0
) -> PeerCertificate | None:
    """Return the certificate shown for ``server_name`` (SNI), or None when no TLS handshake works.

    Raise `MachineError` for one that cannot be read.
    """
    door = Door(
        address=address,
        port=port,
        server_name=server_name or _tls_name(address),
        timeout_s=timeout_s,
    )
    try:
        der = handshake(door).certificate_der
    except WireError:
        return None
    return _parse_certificate(door, der)


def _reply(
    question: Callable[[Door], _Reply],
    door: Door,
    replies: queue.SimpleQueue[_Reply],
) -> None:
    replies.put(question(door))


def _next(replies: queue.SimpleQueue[_Reply], wait_s: float) -> _Reply | None:
    try:
        return replies.get(timeout=wait_s)
    except queue.Empty:
        return None  # looking up a host name has no deadline of its own


def _ask_plain(door: Door) -> Answer | WireError:
    headers = (
        ("Host", str(door)),
        ("User-Agent", "vhostsmith"),
        ("Accept", "*/*"),
        ("Connection", "close"),
    )
    try:
        return ask(door, Request(headers=headers), body_limit=4096)
    except WireError as error:
        return error


def _ask_secure(door: Door) -> Handshake | WireError:
    try:
        return handshake(door)
    except WireError as error:
        return error


def _judge(door: Door, replies: tuple[_Reply, ...]) -> SchemeAnswer:
    answer = next((reply for reply in replies if isinstance(reply, Answer)), None)
    tls = next((reply for reply in replies if isinstance(reply, Handshake)), None)
    errors = tuple(reply for reply in replies if isinstance(reply, WireError))
    refusal = next((error for error in errors if error.fault is Fault.TLS), None)
    if tls is not None and (answer is None or _is_from_tls_port(answer, door.port)):
        evidence = f"{door} completes a TLS handshake ({tls.tls_version})"
        return SchemeAnswer(scheme="https", state="answers", evidence=evidence)
    if answer is None and refusal is not None:
        evidence = f"{door} speaks TLS, though {refusal.what}"
        return SchemeAnswer(scheme="https", state="answers", evidence=evidence)
    if answer is not None:
        evidence = f"{door} answers plain HTTP with status {answer.status}"
        return SchemeAnswer(scheme="http", state="answers", evidence=evidence)
    return _judge_errors(door, errors)


def _judge_errors(door: Door, errors: tuple[WireError, ...]) -> SchemeAnswer:
    faults = {error.fault for error in errors}
    said = " and ".join(dict.fromkeys(error.what for error in errors)) or "no answer"
    if faults and faults <= {Fault.REFUSED, Fault.UNREACHABLE}:
        return SchemeAnswer(scheme=None, state="closed", evidence=f"{door}: {said}")
    if faults & {Fault.NOT_HTTP, Fault.NOT_TLS}:
        evidence = f"{door} speaks neither HTTP nor TLS: {said}"
        return SchemeAnswer(scheme=None, state="answers", evidence=evidence)
    evidence = f"{door} accepts connections but says nothing to HTTP or TLS: {said}"
    return SchemeAnswer(scheme=None, state="silent", evidence=evidence)


def _is_from_tls_port(answer: Answer, port: int) -> bool:
    """Tell whether this is what TLS ports say to plain HTTP.

    Apache, nginx, Go and Tomcat answer 400 and name HTTPS, SSL or TLS; with nginx's
    ``error_page 497`` it is a redirect to https on the very same port.
    """
    if answer.status == 400:
        return _NAMES_TLS.search(answer.body) is not None
    url = _HTTPS_URL.fullmatch(answer.header("Location") or "")
    return 300 <= answer.status < 400 and url is not None and int(url[1] or 443) == port


def _tls_name(address: str) -> str:
    return "localhost" if _is_ip(address) else address


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _parse_certificate(door: Door, der: bytes) -> PeerCertificate:
    import ssl

    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        return PeerCertificate(
            door=door,
            pem=ssl.DER_cert_to_PEM_cert(der),
            sha256=fingerprint(der),
            common_name=_common_name(certificate),
            dns_names=_dns_names(certificate),
            is_self_signed=_is_self_signed(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except (ValueError, x509.DuplicateExtension) as error:
        raise MachineError(
            f"the certificate shown there cannot be read: {error}",
            where=str(door),
            remedy=f"look at it with: openssl s_client -connect {door} -showcerts",
        ) from error


def _common_name(certificate: x509.Certificate) -> str | None:
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else None


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.get_values_for_type(x509.DNSName))


def _is_self_signed(certificate: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(certificate)  # compares the names as well
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
