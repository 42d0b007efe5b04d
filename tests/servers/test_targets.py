"""A request target reaches the app of a whole host byte for byte."""

from __future__ import annotations

from servers.echo import parse_seen
from servers.front import Front
from servers.targets import EXACT


def test_a_target_arrives_byte_for_byte(root: Front) -> None:
    assert {target: root.seen(target).target for target in EXACT} == {t: t for t in EXACT}


def test_a_target_arrives_byte_for_byte_over_http2(root: Front) -> None:
    with root.talk_http2() as connection:
        for target in EXACT:
            reply = connection.ask("GET", target, root.host)
            assert parse_seen(reply.body).target == target


def test_a_websocket_target_arrives_byte_for_byte(root: Front) -> None:
    for target in EXACT:
        with root.websocket(target) as (_, seen):
            assert seen.target == target


def test_a_second_slash_at_the_very_beginning_is_merged_by_apache_alone(root: Front) -> None:
    assert root.seen("//a").target == ("/a" if root.is_apache else "//a")


def test_a_zero_byte_is_refused(root: Front) -> None:
    assert root.ask("/a%00b").status == (404 if root.is_apache else 400)


def test_the_methods_and_bodies_of_requests_arrive(root: Front) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        body = b"" if method in {"GET", "HEAD"} else b"abc"
        root.ask("/methods", method=method, body=body)
        seen = root.ground.echoes[root.flavour.scheme, "root"].seen[-1]
        assert (seen.method, seen.target, seen.size) == (method, "/methods", len(body))


def test_nobody_is_proxied_to_where_they_please(root: Front) -> None:
    elsewhere = root.ground.echoes["http", "stripped"]
    before = len(elsewhere.seen)
    root.ask(f"http://127.0.0.1:{elsewhere.port}/")
    root.ask(f"127.0.0.1:{elsewhere.port}", method="CONNECT")
    assert len(elsewhere.seen) == before


def test_an_absolute_target_arrives_by_its_path(root: Front) -> None:
    seen = root.seen(f"https://{root.host}/a%2Fb?c")
    assert seen.target == "/a%2Fb?c"
    assert seen.values("Host") == [root.host]


def test_the_name_in_an_absolute_target_outweighs_the_host_header(root: Front) -> None:
    headers = (("Host", "evil.test"), ("Connection", "close"))
    with root.talk() as conversation:
        reply = conversation.ask("GET", f"https://{root.host}/x", headers)
    assert "evil" not in " ".join(f"{k}: {v}" for k, v in parse_seen(reply.body).headers)
