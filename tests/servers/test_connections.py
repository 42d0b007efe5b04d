"""Connections are kept, on both sides of the server, and not for longer than apps like."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from servers.client import Conversation
from servers.conftest import Machines, every_front
from servers.echo import parse_seen
from servers.front import Front
from servers.ground import Ground

# More than Apache (100) and nginx (1000) allow by themselves.
MANY = 1050
# Node and uvicorn end a connection after 5 s without a request.
SHORTER_THAN_APPS_S = 4.4


def test_connections_to_the_app_are_kept(root: Front) -> None:
    with root.talk() as conversation:
        assert len({_connection(root, conversation) for _ in range(3)}) == 1


def test_they_are_kept_by_all_paths(mounts: Front) -> None:
    for path in ("/", "/jup/", "/app.v1/"):
        with mounts.talk() as conversation:
            assert len({_connection(mounts, conversation, path) for _ in range(3)}) == 1


def test_they_are_kept_beside_a_websocket(root: Front) -> None:
    with root.talk() as conversation, root.websocket("/ws") as (_, seen):
        found = {_connection(root, conversation) for _ in range(3)}
    assert len(found) == 1
    assert seen.connection not in found


def test_they_are_kept_over_http2(root: Front) -> None:
    with root.talk_http2() as connection:
        replies = [connection.ask("GET", "/", root.host) for _ in range(3)]
    assert len({parse_seen(reply.body).connection for reply in replies}) == 1


def test_a_connection_to_the_app_is_not_used_again_when_the_app_may_be_ending_it(
    ground: Ground, machine: Machines
) -> None:
    with every_front(ground, machine) as fronts, ThreadPoolExecutor(len(fronts)) as together:
        list(together.map(assert_given_up_in_time, fronts))


def test_many_requests_share_one_connection(plain: Front) -> None:
    with plain.talk() as conversation:
        assert len({_connection(plain, conversation) for _ in range(MANY)}) == 1


def assert_given_up_in_time(front: Front) -> None:
    with front.talk() as conversation:
        before = _connection(front, conversation)
        time.sleep(SHORTER_THAN_APPS_S)
        assert _connection(front, conversation) != before


def _connection(front: Front, conversation: Conversation, path: str = "/") -> int:
    reply = conversation.ask("GET", path, (("Host", front.host),))
    return parse_seen(reply.body).connection
