"""The app can believe what the headers of a proxy say: no client can write them."""

from __future__ import annotations

from servers.client import Headers, Reply
from servers.echo import Seen, parse_seen
from servers.front import Front

FORGEABLE = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Forwarded-Proto",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Scheme",
    "X-Real-IP",
    "Forwarded",
    "Proxy",
)
FORGED: Headers = tuple(
    (name, f"forged.test:{number}")
    for number, name in enumerate((*FORGEABLE, *map(str.lower, FORGEABLE)))
)
# With underscores they become the same variable in CGI, WSGI and PHP.
UNDERSCORED: Headers = tuple(
    (name, "forged.test")
    for name in (
        *(name.replace("-", "_") for name in FORGEABLE if "-" in name),
        "X_Forwarded-For",
        "X-Forwarded_For",
        "x-real_ip",
    )
)


def test_the_app_is_told_the_public_name_with_its_port(root: Front) -> None:
    seen = root.seen()
    assert seen.values("Host") == [root.host]
    assert seen.values("X-Forwarded-Host") == [root.host]


def test_the_app_is_told_that_the_client_speaks_https(root: Front) -> None:
    seen = root.seen()
    assert seen.values("X-Forwarded-Proto") == ["https"]
    assert seen.values("X-Scheme") == ["https"]
    assert seen.values("X-Forwarded-Port") == [str(root.scratch.https_port)]


def test_the_app_is_told_the_clients_address(root: Front) -> None:
    reply = root.ask("/", source="127.0.0.9")
    seen = parse_seen(reply.body)
    assert seen.values("X-Real-IP") == ["127.0.0.9"]
    assert seen.values("X-Forwarded-For") == ["127.0.0.9"]


def test_no_forged_header_reaches_the_app(root: Front) -> None:
    for header in FORGED:
        assert_true(root, root.seen("/", header))


def test_no_forged_header_reaches_the_app_in_a_crowd(root: Front) -> None:
    assert_true(root, root.seen("/", *FORGED, *FORGED))


def test_no_forged_header_reaches_the_app_over_http2(root: Front) -> None:
    with root.talk_http2() as connection:
        assert_true(root, parse_seen(connection.ask("GET", "/", root.host, FORGED).body))


def test_no_forged_header_reaches_the_app_in_a_websocket_request(root: Front) -> None:
    with root.websocket("/", *FORGED) as (_, seen):
        assert_true(root, seen)


def test_no_header_with_an_underscore_is_taken_for_a_true_one(root: Front) -> None:
    for header in UNDERSCORED:
        assert_refused_or_true(root, root.ask("/", header))


def test_no_header_with_an_underscore_is_taken_for_a_true_one_over_http2(root: Front) -> None:
    for header in UNDERSCORED:
        with root.talk_http2() as connection:
            assert_refused_or_true(root, connection.ask("GET", "/", root.host, (header,)))


def test_no_header_with_an_underscore_is_taken_for_a_true_one_in_a_websocket_request(
    root: Front,
) -> None:
    for header in UNDERSCORED:
        with root.talk() as conversation:
            reply = conversation.upgrade("/", (("Host", root.host), header))
            if not root.is_apache:
                assert reply.status == 101
                assert_true(root, parse_seen(conversation.message()[1]))
                conversation.leave()
            else:
                assert reply.status == 400


def test_nobody_can_have_the_true_headers_dropped_by_naming_them_in_connection(
    root: Front,
) -> None:
    for listed in (", ".join(FORGEABLE), "x-real-ip", "X-SCHEME,Host", "Host"):
        seen = root.seen("/", ("Connection", listed))
        assert_true(root, seen)


def test_nobody_can_have_the_true_headers_dropped_from_a_websocket_request(root: Front) -> None:
    with root.talk() as conversation:
        reply = conversation.ask(
            "GET",
            "/",
            (
                ("Host", root.host),
                ("Upgrade", "websocket"),
                ("Connection", f"Upgrade, {', '.join(FORGEABLE)}"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ),
        )
        assert reply.status == 101
        assert_true(root, parse_seen(conversation.message()[1]))
        conversation.leave()


def test_other_headers_arrive_as_they_were_sent(root: Front) -> None:
    sent = (
        ("X-Other", 'a, "b" ünï'),
        ("Cookie", "a=1; b=" + "x" * 3000),
        ("Authorization", "Bearer abc.def"),
        ("Accept-Encoding", "gzip, br"),
        ("Origin", "https://elsewhere.test"),
        ("If-None-Match", '"x"'),
        ("Sec-Fetch-Site", "none"),
    )
    seen = root.seen("/", *sent)
    assert [(name, seen.values(name)) for name, _ in sent] == [(n, [v]) for n, v in sent]


def test_only_a_stripped_path_is_told_to_the_app(mounts: Front) -> None:
    forged = ("X-Forwarded-Prefix", "/forged")
    assert mounts.seen("/", forged).values("X-Forwarded-Prefix") == []
    assert mounts.seen("/jup/", forged).values("X-Forwarded-Prefix") == []
    assert mounts.seen("/app.v1/", forged).values("X-Forwarded-Prefix") == ["/app.v1"]


def test_every_route_tells_the_truth(mounts: Front) -> None:
    for path in ("/jup/", "/app.v1/"):
        seen = mounts.seen(path, *(h for h in FORGED if "prefix" not in h[0].lower()))
        assert_true(mounts, seen)


def test_an_alias_is_told_as_it_was_asked_for(names: Front) -> None:
    for name in ("site.test", "www.site.test", "x.apps.test"):
        host = f"{name}:{names.scratch.https_port}"
        seen = parse_seen(names.ask("/", host=host).body)
        assert (seen.values("Host"), seen.values("X-Forwarded-Host")) == ([host], [host])


def assert_refused_or_true(front: Front, reply: Reply) -> None:
    """Apache refuses what nginx drops."""
    if front.is_apache:
        assert reply.status == 400
    else:
        assert_true(front, parse_seen(reply.body))


def assert_true(front: Front, seen: Seen) -> None:
    """Assert that the headers of a proxy say what is so, and no more than that."""
    lies = [(name, value) for name, value in seen.headers if "forged" in value]
    assert not lies
    said = {
        "Host": [front.host],
        "X-Real-IP": ["127.0.0.1"],
        "X-Forwarded-For": ["127.0.0.1"],
        "X-Forwarded-Host": [front.host],
        "X-Forwarded-Proto": ["https"],
        "X-Forwarded-Port": [str(front.scratch.https_port)],
        "X-Scheme": ["https"],
    }
    assert {name: seen.values(name) for name in said} == said
