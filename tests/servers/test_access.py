"""Passwords and lists of addresses guard every way in but the certificate authority's."""

from __future__ import annotations

import base64

from servers.client import Headers
from servers.echo import parse_seen
from servers.front import Front, put_token

PASSWORD = ("Authorization", f"Basic {base64.b64encode(b'ana:secret').decode()}")
WRONG = ("Authorization", f"Basic {base64.b64encode(b'ana:wrong').decode()}")
OUTSIDE = "127.0.0.9"
CHALLENGE = "/.well-known/acme-challenge/"
TARGETS = (
    "/",
    "/x",
    "//x",
    "/a%2Fb",
    "/jup/",
    "/jup/x",
    "/app.v1/x",
    "/.well-known/x",
    "/.well-known/acme-challengeX",
)
CLIMBS = (
    f"{CHALLENGE}../../x",
    f"{CHALLENGE}..%2f..%2fx",
    f"{CHALLENGE}%2e%2e/%2e%2e/jup/x",
    f"{CHALLENGE}..%5c..%5cx",
    f"{CHALLENGE}..;/..;/x",
    f"/jup/..{CHALLENGE}../../x",
    f"/x/..{CHALLENGE}..%2f..%2fjup/x",
    f"/{CHALLENGE}../../x",
    f"{CHALLENGE}/../../x",
)


def test_without_a_password_there_is_nothing_to_see(known_users: Front) -> None:
    for headers in ((), (WRONG,)):
        for target in TARGETS:
            for method in ("GET", "POST", "OPTIONS", "PROPFIND"):
                reply = known_users.ask(target, *headers, method=method)
                assert reply.status == 401, target
                assert reply.values("WWW-Authenticate")[0].startswith("Basic realm=")


def test_without_a_password_there_is_nothing_to_see_over_http2(known_users: Front) -> None:
    with known_users.talk_http2() as connection:
        for target in TARGETS:
            assert connection.ask("GET", target, known_users.host).status == 401


def test_without_a_password_there_is_no_websocket(known_users: Front) -> None:
    for target in ("/", "/ws", "/jup/ws", "/app.v1/ws"):
        assert _upgrade(known_users, target) == 401
        assert _upgrade(known_users, target, WRONG) == 401


def test_with_the_password_there_is(known_users: Front) -> None:
    for target, backend in (("/x", "root"), ("/jup/x", "kept"), ("/app.v1/x", "stripped")):
        assert known_users.seen(target, PASSWORD).backend == backend
        with known_users.websocket(target, PASSWORD) as (_, seen):
            assert seen.backend == backend


def test_the_password_is_not_passed_on(known_users: Front) -> None:
    for target in ("/", "/jup/", "/app.v1/"):
        assert known_users.seen(target, PASSWORD).values("Authorization") == []
        with known_users.websocket(target, PASSWORD) as (_, seen):
            assert seen.values("Authorization") == []


def test_no_way_leads_through_the_challenge_to_an_app(known_users: Front) -> None:
    assert_no_way_in(known_users)


def test_other_addresses_are_refused(known_addresses: Front) -> None:
    for target in TARGETS:
        assert known_addresses.ask(target, source=OUTSIDE).status == 403, target
    for target in ("/", "/jup/ws", "/app.v1/ws"):
        assert _upgrade(known_addresses, target, source=OUTSIDE) == 403


def test_known_addresses_are_let_in(known_addresses: Front) -> None:
    for target, backend in (("/x", "root"), ("/jup/x", "kept"), ("/app.v1/x", "stripped")):
        assert known_addresses.seen(target).backend == backend
        with known_addresses.websocket(target) as (_, seen):
            assert seen.backend == backend


def test_no_header_makes_another_address_a_known_one(known_addresses: Front) -> None:
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"):
        reply = known_addresses.ask("/", (name, "127.0.0.1"), source=OUTSIDE)
        assert reply.status == 403


def test_no_way_leads_other_addresses_through_the_challenge_to_an_app(
    known_addresses: Front,
) -> None:
    assert_no_way_in(known_addresses, source=OUTSIDE)


def test_where_both_are_asked_for_one_is_not_enough(known_both: Front) -> None:
    assert known_both.ask("/").status == 401
    assert known_both.ask("/", PASSWORD, source=OUTSIDE).status == 403
    assert known_both.ask("/", source=OUTSIDE).status in {401, 403}
    assert _upgrade(known_both, "/", PASSWORD, source=OUTSIDE) == 403
    assert known_both.seen("/", PASSWORD).backend == "root"


def test_the_certificate_authority_needs_no_password(known_both: Front) -> None:
    put_token(known_both, "token", b"thumbprint")
    for secure in (False, True):
        reply = known_both.ask(f"{CHALLENGE}token", secure=secure, source=OUTSIDE)
        assert (reply.status, reply.body) == (200, b"thumbprint")


def assert_no_way_in(front: Front, source: str = "127.0.0.1") -> None:
    """Ask for apps in every spelling of a way through the path that is open to everybody."""
    scheme = front.flavour.scheme
    apps = [front.ground.echoes[scheme, name] for name in ("root", "kept", "stripped")]
    before = [len(app.seen) for app in apps]
    for target in CLIMBS:
        assert front.ask(target, source=source).status in {400, 401, 403, 404}, target
        assert _upgrade(front, target, source=source) in {400, 401, 403, 404}, target
    assert [len(app.seen) for app in apps] == before


def _upgrade(
    front: Front, target: str, *headers: tuple[str, str], source: str = "127.0.0.1"
) -> int:
    sent: Headers = (("Host", front.host), *headers)
    with front.talk(source=source) as conversation:
        reply = conversation.upgrade(target, sent)
        if reply.status == 101:
            parse_seen(conversation.message()[1])
            conversation.leave()
        return reply.status
