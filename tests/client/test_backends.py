"""What a port speaks and which certificate it shows, asked of real ports."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from client.little_servers import (
    APACHE_400,
    HELLO,
    NGINX_400,
    Script,
    closed_port,
    greeting,
    hanging_up,
    read_head,
    resetting,
    saying,
    server_context,
    serving,
    silence,
    tls_port,
)
from vhostsmith.backends import PeerCertificate, SchemeAnswer, ask_scheme, peer_certificate

AUTHORITY = trustme.CA()
CONTEXT = server_context(AUTHORITY.issue_cert("localhost"))
DJANGO_400 = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<h1>Bad Request (400)</h1>"
GO_400 = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


def ask(script: Script, *, timeout_s: float = 2.0) -> tuple[SchemeAnswer, float]:
    with serving(script) as port:
        started = time.monotonic()
        answer = ask_scheme("127.0.0.1", port, timeout_s=timeout_s)
        took_s = time.monotonic() - started
        assert f"127.0.0.1:{port}" in answer.evidence
        assert "\n" not in answer.evidence
    return answer, took_s


def http_that_hangs_on_tls(connection: socket.socket) -> None:
    """As Tornado does: it waits for the end of a line that a TLS greeting never has."""
    saying(HELLO)(connection)


def test_a_plain_port_that_hangs_on_tls_is_http_at_once() -> None:
    answer, took_s = ask(http_that_hangs_on_tls)
    assert (answer.scheme, answer.state) == ("http", "answers")
    assert answer.evidence.endswith("answers plain HTTP with status 200")
    assert took_s < 1


@pytest.mark.parametrize("status", [b"302 Found", b"401 Go away", b"404 Not Found", b"500 Oh"])
def test_any_http_status_is_an_answer(status: bytes) -> None:
    said = b"HTTP/1.1 " + status + b"\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"
    answer, took_s = ask(saying(said))
    assert answer.scheme == "http"
    assert took_s < 1


def test_a_400_that_does_not_speak_of_tls_is_http_at_once() -> None:
    answer, took_s = ask(saying(DJANGO_400))
    assert answer.scheme == "http"
    assert took_s < 1


def test_a_400_that_speaks_of_tls_on_a_port_without_tls_is_http() -> None:
    def script(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return
        saying(NGINX_400)(connection)

    answer, _ = ask(script)
    assert (answer.scheme, answer.state) == ("http", "answers")


@pytest.mark.parametrize(
    "plain",
    [saying(NGINX_400), saying(APACHE_400), saying(GO_400), resetting, hanging_up, silence],
    ids=["nginx", "apache", "go", "resets", "hangs up", "silent"],
)
def test_a_tls_port_is_https_whatever_it_says_to_plain_http(plain: Script) -> None:
    answer, took_s = ask(tls_port(CONTEXT, plain, silence))
    assert (answer.scheme, answer.state) == ("https", "answers")
    assert answer.evidence.endswith("completes a TLS handshake (TLSv1.3)")
    assert took_s < 1.5


def test_a_tls_port_that_redirects_plain_http_to_itself_is_https() -> None:
    """As nginx does with ``error_page 497 =301 https://…``."""

    def to_itself(connection: socket.socket) -> None:
        port = connection.getsockname()[1]
        where = f"https://localhost:{port}/".encode()
        saying(b"HTTP/1.1 301 Moved\r\nLocation: " + where + b"\r\n\r\n")(connection)

    answer, _ = ask(tls_port(CONTEXT, to_itself, silence))
    assert answer.scheme == "https"


def test_a_redirect_to_https_elsewhere_is_http() -> None:
    elsewhere = b"HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\n\r\n"
    answer, took_s = ask(saying(elsewhere))
    assert answer.scheme == "http"
    assert took_s < 1


def test_a_port_that_speaks_both_is_http_whichever_answer_comes_first() -> None:
    def later(connection: socket.socket) -> None:
        time.sleep(0.1)
        saying(HELLO)(connection)

    answer, _ = ask(tls_port(CONTEXT, later, silence))
    assert answer.scheme == "http"


def test_a_tls_port_that_refuses_our_name_is_https() -> None:
    refusing = server_context(AUTHORITY.issue_cert("a.test"))
    refusing.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    answer, _ = ask(tls_port(refusing, resetting, silence))
    assert answer.scheme == "https"
    assert "unrecognized name" in answer.evidence


def test_a_silent_port_is_silent_after_the_time_given() -> None:
    answer, took_s = ask(silence, timeout_s=0.6)
    assert (answer.scheme, answer.state) == (None, "silent")
    assert "no answer within 0.6 s" in answer.evidence
    assert 0.5 < took_s < 1.5


@pytest.mark.parametrize("script", [hanging_up, resetting])
def test_a_port_that_hangs_up_on_everybody_is_silent(script: Script) -> None:
    answer, took_s = ask(script)
    assert (answer.scheme, answer.state) == (None, "silent")
    assert took_s < 1


def test_something_else_is_neither_and_its_words_are_shown() -> None:
    answer, took_s = ask(greeting(b"SSH-2.0-OpenSSH_9.2p1\r\n"))
    assert (answer.scheme, answer.state) == (None, "answers")
    assert "SSH-2.0-OpenSSH_9.2p1" in answer.evidence
    assert took_s < 1


def test_an_endless_stream_at_the_root_is_http() -> None:
    def stream(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
        while True:
            connection.sendall(b"x" * 1000)
            time.sleep(0.01)

    answer, took_s = ask(stream)
    assert answer.scheme == "http"
    assert took_s < 1


def test_a_closed_port_is_closed() -> None:
    with closed_port() as port:
        answer = ask_scheme("127.0.0.1", port)
    assert (answer.scheme, answer.state) == (None, "closed")
    assert answer.evidence == f"127.0.0.1:{port}: nothing listens there"


def test_each_question_is_put_once_and_is_harmless() -> None:
    seen: list[bytes] = []
    both = threading.Barrier(2, timeout=3)

    def script(connection: socket.socket) -> None:
        first = connection.recv(1, socket.MSG_PEEK)
        seen.append(first if first == b"\x16" else read_head(connection).split(b"\r\n")[0])
        both.wait()
        silence(connection)

    ask(script, timeout_s=0.5)
    assert sorted(seen) == [b"\x16", b"GET / HTTP/1.1"]


def certificate_of(context: ssl.SSLContext, name: str | None = None) -> PeerCertificate | None:
    with serving(silence, tls=context) as port:
        return peer_certificate("127.0.0.1", port, server_name=name, timeout_s=2)


def test_a_certificate_of_an_authority_is_read() -> None:
    leaf = AUTHORITY.issue_cert("a.test", "*.b.test", "127.0.0.1", common_name="Anna")
    shown = certificate_of(server_context(leaf))
    assert shown is not None
    assert shown.common_name == "Anna"
    assert shown.dns_names == ("a.test", "*.b.test")
    assert not shown.is_self_signed
    assert shown.pem.split() == leaf.cert_chain_pems[0].bytes().decode().split()
    certificate = x509.load_pem_x509_certificate(shown.pem.encode())
    assert shown.sha256 == certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    assert shown.not_before == certificate.not_valid_before_utc < shown.not_after


def self_signed(folder: Path, *, issuer: str, signer: ec.EllipticCurvePrivateKey | None) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .sign(signer or key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    ("issuer", "by_another_key", "expected"),
    [("box", False, True), ("box", True, False), ("other", False, False)],
)
def test_self_signed_means_own_name_and_own_key(
    tmp_path: Path, issuer: str, expected: bool, by_another_key: bool
) -> None:
    signer = ec.generate_private_key(ec.SECP256R1()) if by_another_key else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path, issuer=issuer, signer=signer))
    shown = certificate_of(context)
    assert shown is not None
    assert shown.is_self_signed is expected
    assert (shown.common_name, shown.dns_names) == ("box", ())


def test_the_certificate_is_the_one_for_the_name_asked() -> None:
    other = server_context(AUTHORITY.issue_cert("other.test"))
    context = server_context(AUTHORITY.issue_cert("localhost"))

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if name == "other.test":
            connection.context = other

    context.sni_callback = choose
    default, named = certificate_of(context), certificate_of(context, "other.test")
    assert default is not None
    assert named is not None
    assert (default.dns_names, named.dns_names) == (("localhost",), ("other.test",))


def test_there_is_no_certificate_without_tls() -> None:
    with serving(saying(HELLO)) as port:
        assert peer_certificate("127.0.0.1", port, timeout_s=0.5) is None
    with closed_port() as port:
        assert peer_certificate("127.0.0.1", port) is None


def test_trust_is_a_handshake_that_verifies(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(bundle)
    foreign = tmp_path / "foreign.pem"
    trustme.CA().cert_pem.write_to_path(foreign)
    context = server_context(AUTHORITY.issue_cert("a.test", "127.0.0.1"))
    with serving(silence, tls=context) as port:
        shown = peer_certificate("127.0.0.1", port, timeout_s=2)
        assert shown is not None
        assert shown.is_publicly_trusted_for("a.test", str(bundle))
        assert not shown.is_publicly_trusted_for("b.test", str(bundle))
        assert not shown.is_publicly_trusted_for("a.test", str(foreign))
        assert not shown.is_publicly_trusted_for("a.test")
        assert not shown.is_publicly_trusted_for("127.0.0.1", str(bundle))
    assert not shown.is_publicly_trusted_for("a.test", str(bundle))
