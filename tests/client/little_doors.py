"""Little front doors, of two scripts each, that can be made to misbehave in any way."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import trustme

from client.little_servers import Script, leaf_der, read_head, saying, server_context, serving
from vhostsmith.report import Check
from vhostsmith.verify import FrontDoor, verify
from vhostsmith.wire import Door, fingerprint

AUTHORITY = trustme.CA()
LEAF = AUTHORITY.issue_cert("a.test")
LEAF_SHA256 = fingerprint(leaf_der(LEAF))
CONTEXT = server_context(LEAF)


def answering(status: str, *headers: str) -> Script:
    """Answer with an empty body."""
    lines = (f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", "")
    return saying("\r\n".join(lines).encode())


def relaying(port: int, alter: Callable[[bytes], bytes] = bytes) -> Script:
    """A proxy that passes on one request, altered, and whatever comes back."""

    def script(connection: socket.socket) -> None:
        head = alter(read_head(connection))
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            upstream.sendall(head)
            # The client sends no more; when its side becomes readable it has hung up.
            while select.select([connection, upstream], [], [])[0] == [upstream]:
                if not (piece := upstream.recv(65536)):
                    return
                connection.sendall(piece)

    return script


def redirecting(
    alter: Callable[[str], str] = str, *, status: int = 308, name: str = "a.test"
) -> Callable[[int], Script]:
    """A redirect to the https port, the target altered."""

    def to(https_port: int) -> Script:
        def script(connection: socket.socket) -> None:
            target = read_head(connection).split(b" ")[1].decode()
            where = f"https://{name}:{https_port}{alter(target)}"
            reply = f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(reply.encode())

        return script

    return to


@contextlib.contextmanager
def front_door(
    secure: Script,
    *,
    plain: Callable[[int], Script] | None = None,
    tls: ssl.SSLContext | None = CONTEXT,
) -> Iterator[FrontDoor]:
    """Run a door of two scripts; ``plain`` is given the https port and redirects by default."""
    with serving(secure, tls=tls) as https_port:
        http = plain or redirecting()
        with serving(http(https_port)) as http_port:
            yield FrontDoor(
                address="127.0.0.1", http_port=http_port, https_port=https_port, name="a.test"
            )


def look(
    secure: Script,
    backend_port: int | None,
    *,
    plain: Callable[[int], Script] | None = None,
    tls: ssl.SSLContext | None = CONTEXT,
    **options: Any,
) -> dict[str, Check]:
    """Verify a front door made of two scripts; the checks by name.

    Whatever comes out, a remedy stands with each check that is no pass, and nowhere else.
    """
    asked: dict[str, Any] = {
        "fingerprint": LEAF_SHA256,
        "redirect_status": 308,
        "websocket_path": "/ws",
        "timeout_s": 2,
    }
    backend = None if backend_port is None else Door(port=backend_port)
    with front_door(secure, plain=plain, tls=tls) as front:
        checks = verify(front, backend, **(asked | options))
    for check in checks:
        assert (check.remedy is None) == (check.outcome == "pass"), check
        assert "\n" not in check.detail
    return {check.name: check for check in checks}
