"""Sites without an app: one that sends everybody elsewhere, and one that refuses strangers."""

from __future__ import annotations

import contextlib
import socket
import ssl

from servers.client import Conversation, Http2, HungUpError, Reply, client_context, connected
from servers.echo import parse_seen
from servers.front import Front, put_token
from servers.targets import EXACT

ELSEWHERE = "https://elsewhere.test:8443/base"


def test_everything_is_sent_elsewhere_byte_for_byte(elsewhere: Front) -> None:
    for target in (*EXACT, "//", "//a", "/a/../b", "/jup"):
        reply = elsewhere.ask(target)
        assert (reply.status, reply.values("Location")) == (307, [ELSEWHERE + target])


def test_everything_is_sent_elsewhere_over_http2(elsewhere: Front) -> None:
    with elsewhere.talk_http2() as connection:
        for target in EXACT:
            reply = connection.ask("GET", target, elsewhere.host)
            assert reply.values("Location") == [ELSEWHERE + target]


def test_over_plain_http_the_site_itself_comes_first(elsewhere: Front) -> None:
    reply = elsewhere.ask("/a%2Fb?c", secure=False)
    assert reply.values("Location") == [f"https://{elsewhere.host}/a%2Fb?c"]


def test_the_certificate_authority_is_not_sent_elsewhere(elsewhere: Front) -> None:
    put_token(elsewhere, "token", b"thumbprint")
    for secure in (False, True):
        reply = elsewhere.ask("/.well-known/acme-challenge/token", secure=secure)
        assert (reply.status, reply.body) == (200, b"thumbprint")


def test_a_declared_name_is_answered_beside_a_catch_all(beside_a_catch_all: Front) -> None:
    front = beside_a_catch_all
    assert front.seen("/x").target == "/x"
    with front.talk_http2() as connection:
        assert parse_seen(connection.ask("GET", "/x", front.host).body).target == "/x"
    with front.websocket("/ws") as (_, seen):
        assert seen.target == "/ws"
    assert front.ask("/x", secure=False).values("Location") == [f"https://{front.host}/x"]


def test_a_host_that_nobody_declared_is_refused_on_http(beside_a_catch_all: Front) -> None:
    for host in ("other.test", "127.0.0.1", "site.test.other.test", "localhost"):
        with beside_a_catch_all.talk(secure=False) as conversation:
            assert _is_refused(conversation, host)


def test_a_name_that_nobody_declared_is_refused_in_the_handshake_or_after(
    beside_a_catch_all: Front,
) -> None:
    for name in ("other.test", "x.site.test", None):
        for host in ("other.test", beside_a_catch_all.host, "127.0.0.1"):
            assert _is_stopped(beside_a_catch_all, name, host), (name, host)


def test_a_declared_name_does_not_let_another_host_in(beside_a_catch_all: Front) -> None:
    for host in ("other.test", "127.0.0.1"):
        assert _is_stopped(beside_a_catch_all, "site.test", host)


def test_strangers_are_not_shown_the_sites_certificate(beside_a_catch_all: Front) -> None:
    port = beside_a_catch_all.scratch.https_port
    for name in ("other.test", None):
        shown = b""
        with (
            contextlib.suppress(ssl.SSLError),
            connected(port, server_name=name, context=client_context()) as connection,
        ):
            assert isinstance(connection, ssl.SSLSocket)
            shown = connection.getpeercert(binary_form=True) or b""
        assert b"site.test" not in shown
        assert bool(shown) is beside_a_catch_all.is_apache


def _is_stopped(front: Front, name: str | None, host: str) -> bool:
    """Whether neither version of HTTP gets an answer of the site."""
    for protocol in ("http/1.1", "h2"):
        try:
            with connected(
                front.scratch.https_port, server_name=name, context=client_context(protocol)
            ) as connection:
                if protocol == "h2" and not _is_refused_over_http2(connection, host):
                    return False
                if protocol != "h2" and not _is_refused(Conversation(connection), host):
                    return False
        except ssl.SSLError:
            continue
    return True


def _is_refused_over_http2(connection: socket.socket, host: str) -> bool:
    try:
        return _says_no(Http2(connection).ask("GET", "/", host))
    except HungUpError:
        return True


def _is_refused(conversation: Conversation, host: str) -> bool:
    try:
        return _says_no(conversation.ask("GET", "/", (("Host", host),)))
    except HungUpError:
        return True


def _says_no(reply: Reply) -> bool:
    """A status of 0 is a stream that was reset unanswered."""
    return reply.status in {0, 400, 403, 421} and not reply.values("Location")
