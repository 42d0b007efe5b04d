"""Little servers that say, byte for byte, what a test wants said."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import trustme

Script = Callable[[socket.socket], None]

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
NGINX_400 = (
    b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n"
    b"<center>The plain HTTP request was sent to HTTPS port</center>"
)
APACHE_400 = (
    b"HTTP/1.1 400 Bad Request\r\nServer: Apache\r\nConnection: close\r\n\r\n"
    b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"
)


@contextlib.contextmanager
def serving(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    address: str = "127.0.0.1",
    socket_path: Path | None = None,
) -> Iterator[int]:
    """Run ``script`` for each connection; yields the port."""
    if socket_path is not None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(socket_path))
        listener.listen()
    else:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, 0), family=family)
    stopping = threading.Event()
    open_connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_connections.append(connection)
            thread = threading.Thread(target=_play, args=(script, connection, tls))
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield 0 if socket_path is not None else listener.getsockname()[1]
    finally:
        stopping.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for connection in open_connections:
            connection.close()


def _play(script: Script, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        if tls is None:
            script(connection)
            hang_up(connection)
            return
        # A copy of the descriptor: shutting down the original wakes this thread at the end.
        with tls.wrap_socket(connection.dup(), server_side=True) as secured:
            script(secured)
            hang_up(secured)


def hang_up(connection: socket.socket) -> None:
    """End as a polite server does, so that what was sent is not lost to a reset."""
    connection.settimeout(1)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def read_head(connection: socket.socket) -> bytes:
    """Return the request up to its empty line."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionResetError
        head += piece
    return head


def saying(*pieces: bytes) -> Script:
    """Read the request, then send the pieces one by one, then hang up."""

    def script(connection: socket.socket) -> None:
        read_head(connection)
        for piece in pieces:
            connection.sendall(piece)

    return script


def greeting(first: bytes) -> Script:
    """Speak first, as SSH and SMTP do, and answer nothing."""

    def script(connection: socket.socket) -> None:
        connection.sendall(first)
        connection.recv(65536)

    return script


def silence(connection: socket.socket) -> None:
    """Accept and never answer."""
    while connection.recv(65536):
        pass


def hanging_up(connection: socket.socket) -> None:
    """Hang up without a word."""


def resetting(connection: socket.socket) -> None:
    """Read something, then reset."""
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def tls_port(tls: ssl.SSLContext, plain: Script, secure: Script) -> Script:
    """Speak TLS to who greets in TLS, and play ``plain`` to everybody else."""

    def script(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) != b"\x16":
            plain(connection)
            return
        with tls.wrap_socket(connection.dup(), server_side=True) as secured:
            secure(secured)
            hang_up(secured)

    return script


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context with ``certificate``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def leaf_der(certificate: trustme.LeafCert) -> bytes:
    """Return the leaf as DER."""
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that refuses: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
