"""Port 80: everything is sent to HTTPS byte for byte, and the ACME challenge is answered."""

from __future__ import annotations

import os
from pathlib import Path

from servers.client import Reply
from servers.front import Front, put_token
from servers.targets import EXACT

CHALLENGE = "/.well-known/acme-challenge/"
METHODS = ("POST", "PUT", "DELETE", "OPTIONS", "HEAD")
STRANGERS = ("evil.test", "site.test.evil.test", "evilsite.test", "site.test@evil.test")
ODD = (
    "//",
    "//a",
    "///",
    "/a/../b",
    "/a%20b/%2F/%3F/%0d%0a/%E4%B8%AD//x",
    "/?a?b",
    "/.well-known/",
    "/.well-known/acme-challenge",
    "/.well-known/acme-challengeX/y",
    "/jup/",
)


def test_a_target_is_redirected_byte_for_byte(names: Front) -> None:
    for target in (*EXACT, *ODD):
        reply = names.ask(target, secure=False)
        assert reply.values("Location") == [f"https://{names.host}{target}"]
        assert reply.status == 308


def test_a_site_without_aliases_redirects_as_exactly(plain: Front) -> None:
    for target in (*EXACT, *ODD):
        reply = plain.ask(target, secure=False)
        assert reply.values("Location") == [f"https://{plain.host}{target}"]


def test_until_the_certificate_is_trusted_the_redirect_is_temporary(plain: Front) -> None:
    assert plain.ask("/", secure=False).status == 307


def test_the_redirect_keeps_the_method(names: Front) -> None:
    for method in METHODS:
        assert names.ask("/x", method=method, secure=False).status == 308


def test_the_temporary_redirect_keeps_the_method(plain: Front) -> None:
    for method in METHODS:
        assert plain.ask("/x", method=method, secure=False).status == 307


def test_an_absolute_target_is_redirected_by_its_path(plain: Front) -> None:
    reply = plain.ask("http://site.test/a%2Fb?c", secure=False)
    assert reply.values("Location") == [f"https://{plain.host}/a%2Fb?c"]


def test_an_alias_is_redirected_to_itself(names: Front) -> None:
    for name in ("site.test", "www.site.test", "x.apps.test"):
        for host in (name, f"{name}:80", f"{name}:1234", name.upper()):
            reply = names.ask("/a%2Fb", host=host, secure=False)
            (location,) = reply.values("Location")
            assert location.lower() == f"https://{name}:{names.scratch.https_port}/a%2fb"


def test_a_name_that_nobody_declared_is_not_repeated(plain: Front) -> None:
    assert_not_repeated(plain)


def test_a_name_that_nobody_declared_is_not_repeated_beside_aliases(names: Front) -> None:
    assert_not_repeated(names)


def test_a_redirect_never_sends_to_another_host(names: Front) -> None:
    for target in ("//evil.test/", "/\\evil.test", "/@evil.test", "http://evil.test/x"):
        for location in names.ask(target, secure=False).values("Location"):
            assert location.startswith(f"https://{names.host}/")


def test_a_token_of_the_certificate_authority_is_served_on_http(plain: Front) -> None:
    assert_token(plain, secure=False)


def test_a_token_of_the_certificate_authority_is_served_on_https(plain: Front) -> None:
    assert_token(plain, secure=True)


def test_a_token_is_served_below_the_aliases_too(names: Front) -> None:
    put_token(names, "alias", b"alias.thumbprint")
    for name in ("www.site.test", "x.apps.test"):
        reply = names.ask(f"{CHALLENGE}alias", host=name, secure=False)
        assert (reply.status, reply.body) == (200, b"alias.thumbprint")


def test_a_token_that_is_not_there_is_not_found(mounts: Front) -> None:
    for secure in (False, True):
        assert mounts.ask(f"{CHALLENGE}none", secure=secure).status == 404


def test_the_challenge_never_reaches_the_app(mounts: Front) -> None:
    apps = [mounts.ground.echoes[mounts.flavour.scheme, n] for n in ("root", "kept", "stripped")]
    before = [len(app.seen) for app in apps]
    for name in ("none", "a%2Fb", "none?x"):
        mounts.ask(CHALLENGE + name)
        with mounts.talk() as conversation:
            reply = conversation.upgrade(CHALLENGE + name, (("Host", mounts.host),))
            assert reply.status == 404
    assert [len(app.seen) for app in apps] == before


def test_nothing_but_tokens_can_be_had_through_the_challenge_path(plain: Front) -> None:
    assert_no_way_out(plain)


def assert_token(front: Front, *, secure: bool) -> None:
    put_token(front, "token-_1", b"token-_1.thumbprint")
    reply = front.ask(f"{CHALLENGE}token-_1", secure=secure)
    assert (reply.status, reply.body) == (200, b"token-_1.thumbprint")
    assert [value.partition(";")[0] for value in reply.values("Content-Type")] == ["text/plain"]


def assert_not_repeated(front: Front) -> None:
    for host in STRANGERS:
        for secure in (False, True):
            with front.talk(secure=secure) as conversation:
                reply = conversation.ask("GET", "/jup", (("Host", host),))
            assert "evil" not in " ".join(reply.values("Location"))


def assert_no_way_out(front: Front) -> None:
    """Ask for files beside the tokens, in every spelling of "..", and for the directory."""
    secret = Path(front.scratch.directory, "challenges", "secret")
    secret.write_bytes(b"SECRET")
    os.chmod(secret, 0o644)
    put_token(front, "secret", b"token")
    climbs = ("../../", "..%2f..%2f", "%2e%2e/%2e%2e/", "..\\..\\", "..%5c..%5c", "..;/..;/")
    for climb in climbs:
        for goal in ("secret", "../privkey.pem", "%2e%2e/privkey.pem"):
            for secure in (False, True):
                assert_nothing_told(front.ask(f"{CHALLENGE}{climb}{goal}", secure=secure))
    for secure in (False, True):
        listing = front.ask(CHALLENGE, secure=secure)
        assert listing.status in {403, 404}


def assert_nothing_told(reply: Reply) -> None:
    assert b"SECRET" not in reply.body
    assert b"PRIVATE KEY" not in reply.body
