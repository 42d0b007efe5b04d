"""Each check of a front door seen passing, and seen failing for each thing that it is there for."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from client.little_doors import (
    AUTHORITY,
    CONTEXT,
    LEAF,
    LEAF_SHA256,
    answering,
    front_door,
    look,
    redirecting,
    relaying,
)
from client.little_servers import (
    Script,
    closed_port,
    hanging_up,
    read_head,
    saying,
    server_context,
    serving,
    silence,
)
from vhostsmith.demo import Demo, start_demo
from vhostsmith.report import Check
from vhostsmith.verify import FrontDoor, verify
from vhostsmith.wire import Door

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start_demo() as running:
        yield running


def test_a_door_that_does_everything_right_passes_everything(demo: Demo) -> None:
    checks = look(relaying(demo.port), demo.port)
    assert [(check.name, check.outcome) for check in checks.values()] == [
        ("tls", "pass"),
        ("redirect", "pass"),
        ("page", "pass"),
        ("websocket", "pass"),
    ]
    assert [check.detail for check in checks.values()] == [
        "TLSv1.3 with the right certificate; TLS 1.1 is refused",
        "http answers 308 to the same target on https",
        "GET /: 200, as the backend itself answers",
        "a WebSocket handshake at /ws succeeds",
    ]


def test_without_tls_only_what_needs_none_is_checked(demo: Demo) -> None:
    with closed_port() as https_port, serving(redirecting()(https_port)) as http_port:
        front = FrontDoor(
            address="127.0.0.1", http_port=http_port, https_port=https_port, name="a.test"
        )
        checks = verify(front, Door(port=demo.port), fingerprint=LEAF_SHA256, redirect_status=308)
    assert [(check.name, check.outcome) for check in checks] == [
        ("tls", "fail"),
        ("redirect", "pass"),
    ]
    assert "nothing listens there" in checks[0].detail


def test_a_port_that_speaks_no_tls_fails(demo: Demo) -> None:
    check = look(hanging_up, demo.port, tls=None)["tls"]
    assert check.outcome == "fail"
    assert "no TLS handshake for a.test" in check.detail


def test_a_name_that_tls_refuses_fails(demo: Demo) -> None:
    refusing = server_context(LEAF)
    refusing.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    check = look(relaying(demo.port), demo.port, tls=refusing)["tls"]
    assert check.outcome == "fail"
    assert "unrecognized name" in check.detail


def test_another_certificate_than_the_expected_fails(demo: Demo) -> None:
    other = server_context(AUTHORITY.issue_cert("a.test"))
    check = look(relaying(demo.port), demo.port, tls=other)["tls"]
    assert check.outcome == "fail"
    assert "another certificate" in check.detail


def test_the_certificate_is_asked_for_by_name(demo: Demo) -> None:
    by_name = server_context(AUTHORITY.issue_cert("default.test"))

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if name == "a.test":
            connection.context = CONTEXT

    by_name.sni_callback = choose
    assert look(relaying(demo.port), demo.port, tls=by_name)["tls"].outcome == "pass"


def test_a_fingerprint_may_be_written_without_colons_or_not_be_given(demo: Demo) -> None:
    bare = LEAF_SHA256.replace(":", "").lower()
    assert look(relaying(demo.port), demo.port, fingerprint=bare)["tls"].outcome == "pass"
    unknown = look(relaying(demo.port), demo.port, fingerprint=None)["tls"]
    assert unknown.outcome == "pass"
    assert LEAF_SHA256 in unknown.detail


def test_a_door_that_still_takes_tls_1_1_fails(demo: Demo) -> None:
    old = server_context(LEAF)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    check = look(relaying(demo.port), demo.port, tls=old)["tls"]
    assert (check.outcome, check.detail) == ("fail", "TLS 1.1 is accepted")


def test_a_question_for_tls_1_1_that_nobody_answers_is_no_finding(demo: Demo) -> None:
    connections: list[int] = []

    def script(connection: socket.socket) -> None:
        connections.append(1)
        if len(connections) == 2:  # the first showed the certificate
            silence(connection)
        with CONTEXT.wrap_socket(connection.dup(), server_side=True) as secured:
            relaying(demo.port)(secured)

    check = look(script, demo.port, tls=None, timeout_s=0.5)["tls"]
    assert (check.outcome, check.detail) == ("pass", "TLSv1.3 with the right certificate")


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (lambda _: answering("200 OK"), "answers 200 and does not redirect"),
        (lambda _: hanging_up, "the connection ended without an answer"),
        (redirecting(lambda target: target.replace("%2F", "/")), r"is redirected to .*/a/b%3Fc"),
        (redirecting(lambda target: target.replace("//", "/")), "is redirected to "),
        (redirecting(lambda target: target.partition("?")[0]), "is redirected to "),
        (redirecting(lambda target: target.replace("%20", " ")), "is redirected to "),
        (redirecting(name="b.test"), r"is redirected to https://b\.test"),
        (redirecting(status=301), "the redirect has status 301, not 308"),
    ],
    ids=["page", "silent", "slash", "slashes", "query", "space", "name", "status"],
)
def test_a_redirect_that_is_not_exact_fails(
    demo: Demo, plain: Callable[[int], Script], words: str
) -> None:
    check = look(relaying(demo.port), demo.port, plain=plain)["redirect"]
    assert check.outcome == "fail"
    assert re.search(words, check.detail), check.detail


def test_the_redirect_is_asked_for_with_the_name_and_port_of_a_browser(demo: Demo) -> None:
    seen: list[bytes] = []

    ports: list[int] = []

    def script(connection: socket.socket) -> None:
        ports.append(connection.getsockname()[1])
        seen.append(read_head(connection))

    look(relaying(demo.port), demo.port, plain=lambda _: script)
    line = "GET /a%2Fb%3Fc//d%20e?x=%20&y=%2F%25 HTTP/1.1\r\n"
    assert seen[0].decode().startswith(f"{line}Host: a.test:{ports[0]}\r\n")


def test_where_no_redirect_is_wanted_none_is_asked_for(demo: Demo) -> None:
    checks = look(relaying(demo.port), demo.port, redirect_status=None)
    assert "redirect" not in checks


@pytest.mark.parametrize(
    ("name", "ports", "hosts"),
    [
        ("a.test", (80, 443), ("a.test", "a.test")),
        ("a.test", (8080, 8443), ("a.test:8080", "a.test:8443")),
        ("::1", (80, 8443), ("[::1]", "[::1]:8443")),
    ],
)
def test_a_host_has_its_port_only_where_a_browser_says_it(
    name: str, ports: tuple[int, int], hosts: tuple[str, str]
) -> None:
    front = FrontDoor(address="127.0.0.1", http_port=ports[0], https_port=ports[1], name=name)
    assert (front.public_host(80), front.public_host()) == hosts


def page(secure: Script, backend: Script, **options: Any) -> Check:
    with serving(backend) as port:
        return look(secure, port, websocket_path=None, **options)["page"]


@pytest.mark.parametrize(
    ("front", "backend", "outcome", "words"),
    [
        ("200 OK", "200 OK", "pass", "GET /: 200, as the backend itself answers"),
        ("404 No", "404 No", "pass", "GET /: 404, as the backend itself answers"),
        ("503 No", "503 No", "pass", "GET /: 503, as the backend itself answers"),
        ("200 OK", "404 No", "pass", "200 through the front door, 404 from the backend"),
        ("502 No", "503 No", "warn", "502 through the front door, 503 from the backend"),
        ("502 No", "200 OK", "fail", "502 through the front door, 200 from the backend"),
        ("421 No", "200 OK", "fail", "421 through the front door, 200 from the backend"),
        ("403 No", "404 No", "fail", "403 through the front door, 404 from the backend"),
        ("500 No", "302 Go", "fail", "500 through the front door, 302 from the backend"),
    ],
)
def test_only_what_the_front_door_alone_does_wrong_fails(
    front: str, backend: str, outcome: str, words: str
) -> None:
    check = page(answering(front), answering(backend))
    assert (check.outcome, words in check.detail) == (outcome, True), check


def test_a_backend_that_is_down_by_itself_is_a_warning() -> None:
    with closed_port() as port:
        checks = look(answering("503 Unavailable"), port)
    for name in ("page", "websocket"):
        assert checks[name].outcome == "warn"
        assert f"127.0.0.1:{port} gives no answer: nothing listens there" in checks[name].detail
        assert "the front door answers 503" in checks[name].detail


def test_a_front_door_that_hangs_up_fails_even_if_the_backend_is_down() -> None:
    with closed_port() as port:
        check = look(hanging_up, port)["page"]
    assert check.outcome == "fail"
    assert "through the front door: the connection ended without an answer" in check.detail


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_guarded_door_may_ask_for_a_password_or_refuse(demo: Demo, status: str) -> None:
    for checks, outcome in (
        (look(answering(status), demo.port, is_guarded=True), "pass"),
        (look(answering(status), demo.port), "fail"),
    ):
        assert {checks["page"].outcome, checks["websocket"].outcome} == {outcome}


def test_without_a_backend_the_page_stands_for_itself() -> None:
    checks = look(answering("200 OK"), None)
    assert [*checks] == ["tls", "redirect", "page"]
    assert (checks["page"].outcome, checks["page"].detail) == ("pass", "GET /: 200")
    assert look(answering("500 No"), None)["page"].outcome == "fail"


def test_the_backend_is_asked_as_a_proxy_asks_and_below_its_own_prefix() -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(script) as port, front_door(answering("200 OK")) as front:
        checks = verify(
            front,
            Door(port=port),
            fingerprint=None,
            redirect_status=None,
            page_path="/jup/lab?x",
            websocket_path=None,
            mount=("/jup/", "/base/"),
        )
    host = f"a.test:{front.https_port}"
    assert [check.outcome for check in checks] == ["pass", "pass"]
    assert seen == [
        (
            f"GET /base/lab?x HTTP/1.1\r\nHost: {host}\r\nUser-Agent: vhostsmith\r\n"
            f"Accept: */*\r\nConnection: close\r\nX-Forwarded-For: 127.0.0.1\r\n"
            f"X-Forwarded-Proto: https\r\nX-Forwarded-Host: {host}\r\n\r\n"
        ).encode()
    ]


def without_upgrade(head: bytes) -> bytes:
    return re.sub(rb"(Connection|Upgrade): .*\r\n", b"", head).replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
    )


def test_a_door_that_drops_the_upgrade_fails(demo: Demo) -> None:
    checks = look(relaying(demo.port, without_upgrade), demo.port)
    assert checks["page"].outcome == "pass"
    assert checks["websocket"].outcome == "fail"
    assert checks["websocket"].detail.endswith("the front door does not: answers 426")
    assert "upgrade=websocket" in (checks["websocket"].remedy or "")


def test_a_door_that_hangs_up_on_a_handshake_fails(demo: Demo) -> None:
    check = look(hanging_up, demo.port)["websocket"]
    assert check.outcome == "fail"
    assert check.detail.endswith("the connection ended without an answer")


def test_a_wrong_accept_key_fails(demo: Demo) -> None:
    check = look(saying(UPGRADED + b"Sec-WebSocket-Accept: abc=\r\n\r\n"), demo.port)["websocket"]
    assert check.outcome == "fail"
    assert "wrong Sec-WebSocket-Accept" in check.detail


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/nothing", 404)])
def test_a_path_that_is_no_websocket_passes_when_both_say_so(
    demo: Demo, path: str, status: int
) -> None:
    check = look(relaying(demo.port), demo.port, websocket_path=path)["websocket"]
    assert check.outcome == "pass"
    assert check.detail == (
        f"a WebSocket handshake at {path}: {status}, as the backend itself answers"
    )


def test_the_handshake_carries_the_public_host_and_origin_and_key() -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")

    with serving(script) as port, front_door(relaying(port)) as front:
        verify(front, Door(port=port), fingerprint=None, redirect_status=None)
    host = f"a.test:{front.https_port}".encode()
    handshakes = [head for head in seen if b"Upgrade: websocket\r\n" in head]
    assert len(handshakes) == 2
    for head in handshakes:
        assert b"\r\nHost: " + host + b"\r\n" in head
        assert b"\r\nOrigin: https://" + host + b"\r\n" in head
        assert b"\r\nSec-WebSocket-Version: 13\r\n" in head
        assert re.search(rb"\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n", head)


def test_where_no_websocket_is_wanted_none_is_asked_for(demo: Demo) -> None:
    assert "websocket" not in look(relaying(demo.port), demo.port, websocket_path=None)
