"""The client that sends exact bytes, against servers that say exact bytes."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from client.little_servers import (
    HELLO,
    NGINX_400,
    Script,
    closed_port,
    greeting,
    hanging_up,
    leaf_der,
    read_head,
    resetting,
    saying,
    server_context,
    serving,
    silence,
)
from vhostsmith import http1
from vhostsmith.wire import Answer, Door, Fault, Request, WireError, ask, fingerprint, handshake

GET = Request(headers=(("Host", "a.test"),))


def ask_script(script: Script, request: Request = GET, *, body_limit: int = 65536) -> Answer:
    with serving(script) as port:
        return ask(Door(port=port, timeout_s=2), request, body_limit=body_limit)


def fault_of(script: Script, *, timeout_s: float = 2) -> WireError:
    with serving(script) as port, pytest.raises(WireError) as caught:
        ask(Door(port=port, timeout_s=timeout_s), GET)
    assert caught.value.where == f"127.0.0.1:{port}"
    return caught.value


def test_what_is_sent_is_exactly_what_was_given() -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(read_head(connection))
        connection.sendall(HELLO)

    request = Request(
        method="POST",
        target="/a%2Fb//./../%zz?x=%20#y\udcff",
        headers=(("hOsT", "A.test:81"), ("X-Empty", ""), ("X-Twice", "1"), ("X-Twice", "ü")),
        body=b"\x00\xff",
    )
    ask_script(script, request)
    assert seen == [
        (
            b"POST /a%2Fb//./../%zz?x=%20#y\xff HTTP/1.1\r\nhOsT: A.test:81\r\nX-Empty: \r\n"
            b"X-Twice: 1\r\nX-Twice: \xc3\xbc\r\n\r\n\x00\xff"
        )
    ]


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (HELLO, b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200\nContent-Length: 2\n\nhi", b"hi"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5;ext=1\r\nhello\r\nA\r\n, worldly!\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            b"hello, worldly!",
        ),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_each_way_to_delimit_a_body_is_understood(said: bytes, body: bytes) -> None:
    answer = ask_script(saying(said))
    assert (answer.body, answer.is_complete) == (body, True)


def test_headers_keep_order_case_and_bytes() -> None:
    said = b"HTTP/1.1 302 Found\r\nB: 1\r\na:2 \r\nB: 3\r\nLocation: /\xff%2F\r\n\r\n"
    answer = ask_script(saying(said))
    assert answer.headers == (("B", "1"), ("a", "2"), ("B", "3"), ("Location", "/\udcff%2F"))
    assert answer.header("b") == "1"
    assert answer.header("c") is None
    assert (answer.certificate_der, answer.tls_version) == (None, None)


def test_interim_answers_are_skipped_but_switching_protocols_is_final() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert ask_script(saying(interim, HELLO)).status == 200

    def upgrade(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")(connection)
        silence(connection)

    started = time.monotonic()
    answer = ask_script(upgrade)
    assert (answer.status, answer.header("upgrade"), answer.body) == (101, "websocket", b"")
    assert time.monotonic() - started < 1.5


def test_the_answer_to_head_has_no_body() -> None:
    def script(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")(connection)
        silence(connection)

    answer = ask_script(script, Request(method="HEAD"))
    assert (answer.body, answer.is_complete) == (b"", True)


def test_a_body_is_cut_at_the_limit() -> None:
    def endless(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
        while True:
            connection.sendall(b"x" * 1000)

    answer = ask_script(endless, body_limit=2500)
    assert (answer.body, answer.is_complete) == (b"x" * 2500, False)
    assert ask_script(saying(HELLO), body_limit=5).is_complete


def test_with_a_limit_of_zero_the_body_is_not_waited_for() -> None:
    def script(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
        silence(connection)

    started = time.monotonic()
    assert ask_script(script, body_limit=0).status == 200
    assert time.monotonic() - started < 1.5


def test_a_stream_without_end_is_cut_by_the_deadline() -> None:
    def ticking(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")(connection)
        for _ in range(100):
            connection.sendall(b"data: tick\n\n")
            time.sleep(0.05)

    started = time.monotonic()
    with serving(ticking) as port:
        answer = ask(Door(port=port, timeout_s=0.4), GET)
    assert 0.3 < time.monotonic() - started < 2
    assert not answer.is_complete
    assert answer.body.startswith(b"data: tick")


def test_a_head_that_drips_is_silence_at_the_deadline() -> None:
    def dripping(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\nX: ")(connection)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    started = time.monotonic()
    error = fault_of(dripping, timeout_s=0.4)
    assert error.fault is Fault.SILENT
    assert str(error).endswith("no answer within 0.4 s")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nshort", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", b"hel"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000, b""),
    ],
)
def test_a_body_that_breaks_off_keeps_its_status(said: bytes, body: bytes) -> None:
    answer = ask_script(saying(said))
    assert (answer.status, answer.body, answer.is_complete) == (200, body, False)


def test_a_closed_port_is_refused() -> None:
    with closed_port() as port, pytest.raises(WireError) as caught:
        ask(Door(port=port), GET)
    assert caught.value.fault is Fault.REFUSED
    assert str(caught.value) == f"127.0.0.1:{port}: nothing listens there"


@pytest.mark.parametrize(
    ("script", "fault", "words"),
    [
        (silence, Fault.SILENT, "no answer within 0.4 s"),
        (resetting, Fault.RESET, "the connection was reset"),
        (hanging_up, Fault.RESET, "the connection ended without an answer"),
        (greeting(b"SSH-2.0-OpenSSH_9.2\r\n"), Fault.NOT_HTTP, "'SSH-2.0-OpenSSH_9.2"),
        (saying(b"\x15\x03\x01\x00\x02\x02\x46"), Fault.NOT_HTTP, "it is a TLS alert"),
        (saying(b"HTTP/1.1 OK\r\n\r\n"), Fault.NOT_HTTP, "'HTTP/1.1 OK'"),
        (saying(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), Fault.NOT_HTTP, "no colon"),
        (saying(b"HTTP/1.1 200 OK\r\nX: cut"), Fault.NOT_HTTP, "cut short"),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), Fault.NOT_HTTP, "does not end"),
    ],
)
def test_each_way_to_have_no_answer_has_its_name(script: Script, fault: Fault, words: str) -> None:
    error = fault_of(script, timeout_s=0.4 if fault is Fault.SILENT else 3)
    assert error.fault is fault
    assert words in error.what


def test_a_banner_without_end_is_not_waited_for() -> None:
    started = time.monotonic()

    def script(connection: socket.socket) -> None:
        greeting(b"220 mail")(connection)
        silence(connection)

    assert fault_of(script).fault is Fault.NOT_HTTP
    assert time.monotonic() - started < 1.5


def test_an_answer_given_before_the_body_was_read_is_seen() -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.close()  # with the body unread, so the client's sending ends in a reset

    assert ask_script(script, Request(method="PUT", body=b"x" * 30_000_000)).status == 413


def test_a_host_that_does_not_exist_is_unreachable() -> None:
    for address in ("no-such-host.invalid", "a" * 70):
        with pytest.raises(WireError) as caught:
            ask(Door(address=address, port=80), GET)
        assert caught.value.fault is Fault.UNREACHABLE


def test_unix_sockets_answer_too(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with pytest.raises(WireError) as caught:
        ask(Door(socket_path=str(path)), GET)
    assert (caught.value.fault, caught.value.where) == (Fault.REFUSED, f"unix:{path}")
    with serving(saying(HELLO), socket_path=path):
        assert ask(Door(socket_path=str(path)), GET).body == b"hello"


def test_ipv6_literals_work_with_and_without_brackets() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this kernel has no IPv6 loopback")
    with serving(saying(HELLO), address="::1") as port:
        for address in ("::1", "[::1]"):
            door = Door(address=address, port=port)
            assert ask(door, GET).status == 200
            assert str(door) == f"[::1]:{port}"


@pytest.fixture(scope="module")
def leaf() -> trustme.LeafCert:
    return trustme.CA().issue_cert("a.test")


def test_a_tls_door_shows_its_certificate_and_gets_the_name(leaf: trustme.LeafCert) -> None:
    context = server_context(leaf)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(saying(HELLO), tls=context) as port:
        door = Door(port=port, is_tls=True, server_name="a.test")
        answer = ask(door, GET)
        shown = handshake(Door(port=port, server_name="127.0.0.1"))
    assert (answer.body, answer.tls_version) == (b"hello", "TLSv1.3")
    assert answer.certificate_der == shown.certificate_der == leaf_der(leaf)
    assert shown.tls_version == "TLSv1.3"
    assert names == ["a.test", None]


def test_a_fingerprint_reads_as_openssl_writes_it() -> None:
    assert fingerprint(b"abc").startswith("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:")
    assert len(fingerprint(b"")) == 32 * 3 - 1


def tls_fault(script: Script, *, tls: ssl.SSLContext | None = None) -> Fault:
    with serving(script, tls=tls) as port, pytest.raises(WireError) as caught:
        ask(Door(port=port, is_tls=True, server_name="a.test", timeout_s=0.5), GET)
    return caught.value.fault


def test_each_way_for_a_tls_handshake_to_fail_has_its_name(leaf: trustme.LeafCert) -> None:
    refusing = server_context(leaf)
    refusing.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    assert tls_fault(silence, tls=refusing) is Fault.TLS
    assert tls_fault(silence) is Fault.SILENT
    assert tls_fault(hanging_up) is Fault.RESET
    assert tls_fault(resetting) is Fault.RESET
    assert tls_fault(greeting(NGINX_400)) is Fault.NOT_TLS
    assert tls_fault(greeting(b"SSH-2.0-x\r\n")) is Fault.NOT_TLS


def test_a_verifying_context_is_obeyed(leaf: trustme.LeafCert) -> None:
    with serving(silence, tls=server_context(leaf)) as port, pytest.raises(WireError) as caught:
        handshake(Door(port=port, server_name="a.test"), ssl.create_default_context())
    assert caught.value.fault is Fault.TLS
    assert "certificate verify failed" in caught.value.what


def test_a_name_that_tls_cannot_ask_for_is_said_without_connecting() -> None:
    with pytest.raises(WireError, match=r"\.x cannot be asked for"):
        handshake(Door(port=1, server_name=".x"))


@given(
    cuts=st.lists(st.integers(min_value=0, max_value=200)),
    body=st.binary(max_size=60),
    sizes=st.lists(st.integers(min_value=1, max_value=20)),
)
def test_how_the_bytes_arrive_makes_no_difference(
    cuts: list[int], body: bytes, sizes: list[int]
) -> None:
    chunks = b""
    rest = body
    for size in sizes:
        if piece := rest[:size]:
            chunks += b"%x\r\n%b\r\n" % (len(piece), piece)
        rest = rest[size:]
    sent = body[: len(body) - len(rest)]
    head = (
        b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: \xff\r\n\r\n"
    )
    wire = head + chunks + b"0\r\n\r\n"
    marks = [0, *sorted(cut for cut in cuts if 0 < cut < len(wire)), len(wire)]
    arriving: Iterator[bytes] = iter([wire[a:b] for a, b in itertools.pairwise(marks) if a < b])
    reader = http1.Reader(lambda: next(arriving, b""))
    status, headers = http1.read_head(reader)
    assert (status, headers) == (200, (("Transfer-Encoding", "chunked"), ("X", "\udcff")))
    assert b"".join(http1.body_pieces(reader, "GET", status, headers)) == sent
