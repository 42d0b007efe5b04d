"""TLS: Mozilla's guideline as single handshakes, sessions, and HSTS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Iterator
from ssl import TLSVersion

from servers.client import Conversation, client_context, connected
from servers.echo import parse_seen
from servers.front import Front
from vhostsmith.wire import fingerprint, handshake

GOOD_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
)
BAD_CIPHERS = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM")
HSTS = "Strict-Transport-Security"


def test_the_right_certificate_is_shown(plain: Front) -> None:
    assert fingerprint(handshake(plain.door()).certificate_der) == plain.fingerprint


def test_old_versions_are_refused(plain: Front) -> None:
    for version in ("TLSv1", "TLSv1_1"):
        assert not _accepts(plain, _old_context(version))


def test_current_versions_are_accepted(plain: Front) -> None:
    assert _accepts(plain, _context(TLSVersion.TLSv1_2))
    assert _accepts(plain, _context(TLSVersion.TLSv1_3))


def test_modern_takes_nothing_before_tls_1_3(trusted: Front) -> None:
    assert not _accepts(trusted, _context(TLSVersion.TLSv1_2))
    assert _accepts(trusted, _context(TLSVersion.TLSv1_3))


def test_only_the_guidelines_ciphers_are_accepted(plain: Front) -> None:
    for ciphers in GOOD_CIPHERS:
        assert _accepts(plain, _context(TLSVersion.TLSv1_2, ciphers)), ciphers
    for ciphers in BAD_CIPHERS:
        assert not _accepts(plain, _context(TLSVersion.TLSv1_2, ciphers)), ciphers


def test_only_the_guidelines_groups_are_accepted(plain: Front) -> None:
    for group, is_good in (("prime256v1", True), ("secp384r1", True), ("secp521r1", False)):
        context = _context(TLSVersion.TLSv1_3)
        context.set_ecdh_curve(group)
        assert _accepts(plain, context) is is_good, group


def test_the_client_chooses_among_good_ciphers(plain: Front) -> None:
    first, second = "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"
    for wanted, other in ((first, second), (second, first)):
        context = _context(TLSVersion.TLSv1_2, f"{wanted}:{other}")
        with _secured(plain, context) as connection:
            assert (connection.cipher() or ("",))[0] == wanted


def test_both_versions_of_http_are_offered(plain: Front) -> None:
    for offered, chosen in ((("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1")):
        with _secured(plain, client_context(*offered)) as connection:
            assert connection.selected_alpn_protocol() == chosen


def test_no_session_is_put_into_the_hands_of_the_client(plain: Front) -> None:
    """A ticket's key would live as long as the server: no forward secrecy."""
    with _secured(plain, _context(TLSVersion.TLSv1_2)) as connection:
        assert connection.session is not None
        assert not connection.session.has_ticket


def test_a_session_is_resumed(names: Front) -> None:
    """By the session cache: nginx has one per site, Debian's Apache one for all."""
    for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
        context = _context(version)
        with _secured(names, context) as first:
            assert not first.session_reused
            session = _session_after_a_page(names, first)
        with _secured(names, context, session) as second:
            assert second.session_reused, version
            _session_after_a_page(names, second)


def test_hsts_is_sent_when_it_was_asked_for_and_the_certificate_is_trusted(trusted: Front) -> None:
    assert trusted.ask("/").values(HSTS) == ["max-age=3600"]


def test_hsts_is_sent_exactly_once_with_every_answer(trusted: Front) -> None:
    for wish in (
        "answer 404 X: y",
        "answer 500 X: y",
        "answer 302 Location: /x",
        "answer 304 X: y",
    ):
        assert trusted.ask("/", ("Echo", wish)).values(HSTS) == ["max-age=3600"]
    for target in ("/.well-known/acme-challenge/none", "/a%00b"):
        reply = trusted.ask(target)
        assert reply.status >= 400
        assert reply.values(HSTS) == ["max-age=3600"]


def test_hsts_is_sent_once_even_if_the_app_sends_its_own(trusted: Front) -> None:
    reply = trusted.ask("/", ("Echo", f"answer 200 {HSTS}: max-age=5"))
    assert reply.values(HSTS) == ["max-age=3600"]


def test_hsts_is_not_sent_over_plain_http(trusted: Front) -> None:
    assert trusted.ask("/", secure=False).values(HSTS) == []


def test_hsts_waits_for_a_trusted_certificate(plain: Front) -> None:
    assert plain.ask("/").values(HSTS) == []


def test_hsts_is_not_sent_unasked(names: Front) -> None:
    assert names.ask("/").values(HSTS) == []


@contextlib.contextmanager
def _secured(
    front: Front, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    address = ("127.0.0.1", front.scratch.https_port)
    with (
        socket.create_connection(address, 10) as plain,
        context.wrap_socket(
            plain, server_hostname=front.site.name.text, session=session
        ) as secured,
    ):
        yield secured


def _session_after_a_page(front: Front, connection: ssl.SSLSocket) -> ssl.SSLSession | None:
    """Return the session; in TLS 1.3 it comes after the handshake."""
    reply = Conversation(connection).ask("GET", "/", (("Host", front.host),))
    assert parse_seen(reply.body).target == "/"
    return connection.session


def _context(version: TLSVersion, ciphers: str | None = None) -> ssl.SSLContext:
    context = client_context("http/1.1")
    context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def _old_context(version: str) -> ssl.SSLContext:
    context = client_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _accepts(front: Front, context: ssl.SSLContext) -> bool:
    try:
        with connected(front.scratch.https_port, server_name=front.site.name.text, context=context):
            return True
    except (ssl.SSLError, ConnectionError):
        return False
