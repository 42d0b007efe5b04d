"""The demo's backend, asked directly; what it shows in a browser rests on these answers."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from vhostsmith.demo import Demo, start_demo
from vhostsmith.wire import Answer, Door, Fault, Request, WireError, ask


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start_demo() as running:
        yield running


def get(demo: Demo, target: str, *headers: tuple[str, str], timeout_s: float = 5) -> Answer:
    request = Request(
        target=target, headers=(("Host", "a.test"), ("Connection", "close"), *headers)
    )
    return ask(Door(port=demo.port, timeout_s=timeout_s), request)


@pytest.mark.parametrize("target", ["/", "/?x=1", "/jup/", "/deep/er/?y"])
def test_the_page_is_there_below_any_prefix(demo: Demo, target: str) -> None:
    answer = get(demo, target)
    assert answer.status == 200
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert b"<title>vhostsmith demo</title>" in answer.body


def test_the_page_needs_nothing_from_elsewhere_and_no_absolute_path(demo: Demo) -> None:
    page = get(demo, "/").body.decode()
    assert not re.search(r"""(?:src|href|action)=(?!["']?data:)""", page)
    assert not re.search(r"@import|url\(|//cdn|https?://", page)
    places = re.findall(r"""(?:new URL|fetch|EventSource)\("([^"]*)\"""", page)
    assert sorted(places) == ["events", "headers", "upload", "ws"]


def test_what_it_does_not_have_is_404(demo: Demo) -> None:
    assert get(demo, "/favicon.ico").status == 404
    assert get(demo, "/a%2Fb%3Fc").status == 404


def test_head_has_the_length_and_no_body(demo: Demo) -> None:
    answer = ask(Door(port=demo.port), Request(method="HEAD", headers=(("Host", "a.test"),)))
    assert answer.status == 200
    assert answer.header("Content-Length") == str(len(get(demo, "/").body))


def test_headers_are_shown_as_they_came(demo: Demo) -> None:
    answer = get(demo, "/x/headers?q", ("X-Forwarded-For", "192.0.2.1"), ("x-twice", "1"))
    shown = json.loads(answer.body)
    assert shown["request"] == "GET /x/headers?q HTTP/1.1"
    assert shown["headers"] == [
        ["Host", "a.test"],
        ["Connection", "close"],
        ["X-Forwarded-For", "192.0.2.1"],
        ["x-twice", "1"],
    ]


def test_a_connection_serves_several_requests(demo: Demo) -> None:
    one = b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    two = b"GET /headers HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5) as connection:
        connection.sendall(one + two)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert b'{"size": 3}' in received
    assert b'["Host", "b"]' in received


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_is_answered_with_its_size(demo: Demo, method: str) -> None:
    body = b"x" * 3_000_000
    headers = (("Host", "a"), ("Connection", "close"))
    sized = Request(
        method=method,
        target="/jup/upload",
        headers=(*headers, ("Content-Length", str(len(body)))),
        body=body,
    )
    assert json.loads(ask(Door(port=demo.port), sized).body) == {"size": 3_000_000}
    chunked = Request(
        method=method,
        target="/upload",
        headers=(*headers, ("Transfer-Encoding", "chunked")),
        body=b"5;ext\r\nhello\r\nF4240\r\n" + b"y" * 1_000_000 + b"\r\n0\r\nTrailer: 1\r\n\r\n",
    )
    assert json.loads(ask(Door(port=demo.port), chunked).body) == {"size": 1_000_005}


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (("Content-Length", "x"), b""),
        (("Content-Length", "-1"), b""),
        (("Transfer-Encoding", "chunked"), b"zz\r\n"),
        (("X-None", "0"), b""),
    ],
)
def test_a_body_without_a_readable_length_is_refused(
    demo: Demo, header: tuple[str, str], body: bytes
) -> None:
    request = Request(method="PUT", target="/upload", headers=(header,), body=body)
    answer = ask(Door(port=demo.port), request)
    assert (answer.status, answer.header("Connection")) == (400, "close")


def test_an_upload_elsewhere_is_404_and_ends_the_connection(demo: Demo) -> None:
    request = Request(method="POST", target="/", headers=(("Content-Length", "2"),), body=b"hi")
    answer = ask(Door(port=demo.port), request)
    assert (answer.status, answer.header("Connection")) == (404, "close")


def test_events_come_one_a_second_and_the_first_at_once(demo: Demo) -> None:
    started = time.monotonic()
    first = get(demo, "/events", timeout_s=0.5)
    assert first.header("Content-Type") == "text/event-stream"
    assert not first.is_complete
    assert first.body.count(b"\n\n") == 1
    several = get(demo, "/jup/events", timeout_s=2.5)
    events = [json.loads(line[6:]) for line in several.body.splitlines() if line[:5] == b"data:"]
    assert [event["number"] for event in events] == [1, 2, 3]
    gaps = [b["sent_ms"] - a["sent_ms"] for a, b in itertools.pairwise(events)]
    assert all(900 < gap < 1500 for gap in gaps)
    assert time.monotonic() - started < 4


def test_the_websocket_echoes_text_and_bytes_of_every_size(demo: Demo) -> None:
    with connect(f"ws://127.0.0.1:{demo.port}/jup/ws", compression=None, max_size=None) as ws:
        for message in ("", "hello", "ünï 中文", "x" * 125, "x" * 126, "x" * 65535, "x" * 65536):
            ws.send(message)
            assert ws.recv(timeout=5) == message
        ws.send(b"\x00\xff" * 100_000)
        assert ws.recv(timeout=5) == b"\x00\xff" * 100_000


def test_fragments_are_joined_and_pings_answered_between_them(demo: Demo) -> None:
    with connect(f"ws://127.0.0.1:{demo.port}/ws", compression=None) as ws:

        def pieces() -> Iterator[str]:
            yield "one "
            assert ws.ping(b"still there?").wait(5)
            yield "two "
            yield "three"

        ws.send(pieces())
        assert ws.recv(timeout=5) == "one two three"


def test_closing_is_answered_with_the_same_code(demo: Demo) -> None:
    with connect(f"ws://127.0.0.1:{demo.port}/ws", compression=None) as ws:
        ws.close(4001, "bye")
    assert ws.protocol.close_rcvd is not None
    assert ws.protocol.close_rcvd.code == 4001


def masked(first: int, payload: bytes) -> bytes:
    if len(payload) < 126:
        return bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload
    return bytes((first, 0xFF)) + len(payload).to_bytes(8, "big") + b"\0\0\0\0" + payload


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (masked(0xC1, b"hi"), 1002),  # a reserved bit
        (masked(0x83, b"hi"), 1002),  # no such opcode
        (masked(0x80, b"hi"), 1002),  # a continuation of nothing
        (masked(0x01, b"hi") + masked(0x81, b"ho"), 1002),  # a message within a message
        (masked(0x09, b"hi"), 1002),  # a ping in pieces
        (masked(0x88, b"x"), 1002),  # half a close code
        (masked(0x81, b"\xff"), 1007),
        (b"\x82\xff" + (1 << 20 | 1).to_bytes(8, "big"), 1009),
        (masked(0x02, b"x" * 700_000) + masked(0x80, b"x" * 700_000), 1009),
    ],
)
def test_what_the_protocol_forbids_is_closed_with_its_code(
    demo: Demo, sent: bytes, code: int
) -> None:
    with connect(f"ws://127.0.0.1:{demo.port}/ws", compression=None) as ws:
        ws.socket.sendall(sent)
        with pytest.raises(ConnectionClosed):
            ws.recv(timeout=5)
    assert ws.protocol.close_rcvd is not None
    assert ws.protocol.close_rcvd.code == code


def test_without_an_upgrade_the_websocket_says_so(demo: Demo) -> None:
    assert get(demo, "/ws").status == 426
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{demo.port}/nothing")


def test_it_listens_on_loopback_only(demo: Demo) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, but tells this machine's own address
        own_address = probe.getsockname()[0]
    if own_address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with pytest.raises(WireError) as caught:
        ask(Door(address=own_address, port=demo.port), Request())
    assert caught.value.fault is Fault.REFUSED


def test_a_taken_port_is_an_error(demo: Demo) -> None:
    with pytest.raises(OSError, match="in use"):
        start_demo(demo.port)


def test_closing_ends_streams_and_sockets_at_once_and_gives_the_port_back() -> None:
    with start_demo() as demo, concurrent.futures.ThreadPoolExecutor() as pool:
        stream = pool.submit(get, demo, "/events", timeout_s=20)
        with (
            connect(f"ws://127.0.0.1:{demo.port}/ws") as ws,
            socket.create_connection(("127.0.0.1", demo.port)) as idle,
        ):
            time.sleep(0.2)
            started = time.monotonic()
            demo.close()
            assert idle.recv(1) == b""
            with pytest.raises(ConnectionClosedError):
                ws.recv(timeout=5)
        assert stream.result(5).body.count(b"data:") == 1
        assert time.monotonic() - started < 2
        start_demo(demo.port).close()
