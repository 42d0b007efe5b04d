"""What stands behind the sites of these tests: echoes with and without TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

from servers.echo import Echo
from servers.ground import own_certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """An echo each: plain, with a self-signed certificate, with one of a CA, on a unix socket.

    ``brusque`` is the port of one that answers at once whatever it hears, in plain HTTP.

    ``pin`` is the self-signed certificate; ``ca`` is the file of the CA, which vouches for
    ``localhost`` and ``app.example.com``.
    """

    plain: Echo
    signed: Echo
    issued: Echo
    socket: Echo
    brusque: int
    pin: str
    ca: str


@contextlib.contextmanager
def behind() -> Iterator[Backends]:
    """Start the echoes; all is gone afterwards."""
    with contextlib.ExitStack() as held:
        directory = held.enter_context(tempfile.TemporaryDirectory(prefix="behind-", dir="/tmp"))
        Path(directory).chmod(0o755)
        context, pin = own_certificate(directory, "signed")
        authority = trustme.CA()
        ca = Path(directory, "ca.pem")
        authority.cert_pem.write_to_path(str(ca))
        ca.chmod(0o644)
        issued = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "app.example.com").configure_cert(issued)
        yield Backends(
            plain=held.enter_context(Echo("plain")),
            signed=held.enter_context(Echo("signed", tls=context)),
            issued=held.enter_context(Echo("issued", tls=issued)),
            socket=held.enter_context(Echo("socket", socket_path=f"{directory}/app.sock")),
            brusque=held.enter_context(answering_at_once()),
            pin=pin,
            ca=str(ca),
        )


@contextlib.contextmanager
def answering_at_once() -> Iterator[int]:
    """Answer 200 to the first bytes of each connection, be they HTTP or not; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Hold a port on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def made_by_openssl(directory: str, subject: str, *more: str) -> str:
    """Let openssl make a self-signed certificate; returns a file with it and its key."""
    number, path = tempfile.mkstemp(suffix=".pem", dir=directory)
    os.close(number)
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9")
    made = subprocess.run(
        (*command, "-subj", subject, *more, "-keyout", "-", "-out", "-"),
        capture_output=True,
        check=True,
    )
    Path(path).write_bytes(made.stdout)
    return path


def context_with(*files: str) -> ssl.SSLContext:
    """Return the settings of a TLS server with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
