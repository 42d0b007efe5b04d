"""A minimal HTTP/1.1 client: exact bytes out, the answer as a value, never a judgement of trust.

Libraries tidy up what they send (dots, percent signs, header case) and hide what a wrong port
says. To prove a proxy byte for byte, and to find out what listens on a port, neither will do.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from vhostsmith import http1
from vhostsmith.errors import MachineError

if TYPE_CHECKING:
    import ssl

# OpenSSL's names for an alert from the other side, and for what we ourselves refuse in something
# that does speak TLS (old versions, weak keys). Whatever else fails is not known to be TLS.
_TLS_SPOKEN = (
    "SSLV3_ALERT_",
    "TLSV1_",
    "TLSV13_",
    "CERTIFICATE_VERIFY_FAILED",
    "DH_KEY_TOO_SMALL",
    "EE_KEY_TOO_SMALL",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    "UNSUPPORTED_PROTOCOL",
)


class Fault(Enum):
    """Why there is no answer."""

    REFUSED = "refused"  # nothing listens there
    UNREACHABLE = "unreachable"  # no such host, no route, not allowed
    SILENT = "silent"  # no (complete) answer before the deadline
    RESET = "reset"  # the connection ended before an answer
    NOT_HTTP = "not http"  # something else than HTTP/1 came back
    NOT_TLS = "not tls"  # something else than TLS came back to a TLS greeting
    TLS = "tls"  # TLS is spoken there, but one side refused the handshake


class WireError(MachineError):
    """There is no answer; ``fault`` says of which kind, ``what`` in words, ``where`` from whom."""

    def __init__(self, fault: Fault, what: str, *, where: str) -> None:
        super().__init__(what, where=where)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where to connect, and how.

    ``address`` is a host name or an IP literal, with or without brackets; with ``socket_path``
    it and ``port`` are not used. ``server_name`` is the TLS SNI; an IP literal sends none.
    ``timeout_s`` bounds each question as a whole, from connecting to the last byte of the answer.
    """

    address: str = "127.0.0.1"
    port: int = 0
    socket_path: str | None = None
    is_tls: bool = False
    server_name: str | None = None
    timeout_s: float = 5.0

    def __str__(self) -> str:
        """Return it as a person would write it: ``host:port``, ``[v6]:port`` or ``unix:/path``."""
        if self.socket_path is not None:
            return f"unix:{self.socket_path}"
        host = self.address.strip("[]")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent, with nothing added: the asker writes ``Host`` and ``Content-Length`` itself.

    Text is sent as UTF-8; surrogate escapes stand for any other byte.
    """

    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The final response (interim ones are skipped; 101 is final).

    ``headers`` are in order and as spelled, decoded as a `Request` is encoded, so that what an echo
    sends back compares equal. ``is_complete`` is false when the body was cut at the limit, by the
    deadline or by the other side. ``certificate_der`` and ``tls_version`` are None without TLS.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    is_complete: bool
    certificate_der: bytes | None
    tls_version: str | None

    def header(self, name: str) -> str | None:
        """Return the value of the first header called ``name``, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a completed TLS handshake showed."""

    certificate_der: bytes
    tls_version: str


def ask(door: Door, request: Request, *, body_limit: int = 64 * 1024) -> Answer:
    """Return what ``door`` answers to ``request``; raise `WireError` when no HTTP answer comes.

    An answer whose head arrived is returned even if its body never ends: ``body_limit`` and the
    deadline cut it. With a limit of 0 the body is not waited for.
    """
    deadline = time.monotonic() + door.timeout_s
    context = unverified_context() if door.is_tls else None
    with _open(door, deadline, context) as connection:
        _send(connection, door, deadline, request)
        reader = http1.Reader(_receiver(connection, door, deadline))
        try:
            status, headers = http1.read_head(reader)
        except http1.NotHttpError as error:
            raise WireError(Fault.NOT_HTTP, str(error), where=str(door)) from error
        except http1.EndedError as error:
            raise WireError(Fault.RESET, str(error), where=str(door)) from error
        pieces = http1.body_pieces(reader, request.method, status, headers)
        body, is_complete = _collect(pieces, body_limit)
        der, version = _peer(connection)
    return Answer(
        status=status,
        headers=headers,
        body=body,
        is_complete=is_complete,
        certificate_der=der,
        tls_version=version,
    )


def handshake(door: Door, context: ssl.SSLContext | None = None) -> Handshake:
    """Return what a TLS handshake with ``door`` shows; raise `WireError` when it fails.

    Without a ``context`` nothing is verified. The door counts as a TLS door whatever it says.
    """
    deadline = time.monotonic() + door.timeout_s
    with _open(door, deadline, context or unverified_context()) as connection:
        der, version = _peer(connection)
    if der is None or version is None:
        raise WireError(Fault.TLS, "the server showed no certificate", where=str(door))
    return Handshake(certificate_der=der, tls_version=version)


def unverified_context() -> ssl.SSLContext:
    """Return a client context that accepts any certificate."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate as ``openssl x509 -fingerprint -sha256`` writes it."""
    import hashlib

    return hashlib.sha256(der).digest().hex(":").upper()


def _encode(request: Request) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + request.body


def _open(door: Door, deadline: float, context: ssl.SSLContext | None) -> socket.socket:
    try:
        connection = _connect(door, deadline, context)
    except OSError as error:
        raise _wire_error(error, door) from error
    except ValueError as error:
        what = f"{door.server_name or door} cannot be asked for: {error}"
        raise WireError(Fault.UNREACHABLE, what, where=str(door)) from error
    if context is not None:
        _shake_hands(connection, door, deadline)
    return connection


def _shake_hands(connection: socket.socket, door: Door, deadline: float) -> None:
    import ssl

    if not isinstance(connection, ssl.SSLSocket):
        return
    try:
        connection.settimeout(_left(deadline))
        connection.do_handshake()
    except OSError as error:
        connection.close()
        raise _wire_error(error, door) from error


def _connect(door: Door, deadline: float, context: ssl.SSLContext | None) -> socket.socket:
    name = door.server_name if context else None
    (name or "").encode("idna")  # as wrap_socket will, which loses a socket when it fails
    if door.socket_path is not None:
        return _connected(socket.AF_UNIX, door.socket_path, deadline, context, name)
    found = socket.getaddrinfo(door.address.strip("[]"), door.port, type=socket.SOCK_STREAM)
    for family, _, _, _, address in found[:-1]:
        try:
            return _connected(family, address, deadline, context, name)
        except OSError:
            continue  # as every client does with a name that has several addresses
    return _connected(found[-1][0], found[-1][4], deadline, context, name)


def _connected(
    family: int,
    address: tuple[object, ...] | str,
    deadline: float,
    context: ssl.SSLContext | None,
    name: str | None,
) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    if context is not None:
        # Before it is connected: wrapping one that was reset meanwhile would lose it, still open.
        connection = context.wrap_socket(
            connection, server_hostname=name, do_handshake_on_connect=False
        )
    try:
        connection.settimeout(_left(deadline))
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _send(connection: socket.socket, door: Door, deadline: float, request: Request) -> None:
    try:
        connection.settimeout(_left(deadline))
        connection.sendall(_encode(request))
    except ConnectionError:
        return  # a server may answer (413, 400) and hang up before it has read everything
    except OSError as error:
        raise _wire_error(error, door) from error


def _receiver(connection: socket.socket, door: Door, deadline: float) -> Callable[[], bytes]:
    def receive() -> bytes:
        try:
            connection.settimeout(_left(deadline))
            return connection.recv(16 * 1024)
        except OSError as error:
            raise _wire_error(error, door) from error

    return receive


def _collect(pieces: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    body = bytearray()
    if limit == 0:
        return b"", False
    try:
        for piece in pieces:
            body += piece
            if len(body) > limit:
                return bytes(body[:limit]), False
    except (WireError, http1.NotHttpError, http1.EndedError):
        return bytes(body), False
    return bytes(body), True


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _wire_error(error: OSError, door: Door) -> WireError:
    fault, what = _fault(error)
    if fault is Fault.SILENT:
        what = f"no answer within {door.timeout_s:g} s"
    return WireError(fault, what, where=str(door))


def _fault(error: OSError) -> tuple[Fault, str]:
    match error:
        case TimeoutError():
            return Fault.SILENT, "no answer"
        case ConnectionRefusedError() | FileNotFoundError():
            return Fault.REFUSED, "nothing listens there"
        case ConnectionError() | OSError(errno=errno.ENOTCONN):
            return Fault.RESET, "the connection was reset"
        case socket.gaierror():
            return Fault.UNREACHABLE, "no such host"
    import ssl

    # Python 3.11.2 gives this one no reason.
    if isinstance(error, ssl.SSLZeroReturnError):
        return Fault.RESET, "the connection ended in the TLS handshake"
    reason: str | None = getattr(error, "reason", None)  # an ssl.SSLError has one
    if reason is None:
        return Fault.UNREACHABLE, error.strerror or str(error)
    return _tls_fault(reason)


def _tls_fault(reason: str) -> tuple[Fault, str]:
    words = reason.lower().replace("_", " ")
    if "EOF" in reason:
        return Fault.RESET, "the connection ended in the TLS handshake"
    if reason.startswith(_TLS_SPOKEN):
        return Fault.TLS, f"the TLS handshake failed: {words}"
    return Fault.NOT_TLS, f"there is no TLS: {words}"


def _peer(connection: socket.socket) -> tuple[bytes | None, str | None]:
    import ssl

    if isinstance(connection, ssl.SSLSocket):
        return connection.getpeercert(binary_form=True), connection.version()
    return None, None
