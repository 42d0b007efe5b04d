"""What flows, flows as it comes: events, uploads and long answers."""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers.conftest import Machines, every_front
from servers.echo import EVENT_S, parse_seen
from servers.front import Front
from servers.ground import Ground

LARGE = 20 * 1024 * 1024


def test_events_arrive_one_by_one(ground: Ground, machine: Machines) -> None:
    with every_front(ground, machine) as fronts, ThreadPoolExecutor(len(fronts)) as together:
        list(together.map(assert_events_one_by_one, fronts))


def test_a_large_upload_arrives(root: Front) -> None:
    body = os.urandom(LARGE)
    seen = root.seen("/upload", method="PUT", body=body)
    assert (seen.size, seen.digest) == (LARGE, hashlib.sha256(body).hexdigest())


def test_a_large_upload_arrives_over_http2(root: Front) -> None:
    body = os.urandom(LARGE // 4)
    with root.talk_http2() as connection:
        seen = parse_seen(connection.ask("POST", "/upload", root.host, (), body).body)
    assert (seen.size, seen.digest) == (len(body), hashlib.sha256(body).hexdigest())


def test_an_upload_of_unknown_length_arrives(root: Front) -> None:
    headers = (("Host", root.host), ("Transfer-Encoding", "chunked"))
    with root.talk() as conversation:
        conversation.send("POST", "/upload", headers)
        for _ in range(3):
            conversation.connection.sendall(b"4\r\nabcd\r\n")
        conversation.connection.sendall(b"0\r\n\r\n")
        seen = parse_seen(conversation.reply().body)
    assert (seen.size, seen.digest) == (12, hashlib.sha256(b"abcd" * 3).hexdigest())


def test_an_upload_reaches_the_app_while_it_is_sent(root: Front) -> None:
    echo = root.ground.echoes[root.flavour.scheme, "root"]
    half = bytes(256 * 1024)
    with root.talk() as conversation:
        before = echo.received
        length = ("Content-Length", str(2 * len(half)))
        conversation.send("POST", "/upload", (("Host", root.host), length))
        conversation.connection.sendall(half)
        deadline = time.monotonic() + 2
        while echo.received == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert echo.received > before
        conversation.connection.sendall(half)
        assert parse_seen(conversation.reply().body).size == 2 * len(half)


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(root: Front) -> None:
    headers = (("Host", root.host), ("Expect", "100-continue"), ("Content-Length", "5"))
    with root.talk() as conversation:
        conversation.send("POST", "/upload", headers)
        assert conversation.connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        conversation.connection.sendall(b"hello")
        assert parse_seen(conversation.reply().body).size == 5


def test_a_long_answer_arrives_whole(root: Front) -> None:
    assert len(root.ask("/download", ("Echo", f"size {LARGE}")).body) == LARGE


def test_an_answer_with_large_headers_arrives(root: Front) -> None:
    cookie = "a=" + "x" * 7000
    reply = root.ask("/", ("Echo", f"answer 200 Set-Cookie: {cookie}"))
    assert (reply.status, reply.values("Set-Cookie")) == (200, [cookie])


def test_an_app_is_waited_for_as_long_as_was_asked_for(limits: Front) -> None:
    assert limits.seen("/slow", ("Echo", "wait 0.6")).target == "/slow"
    assert limits.ask("/slow", ("Echo", "wait 2")).status in {502, 504}


@pytest.mark.parametrize("status", [204, 304, 404, 500, 503])
def test_the_apps_own_answers_arrive_whatever_their_status(root: Front, status: int) -> None:
    reply = root.ask("/", ("Echo", f"answer {status} X-App: yes"))
    assert (reply.status, reply.values("X-App")) == (status, ["yes"])


def assert_events_one_by_one(front: Front) -> None:
    """Look at both versions of HTTP at once."""
    wish = ("Echo", "events 3")
    with ThreadPoolExecutor() as both, front.talk_http2() as connection:
        old = both.submit(front.ask, "/events", wish)
        new = both.submit(connection.ask, "GET", "/events", front.host, (wish,))
        for reply in (old.result(), new.result()):
            assert reply.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
            first, second, third = reply.times_s[:3]
            assert first < 2 * EVENT_S
            assert second - first > EVENT_S / 2
            assert third - second > EVENT_S / 2
