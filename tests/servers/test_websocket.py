"""WebSockets: opened, used and left alone, over every kind of backend and path."""

from __future__ import annotations

import dataclasses
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers.client import Conversation
from servers.conftest import PLAIN, Machines, every_front
from servers.echo import parse_seen
from servers.front import Front
from servers.ground import Ground
from vhostsmith.websocket import BINARY, CLOSE, PING, PONG, TEXT

# Apache ends a connection that waits for its next request after 5 s (KeepAliveTimeout).
LONGER_THAN_KEEP_ALIVE_S = 6.0
OFF = tuple(dataclasses.replace(flavour, websocket="off") for flavour in PLAIN)


def test_a_websocket_echoes(root: Front) -> None:
    with root.websocket("/ws") as (socket, seen):
        assert seen.method == "GET"
        assert_echo(socket)


def test_a_websocket_carries_large_messages(root: Front) -> None:
    payload = os.urandom(1024 * 1024)
    with root.websocket("/ws") as (socket, _):
        socket.send_message(BINARY, payload)
        assert socket.message() == (BINARY, payload)


def test_a_websocket_carries_control_frames(root: Front) -> None:
    with root.websocket("/ws") as (socket, _):
        socket.send_message(PING, b"are you there")
        assert socket.message() == (PONG, b"are you there")


def test_the_end_of_a_websocket_is_told_to_the_other_side(root: Front) -> None:
    with root.talk() as socket:
        reply = socket.upgrade("/ws", (("Host", root.host),))
        assert reply.status == 101
        socket.message()
        socket.send_message(CLOSE, (1000).to_bytes(2, "big"))
        assert socket.message() == (CLOSE, (1000).to_bytes(2, "big"))


def test_what_a_websocket_asks_for_arrives(root: Front) -> None:
    protocol = ("Sec-WebSocket-Protocol", "chat, superchat")
    origin = ("Origin", f"https://{root.host}")
    with root.websocket("/a%20b/ws?x=1&y=%2F%3F%20a", protocol, origin) as (_, seen):
        assert seen.target == "/a%20b/ws?x=1&y=%2F%3F%20a"
        assert seen.values("Sec-WebSocket-Protocol") == ["chat, superchat"]
        assert seen.values("Origin") == [f"https://{root.host}"]
        assert seen.values("Host") == [root.host]


def test_an_upgrade_is_recognised_in_any_case(root: Front) -> None:
    with root.talk() as conversation:
        reply = conversation.ask(
            "GET",
            "/ws",
            (
                ("Host", root.host),
                ("upgrade", "WebSocket"),
                ("connection", "keep-alive, Upgrade"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ),
        )
        assert reply.status == 101
        conversation.message()
        conversation.leave()


def test_nothing_but_a_websocket_can_be_switched_to(root: Front) -> None:
    """With h2c a client would talk past the server: every header forged, every path open."""
    for protocol in ("h2c", "h2c, websocket", "TLS/1.0", "anything"):
        seen = root.seen(
            "/",
            ("Upgrade", protocol),
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        )
        assert "upgrade" not in ", ".join(seen.values("Connection")).lower(), protocol


def test_each_path_has_its_own_websockets(mounts: Front) -> None:
    for path, backend in (("/", "root"), ("/jup/", "kept"), ("/app.v1/", "stripped")):
        with mounts.websocket(f"{path}ws?a=%20") as (socket, seen):
            assert seen.backend == backend
            assert_echo(socket)


def test_websockets_live_beside_http2(root: Front) -> None:
    with root.talk_http2() as connection, root.websocket("/ws") as (socket, _):
        assert connection.ask("GET", "/page", root.host).status == 200
        assert_echo(socket)
        assert connection.ask("GET", "/page", root.host).status == 200


@pytest.mark.parametrize("root", OFF, indirect=True, ids=str)
def test_switched_off_there_are_none(root: Front) -> None:
    with root.talk() as conversation:
        reply = conversation.upgrade("/ws", (("Host", root.host),))
        assert reply.status == 200
        assert parse_seen(reply.body).values("Upgrade") == []


def test_a_websocket_may_be_silent_for_longer_than_other_connections(
    ground: Ground, machine: Machines
) -> None:
    with every_front(ground, machine) as fronts, ThreadPoolExecutor(len(fronts)) as together:
        list(together.map(assert_patience, fronts))


def test_a_silent_websocket_lives_for_the_time_that_was_asked_for(limits: Front) -> None:
    """On Apache its Timeout counts where that is longer, and it is 60 s."""
    with limits.talk() as socket:
        assert socket.upgrade("/ws", (("Host", limits.host),)).status == 101
        socket.message()
        begin = time.monotonic()
        if limits.is_apache:
            time.sleep(1.5)
            assert_echo(socket)
            socket.leave()
        else:
            assert not socket.rest()
            assert 0.5 < time.monotonic() - begin < 3


def test_a_websocket_that_speaks_outlives_that_time(limits: Front) -> None:
    with limits.websocket("/ws") as (socket, _):
        for _ in range(2):
            time.sleep(0.6)
            assert_echo(socket)


def assert_patience(front: Front) -> None:
    with front.websocket("/ws") as (socket, _):
        time.sleep(LONGER_THAN_KEEP_ALIVE_S)
        assert_echo(socket)


def assert_echo(socket: Conversation) -> None:
    for text in ("hello", "grüße 中文", ""):
        socket.send_message(TEXT, text.encode())
        assert socket.message() == (TEXT, text.encode())
