"""Apps below a path of their own: found, confined to it, and asked for the exact target."""

from __future__ import annotations

import re
from pathlib import Path

from servers.client import Reply
from servers.echo import Seen, parse_seen
from servers.front import Front
from servers.targets import ALIKE, DIFFERENT, EXACT, INSIDE, OUTWARD

_UP = re.compile(r"(?:[/\\]|%2f|%5c)(?:[.]|%2e){2}(?:[/\\;]|%2f|%5c|%3b|$)", re.IGNORECASE)


def test_the_root_keeps_what_no_other_route_takes(mounts: Front) -> None:
    for target in EXACT:
        seen = mounts.seen(target)
        assert (seen.backend, seen.target) == ("root", target)


def test_a_kept_path_arrives_byte_for_byte(mounts: Front) -> None:
    for rest in INSIDE:
        seen = mounts.seen(f"/jup/{rest}")
        assert (seen.backend, seen.target) == ("kept", f"/jup/{rest}")


def test_a_stripped_path_arrives_without_its_prefix(mounts: Front) -> None:
    for rest in INSIDE:
        seen = mounts.seen(f"/app.v1/{rest}")
        assert (seen.backend, seen.target) == ("stripped", f"/{rest}")


def test_paths_arrive_so_over_http2(mounts: Front) -> None:
    with mounts.talk_http2() as connection:
        for rest in INSIDE:
            for path, inside in (("/jup/", "/jup/"), ("/app.v1/", "/")):
                reply = connection.ask("GET", path + rest, mounts.host)
                assert parse_seen(reply.body).target == inside + rest


def test_paths_arrive_so_in_websocket_requests(mounts: Front) -> None:
    for rest in INSIDE:
        for path, inside in (("/jup/", "/jup/"), ("/app.v1/", "/")):
            with mounts.websocket(path + rest) as (_, seen):
                assert seen.target == inside + rest


def test_no_spelling_of_two_dots_leads_out_of_a_path(mounts: Front) -> None:
    for target in _outward():
        for method in ("GET", "POST"):
            _assert_confined(target, mounts.ask(target, method=method))


def test_no_spelling_of_two_dots_leads_out_of_a_path_over_http2(mounts: Front) -> None:
    with mounts.talk_http2() as connection:
        for target in _outward():
            _assert_confined(target, connection.ask("GET", target, mounts.host))


def test_no_spelling_of_two_dots_leads_a_websocket_out_of_a_path(mounts: Front) -> None:
    for target in _outward():
        with mounts.talk() as conversation:
            reply = conversation.upgrade(target, (("Host", mounts.host),))
            if reply.status == 101:
                assert _is_confined(parse_seen(conversation.message()[1])), target
                conversation.leave()


def test_where_the_servers_agree_they_do_as_the_table_says(mounts: Front) -> None:
    found = {target: _outcome(mounts.ask(target)) for target, _ in ALIKE}
    assert found == dict(ALIKE)


def test_where_the_servers_differ_they_do_as_the_table_says(mounts: Front) -> None:
    found = {target: _outcome(mounts.ask(target)) for target, *_ in DIFFERENT}
    assert found == {
        target: apache if mounts.is_apache else nginx for target, apache, nginx in DIFFERENT
    }


def test_a_path_without_its_slash_is_sent_to_it(mounts: Front) -> None:
    for path in ("/jup", "/app.v1"):
        for query in ("", "?x=1&y=%2F%3F%20a"):
            reply = mounts.ask(path + query, method="POST")
            assert reply.status == 308
            assert reply.values("Location") == [f"https://{mounts.host}{path}/{query}"]


def test_a_base_path_of_the_backend_stands_before_the_target(based: Front) -> None:
    for rest in INSIDE:
        assert based.seen(f"/{rest}").target == f"/base/{rest}"
        assert based.seen(f"/jup/{rest}").target == f"/in/ner/jup/{rest}"
        assert based.seen(f"/app.v1/{rest}").target == f"/other/{rest}"


def test_nothing_leads_out_of_the_base_path(based: Front) -> None:
    for target in (*_outward(), *(t.format(p="/") for t in OUTWARD)):
        reply = based.ask(target)
        if reply.status == 200:
            assert not _UP.search(parse_seen(reply.body).target.partition("?")[0]), target


def test_websockets_too_are_kept_below_the_base_path(based: Front) -> None:
    with based.websocket("/a%2Fb?c=%20") as (_, seen):
        assert seen.target == "/base/a%2Fb?c=%20"
    with based.talk() as conversation:
        reply = conversation.upgrade("/..%5c..%5csecret", (("Host", based.host),))
        assert reply.status == 400


def test_one_app_may_have_two_base_paths(twice: Front) -> None:
    assert twice.seen("/x").target == "/one/x"
    assert twice.seen("/jup/x").target == "/two/jup/x"
    with twice.websocket("/jup/x") as (_, seen):
        assert seen.target == "/two/jup/x"


def test_without_a_root_route_other_paths_are_nobodys(lone: Front) -> None:
    assert lone.seen("/jup/x").target == "/jup/x"
    own = Path(lone.scratch.directory, "html")  # nginx's own document root
    own.mkdir(mode=0o755, exist_ok=True)
    (own / "index.html").write_text("not for this name")
    for target in ("/", "/index.html", "/other", "/jupx", "/jup/../index.html"):
        assert lone.ask(target).status == 404
    assert lone.ask("/jup").status == 308


def _outward() -> list[str]:
    return [target.format(p=path) for path in ("/jup/", "/app.v1/") for target in OUTWARD]


def _assert_confined(target: str, reply: Reply) -> None:
    if reply.status == 200:
        assert _is_confined(parse_seen(reply.body)), target
    else:
        assert reply.status in {400, 404}, target


def _is_confined(seen: Seen) -> bool:
    return seen.backend == "root" or not _UP.search(seen.target.partition("?")[0])


def _outcome(reply: Reply) -> str:
    if reply.status != 200:
        return str(reply.status)
    seen = parse_seen(reply.body)
    return f"{seen.backend} {seen.target}"
