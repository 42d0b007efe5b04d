"""The demo's backend: a page, a WebSocket that echoes, an event stream, the headers, an upload.

It listens on loopback only. A request is told by the last segment of its path, so the demo works
below any prefix, kept or stripped.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from vhostsmith import websocket

_Request = socket.socket | tuple[bytes, socket.socket]
_Address = Any


class Demo:
    """The running demo; ``port`` is where it listens on 127.0.0.1, until `close`."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        self.port: int = server.server_address[1]

    def close(self) -> None:
        """Hang up on everybody and give the port back; a second time does nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def start_demo(port: int = 0) -> Demo:
    """Start the demo on a free loopback port, or on ``port``; OSError when that is taken."""
    return Demo(_Server(port))


class _Server(ThreadingHTTPServer):
    """Remembers its visits, so that closing ends the endless ones too."""

    allow_reuse_port = False  # on by default from Python 3.14 on: a taken port must be an error

    def __init__(self, port: int) -> None:
        self.stopping = threading.Event()
        self.page = files("vhostsmith.demo").joinpath("page.html").read_bytes()
        self._visits: dict[threading.Thread, socket.socket] = {}
        super().__init__(("127.0.0.1", port), _Visit)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would look up this machine's name in the DNS

    def process_request(self, request: _Request, client_address: _Address) -> None:
        visit = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        if isinstance(request, socket.socket):
            self._visits[visit] = request
        visit.start()

    def process_request_thread(self, request: _Request, client_address: _Address) -> None:
        super().process_request_thread(request, client_address)
        del self._visits[threading.current_thread()]

    def handle_error(self, request: _Request, client_address: _Address) -> None:
        if not isinstance(sys.exception(), OSError):  # who hangs up early is not an error here
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        self.stopping.set()
        for visit, connection in tuple(self._visits.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            visit.join()


class _Visit(BaseHTTPRequestHandler):
    """One connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "vhostsmith-demo"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 75  # of an idle connection; longer than any proxy keeps one

    def do_GET(self) -> None:
        match self._last_segment():
            case "":
                self._send(200, "text/html; charset=utf-8", self.server.page)
            case "headers":
                self._send_json({"request": self.requestline, "headers": self.headers.items()})
            case "events":
                self._stream_events()
            case "ws":
                self._open_websocket()
            case _:
                self._send(404, "text/plain", b"The demo has nothing here.\n")

    def do_HEAD(self) -> None:
        if self._last_segment() == "":
            self._send(200, "text/html; charset=utf-8", self.server.page)
        else:
            self._send(404, "text/plain", b"")

    def do_PUT(self) -> None:
        if self._last_segment() != "upload":
            self.close_connection = True  # what else was sent stays unread
            self._send(404, "text/plain", b"The demo takes uploads at `upload` only.\n")
            return
        try:
            size = self._read_body()
        except ValueError:
            self.close_connection = True
            self._send(400, "text/plain", b"The body has no readable length.\n")
            return
        self._send_json({"size": size})

    def do_POST(self) -> None:
        self.do_PUT()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the demo runs beside a report."""

    def _last_segment(self) -> str:
        return self.path.partition("?")[0].rpartition("/")[2]

    def _send_json(self, value: object) -> None:
        self._send(200, "application/json", json.dumps(value).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream_events(self) -> None:
        """Send an event a second until somebody leaves."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        number = 0
        while number == 0 or not self.server.stopping.wait(1):
            number += 1
            event = json.dumps({"number": number, "sent_ms": round(time.time() * 1000)})
            self.wfile.write(f"id: {number}\ndata: {event}\n\n".encode())

    def _open_websocket(self) -> None:
        key = self.headers.get("Sec-WebSocket-Key", "")
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key:
            self._send(426, "text/plain", b"This is a WebSocket; ask for an upgrade.\n")
            return
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", websocket.accept_key(key))
        self.end_headers()
        self.connection.settimeout(None)  # it may idle for as long as it likes
        websocket.echo(self.rfile.read, self.wfile.write)

    def _read_body(self) -> int:
        """Return how long the body is; ValueError when that cannot be told."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._skip(int(self.headers["Content-Length"] or ""))
        size = 0
        while chunk := int(self.rfile.readline(100).partition(b";")[0], 16):
            size += self._skip(chunk)
            self.rfile.readline(100)
        while self.rfile.readline(1000).strip():
            pass  # trailers
        return size

    def _skip(self, size: int) -> int:
        if size < 0:
            raise ValueError
        left = size
        while left and (piece := self.rfile.read(min(left, 64 * 1024))):
            left -= len(piece)
        if left:
            raise ConnectionResetError
        return size
