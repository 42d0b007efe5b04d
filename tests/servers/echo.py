"""A backend that says what it saw: the request's exact target, every header, over which connection.

A request's ``Echo`` header says how to answer, so that no target is spent on it:
``answer STATUS NAME: VALUE``, ``events N`` (one each 0.3 s), ``wait SECONDS``, ``size N``.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import BinaryIO, Self

from vhostsmith import websocket

EVENT_S = 0.3
_Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as a backend saw it; bytes that are not UTF-8 are surrogate escapes.

    ``connection`` numbers the backend's connections; ``size`` and ``digest`` (SHA-256) are of the
    body.
    """

    backend: str
    connection: int
    method: str
    target: str
    headers: _Headers
    size: int = 0
    digest: str = ""

    def values(self, name: str) -> list[str]:
        """Return what stood in every header called ``name``, in any case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def parse_seen(text: bytes) -> Seen:
    """Return what an echo answered; AssertionError for any other answer."""
    try:
        fields = json.loads(text)
        headers = tuple((name, value) for name, value in fields.pop("headers"))
    except (ValueError, KeyError) as error:
        raise AssertionError(f"no backend answered: {text[:200]!r}") from error
    return Seen(headers=headers, **fields)


class Echo:
    """A backend called ``name`` on a loopback port, or on ``socket_path``; with ``tls`` over TLS.

    ``seen`` are the requests so far, with their bodies read; ``received`` counts bytes of bodies
    as they come; ``names`` are those that were asked for in TLS handshakes (SNI).
    """

    def __init__(
        self,
        name: str,
        *,
        tls: ssl.SSLContext | None = None,
        socket_path: str | None = None,
    ) -> None:
        self.name = name
        self.port = 0
        self.socket_path = socket_path
        self.seen: list[Seen] = []
        self.received = 0
        self.names: list[str | None] = []
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._numbers = itertools.count(1)
        self._visits: dict[threading.Thread, socket.socket] = {}
        self.start()

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        if self.socket_path is not None:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(self.socket_path)
            os.chmod(self.socket_path, 0o666)
            self._listener.listen(128)
        else:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """Hang up on everybody and give the port back."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for visit, connection in tuple(self._visits.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            visit.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            visit = threading.Thread(
                target=self._serve, args=(connection, next(self._numbers)), daemon=True
            )
            self._visits[visit] = connection
            visit.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        here = threading.current_thread()
        try:
            with contextlib.suppress(OSError, EOFError):
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                    self._visits[here] = connection
                with connection.makefile("rb") as reader:
                    while _Exchange(self, connection, reader, number).run():
                        pass
        finally:
            connection.close()
            self._visits.pop(here, None)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, echo: Echo, connection: socket.socket, reader: BinaryIO, number: int
    ) -> None:
        self.echo = echo
        self.write = connection.sendall
        self.reader = reader
        self.number = number

    def run(self) -> bool:
        """Read a request and answer it; whether another may follow."""
        first, headers = self._read_head()
        fields = {name.lower(): value for name, value in headers}
        method, _, rest = first.partition(" ")
        target, _, version = rest.rpartition(" ")
        if "100-continue" in fields.get("expect", ""):
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size, digest = self._read_body(fields)
        seen = Seen(
            backend=self.echo.name,
            connection=self.number,
            method=method,
            target=target,
            headers=headers,
            size=size,
            digest=digest,
        )
        self.echo.seen.append(seen)
        is_upgrade = "upgrade" in fields.get("connection", "").lower()
        if is_upgrade and fields.get("upgrade", "").lower() == "websocket":
            self._talk(seen, fields)
            return False
        self._answer(seen, fields.get("echo", ""))
        return version != "HTTP/1.0" and fields.get("connection", "").lower() != "close"

    def _read_head(self) -> tuple[str, _Headers]:
        lines: list[str] = []
        while line := self.reader.readline().decode("utf-8", "surrogateescape"):
            if line == "\r\n":
                pairs = (line.partition(":") for line in lines[1:])
                return lines[0], tuple((name, value.strip()) for name, _, value in pairs)
            lines.append(line.removesuffix("\r\n"))
        raise EOFError

    def _read_body(self, fields: dict[str, str]) -> tuple[int, str]:
        digest = hashlib.sha256()
        size = 0
        for piece in self._pieces(fields):
            digest.update(piece)
            size += len(piece)
            self.echo.received += len(piece)
        return size, digest.hexdigest() if size else ""

    def _pieces(self, fields: dict[str, str]) -> Iterator[bytes]:
        if "chunked" not in fields.get("transfer-encoding", ""):
            yield from self._exactly(int(fields.get("content-length", "0")))
            return
        while size := int(self._line().partition(b";")[0], 16):
            yield from self._exactly(size)
            self._line()
        self._line()

    def _line(self) -> bytes:
        line = self.reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.reader.read(min(size, 16 * 1024))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece

    def _answer(self, seen: Seen, wish: str) -> None:
        word, _, argument = wish.partition(" ")
        body = json.dumps(asdict(seen)).encode()
        match word:
            case "answer":
                status, _, header = argument.partition(" ")
                self._send(int(status), body, f"{header}\r\n")
            case "events":
                self._send_events(int(argument))
            case "wait":
                time.sleep(float(argument))
                self._send(200, body)
            case "size":
                self._send(200, bytes(int(argument)))
            case _:
                self._send(200, b"" if seen.method == "HEAD" else body)

    def _send(self, status: int, body: bytes, more: str = "") -> None:
        head = (
            f"HTTP/1.1 {status} Echo\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{more}\r\n"
        )
        self.write(head.encode("utf-8", "surrogateescape") + body)

    def _send_events(self, count: int) -> None:
        head = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
        self.write(f"HTTP/1.1 200 Echo\r\n{head}\r\n".encode())
        for number in range(count):
            event = f"data: {number}\n\n".encode()
            self.write(b"%x\r\n%b\r\n" % (len(event), event))
            time.sleep(EVENT_S)
        self.write(b"0\r\n\r\n")

    def _talk(self, seen: Seen, fields: dict[str, str]) -> None:
        """Say in a first message what was seen, then send every message back."""
        accept = websocket.accept_key(fields.get("sec-websocket-key", ""))
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        first = websocket.Frame(opcode=websocket.TEXT, payload=json.dumps(asdict(seen)).encode())
        self.write(head.encode() + websocket.encode(first))
        websocket.echo(self.reader.read, self.write)
