"""A document root: its files, and nothing that was not meant to be seen."""

from __future__ import annotations

import pytest

from servers.front import Front, put_token
from servers.ground import FILES

HIDDEN = (
    "/.env",
    "/.git/config",
    "/.git/",
    "/.git",
    "/%2egit/config",
    "/%2Egit/config",
    "/.git%2fconfig",
    "/sub/.htaccess",
    "/sub/.deep/file.txt",
    "/sub/%2edeep/file.txt",
    "/.well-known/.env",
    "//.env",
    "/./.env",
    "/sub/../.env",
    "/sub/..%2f.env",
    "/x/../.git/config",
    "/.htpasswd",
    "/.DS_Store",
)
OUTSIDE = (
    "/../outside.txt",
    "/%2e%2e/outside.txt",
    "/..%2foutside.txt",
    "/sub/../../outside.txt",
    "/sub/..%2f..%2foutside.txt",
    "/..%5coutside.txt",
    "/..;/outside.txt",
    "/%252e%252e/outside.txt",
    "//../outside.txt",
    "/.well-known/acme-challenge/../../../outside.txt",
    "/.well-known/acme-challenge/..%2f..%2f..%2fprivkey.pem",
)


def test_files_are_served_as_they_are(files: Front) -> None:
    for target, name, kind in (
        ("/", "index.html", "text/html"),
        ("/index.html", "index.html", "text/html"),
        ("/style.css?v=1", "style.css", "text/css"),
        ("/a%20b%20%C3%BC%2525.txt", "a b ü%25.txt", "text/plain"),
        ("/sub/", "sub/index.html", "text/html"),
        ("//style.css", "style.css", "text/css"),
        ("/.well-known/security.txt", ".well-known/security.txt", "text/plain"),
    ):
        reply = files.ask(target)
        assert (reply.status, reply.body.decode()) == (200, FILES[name]), target
        assert reply.values("Content-Type")[0].partition(";")[0] == kind


def test_files_are_served_over_http2(files: Front) -> None:
    with files.talk_http2() as connection:
        assert connection.ask("GET", "/style.css", files.host).body.decode() == FILES["style.css"]


def test_parts_and_unchanged_files_need_not_be_sent(files: Front) -> None:
    reply = files.ask("/style.css")
    (tag,) = reply.values("ETag")
    assert files.ask("/style.css", ("If-None-Match", tag)).status == 304
    part = files.ask("/style.css", ("Range", "bytes=0-0"))
    assert (part.status, part.body) == (206, b"b")


def test_a_directory_is_sent_to_its_slash(files: Front) -> None:
    reply = files.ask("/sub?x=1")
    assert reply.status == 301
    assert reply.values("Location") == [f"https://{files.host}/sub/?x=1"]


def test_what_is_not_there_is_not_found(files: Front) -> None:
    for target in ("/nothing", "/nothing/", "/index.html/more", "/sub/nothing.php"):
        assert files.ask(target).status == 404, target


def test_a_directory_without_an_index_is_not_listed(files: Front) -> None:
    for target in ("/empty/", "/empty", "/.well-known/"):
        reply = files.ask(target)
        assert b"readme" not in reply.body
        assert b"security" not in reply.body
        assert reply.status in {301, 403, 404}


def test_names_that_begin_with_a_dot_stay_hidden(files: Front) -> None:
    assert_hidden(files)


def test_nothing_outside_of_the_directory_can_be_had(files: Front) -> None:
    assert_nothing_outside(files)


def test_without_php_its_source_is_a_file_like_others(files: Front) -> None:
    assert files.ask("/page.php").body.decode() == FILES["page.php"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_files_cannot_be_changed(files: Front, method: str) -> None:
    reply = files.ask("/style.css", method=method, body=b"x")
    assert files.ask("/style.css").body.decode() == FILES["style.css"]
    assert reply.status == (200 if files.is_apache and method == "POST" else 405)


def test_the_certificate_authority_finds_its_tokens(files: Front) -> None:
    put_token(files, "token", b"thumbprint")
    for secure in (False, True):
        reply = files.ask("/.well-known/acme-challenge/token", secure=secure)
        assert (reply.status, reply.body) == (200, b"thumbprint")


def assert_hidden(front: Front) -> None:
    for target in HIDDEN:
        reply = front.ask(target)
        assert b"HIDDEN" not in reply.body, target
        assert reply.status in {400, 404}, target


def assert_nothing_outside(front: Front) -> None:
    for target in OUTSIDE:
        reply = front.ask(target)
        assert b"HIDDEN" not in reply.body, target
        assert b"PRIVATE KEY" not in reply.body, target
