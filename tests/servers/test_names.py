"""Sites with unusual names: a wildcard, and none but an address."""

from __future__ import annotations

from servers.client import Conversation, Http2, client_context, connected
from servers.echo import parse_seen
from servers.front import Front
from servers.targets import EXACT
from vhostsmith.wire import fingerprint, handshake


def test_every_name_below_a_wildcard_is_served_as_itself(wildcard: Front) -> None:
    for name in ("a.apps.test", "b-c.apps.test"):
        host = f"{name}:{wildcard.scratch.https_port}"
        seen = parse_seen(wildcard.ask("/a%2Fb", host=host).body)
        assert (seen.target, seen.values("Host")) == ("/a%2Fb", [host])
        assert fingerprint(handshake(wildcard.door(name=name)).certificate_der) == (
            wildcard.fingerprint
        )


def test_every_name_below_a_wildcard_is_redirected_to_itself(wildcard: Front) -> None:
    for name in ("a.apps.test", "b-c.apps.test"):
        for target in EXACT:
            reply = wildcard.ask(target, host=name, secure=False)
            end = f"https://{name}:{wildcard.scratch.https_port}{target}"
            assert reply.values("Location") == [end]


def test_other_names_are_not_repeated_by_a_wildcard(wildcard: Front) -> None:
    for host in ("evil.test", "apps.test.evil.test", "evilapps.test"):
        reply = wildcard.ask("/", host=host, secure=False)
        assert "evil" not in " ".join(reply.values("Location"))


def test_an_address_is_served_to_clients_that_send_no_name(address: Front) -> None:
    port = address.scratch.https_port
    with connected(port, context=client_context("http/1.1")) as connection:
        reply = Conversation(connection).ask("GET", "/a%2Fb", (("Host", address.host),))
        seen = parse_seen(reply.body)
        assert (seen.target, seen.values("Host")) == ("/a%2Fb", [f"127.0.0.1:{port}"])
    with connected(port, context=client_context("h2")) as connection:
        assert Http2(connection).ask("GET", "/", address.host).status == 200


def test_an_address_is_redirected_to_itself(address: Front) -> None:
    for target in EXACT:
        reply = address.ask(target, secure=False)
        assert reply.values("Location") == [f"https://{address.host}{target}"]
