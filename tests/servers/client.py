"""Clients that leave every byte as it was written: HTTP/1.1, WebSockets, HTTP/2."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events

from vhostsmith import http1, websocket
from vhostsmith.wire import unverified_context

Headers = tuple[tuple[str, str], ...]
_TIMEOUT_S = 10.0


class HungUpError(AssertionError):
    """The server ended the connection, or said nothing for too long, and gave no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, over either version of HTTP; ``times_s`` say when each piece came."""

    status: int
    headers: Headers
    body: bytes
    times_s: tuple[float, ...] = ()

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@contextlib.contextmanager
def connected(
    port: int,
    *,
    server_name: str | None = None,
    context: ssl.SSLContext | None = None,
    source: str = "127.0.0.1",
) -> Iterator[socket.socket]:
    """Connect to 127.0.0.1; with ``context`` over TLS, asking for ``server_name``."""
    plain = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S, (source, 0))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with plain:
        if context is None:
            yield plain
        else:
            with context.wrap_socket(plain, server_hostname=server_name) as secured:
                yield secured


def client_context(*protocols: str) -> ssl.SSLContext:
    """Return a TLS context that judges nothing and offers these application protocols."""
    context = unverified_context()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Conversation:
    """Several HTTP/1.1 requests and answers on one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._reader = http1.Reader(lambda: connection.recv(16 * 1024))

    def ask(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Reply:
        """Send one request and wait for its whole answer."""
        self.send(method, target, headers)
        with contextlib.suppress(ConnectionError):  # a server may answer before it has read all
            self.connection.sendall(body)
        return self.reply(method)

    def send(self, method: str, target: str, headers: Headers) -> None:
        """Send the head of a request."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        text = "\r\n".join(lines) + "\r\n\r\n"
        self.connection.sendall(text.encode("utf-8", "surrogateescape"))

    def reply(self, method: str = "GET") -> Reply:
        """Return the next answer."""
        begin = time.monotonic()
        try:
            status, headers = http1.read_head(self._reader)
        except (http1.EndedError, ConnectionError, TimeoutError) as error:
            raise HungUpError(method) from error
        body = bytearray()
        times = []
        for piece in http1.body_pieces(self._reader, method, status, headers):
            times.append(time.monotonic() - begin)
            body += piece
        return Reply(status=status, headers=headers, body=bytes(body), times_s=tuple(times))

    def upgrade(self, target: str, headers: Headers) -> Reply:
        """Ask for a WebSocket at ``target``."""
        key = base64.b64encode(os.urandom(16)).decode()
        own = (
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        )
        reply = self.ask("GET", target, headers + own)
        if reply.status == 101:
            assert reply.values("Sec-WebSocket-Accept") == [websocket.accept_key(key)]
        return reply

    def send_message(self, opcode: int, payload: bytes) -> None:
        """Send one frame, masked as a client's must be (RFC 6455 section 5.3)."""
        frame = websocket.encode(websocket.Frame(opcode=opcode, payload=payload))
        mask = os.urandom(4)
        head = bytearray(frame[: len(frame) - len(payload)])
        head[1] |= 0x80
        stream = (mask * (len(payload) // 4 + 1))[: len(payload)]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        self.connection.sendall(bytes(head) + mask + masked.to_bytes(len(payload), "big"))

    def message(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the next frame."""
        first, second = self._exactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
        return first & 0x0F, self._exactly(size)

    def leave(self) -> None:
        """Close the WebSocket and wait until the other side has hung up."""
        self.send_message(websocket.CLOSE, (1000).to_bytes(2, "big"))
        self.rest()

    def rest(self) -> bytes:
        """Return what comes until the other side hangs up."""
        return b"".join(self._reader.rest())

    def _exactly(self, size: int) -> bytes:
        return b"".join(self._reader.exactly(size))


class Http2:
    """HTTP/2 on one connection, one stream after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        config = h2.config.H2Configuration(
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._state = h2.connection.H2Connection(config=config)
        self._state.initiate_connection()
        self._flush()

    def ask(
        self, method: str, target: str, host: str, headers: Headers = (), body: bytes = b""
    ) -> Reply:
        """Send one request and wait until its stream ends."""
        stream = self._state.get_next_available_stream_id()
        pseudo = (
            (":method", method),
            (":path", target),
            (":scheme", "https"),
            (":authority", host),
        )
        fields = [
            (name.lower().encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in (*pseudo, *headers)
        ]
        self._state.send_headers(stream, fields, end_stream=not body)
        self._flush()
        return self._exchange(stream, body)

    def _exchange(self, stream: int, body: bytes) -> Reply:
        begin = time.monotonic()
        status = 0
        headers: Headers = ()
        received, times = bytearray(), []
        while True:
            body = self._send_some(stream, body)
            arrived = self._connection.recv(64 * 1024)
            if not arrived:
                raise HungUpError
            for event in self._state.receive_data(arrived):
                match event:
                    case h2.events.ResponseReceived():
                        (_, code), *rest = event.headers
                        status, headers = int(code), tuple((_text(k), _text(v)) for k, v in rest)
                    case h2.events.DataReceived():
                        received += event.data
                        times.append(time.monotonic() - begin)
                        self._state.acknowledge_received_data(
                            event.flow_controlled_length or 0, stream
                        )
                    case h2.events.StreamEnded() | h2.events.StreamReset():
                        self._flush()
                        return Reply(
                            status=status,
                            headers=headers,
                            body=bytes(received),
                            times_s=tuple(times),
                        )
                    case h2.events.ConnectionTerminated():
                        raise HungUpError
            self._flush()

    def _send_some(self, stream: int, body: bytes) -> bytes:
        """Send what the windows allow; return what is left."""
        while body:
            window = self._state.local_flow_control_window(stream)
            size = min(window, self._state.max_outbound_frame_size, len(body))
            if size <= 0:
                break
            self._state.send_data(stream, body[:size], end_stream=size == len(body))
            body = body[size:]
        self._flush()
        return body

    def _flush(self) -> None:
        self._connection.sendall(self._state.data_to_send())


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
