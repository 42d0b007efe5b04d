"""The largest upload: any, unless a limit was asked for."""

from __future__ import annotations

from servers.client import Reply
from servers.echo import parse_seen
from servers.front import Front

LIMIT = 100_000  # as the plan says


def test_a_body_up_to_the_limit_passes(limits: Front) -> None:
    for path in ("/", "/jup/"):
        assert limits.seen(path, method="POST", body=bytes(LIMIT)).size == LIMIT


def test_a_larger_body_is_refused_and_reaches_nobody(limits: Front) -> None:
    for path, name in (("/", "root"), ("/jup/", "kept")):
        before = len(limits.ground.echoes["http", name].seen)
        assert limits.ask(path, method="POST", body=bytes(LIMIT + 1)).status == 413
        assert limits.ask(path, method="GET", body=bytes(LIMIT + 1)).status == 413
        assert len(limits.ground.echoes["http", name].seen) == before


def test_a_length_beyond_32_bits_is_refused_unsent(limits: Front) -> None:
    for length in ("3000000000", "5000000000", "9000000000000000000"):
        with limits.talk() as conversation:
            conversation.connection.settimeout(1.5)
            conversation.send("POST", "/", (("Host", limits.host), ("Content-Length", length)))
            assert conversation.reply().status == 413


def test_a_body_that_does_not_say_its_length_is_refused_by_apache_and_counted_by_nginx(
    limits: Front,
) -> None:
    small, large = _chunked(limits, 10), _chunked(limits, LIMIT + 1)
    if limits.is_apache:
        assert (small.status, large.status) == (411, 411)
    else:
        assert parse_seen(small.body).size == 10
        assert large.status == 413


def test_the_limit_holds_over_http2(limits: Front) -> None:
    for headers, refusal in (((("content-length", str(LIMIT + 1)),), 413), ((), _refusal(limits))):
        with limits.talk_http2() as connection:
            reply = connection.ask("POST", "/", limits.host, headers, bytes(LIMIT + 1))
            assert reply.status == refusal
    with limits.talk_http2() as connection:
        headers = (("content-length", str(LIMIT)),)
        reply = connection.ask("POST", "/", limits.host, headers, bytes(LIMIT))
        assert parse_seen(reply.body).size == LIMIT


def test_requests_without_a_body_pass(limits: Front) -> None:
    assert limits.seen("/a%2Fb").target == "/a%2Fb"
    with limits.talk_http2() as connection:
        assert connection.ask("GET", "/", limits.host).status == 200
    with limits.websocket("/ws") as (_, seen):
        assert seen.target == "/ws"


def _refusal(front: Front) -> int:
    return 411 if front.is_apache else 413


def _chunked(front: Front, size: int) -> Reply:
    headers = (("Host", front.host), ("Transfer-Encoding", "chunked"), ("Connection", "close"))
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size))
    with front.talk() as conversation:
        return conversation.ask("POST", "/", headers, body)
