"""PHP behind a document root: the files that are there, and no others."""

from __future__ import annotations

import json
from typing import Any

from servers.client import Reply
from servers.front import Front
from servers.ground import FILES
from servers.test_files import assert_hidden, assert_nothing_outside
from servers.test_headers import FORGED, UNDERSCORED

LIMIT = 100_000  # as the plan says
NO_FILE = (
    "/nothing.php",
    "/sub/nothing.php",
    "/nothing/page.php",
    "/upload.jpg/page.php",
    "/upload.jpg/x.php",
    "/style.css/.php",
    "/page.php/x.php",
    "/page.php%2fx.php",
    "/upload.jpg%2fx.php",
    "/upload.jpg%00.php",
    "/.hidden.php",
    "/sub/../.hidden.php",
    "/.well-known/.php",
)


def test_a_script_runs(php: Front) -> None:
    for target, file in (("/page.php", "page.php"), ("/sub/page.php", "page.php")):
        told = _told(php.ask(target))
        assert told["file"] == file
        assert told["server"]["SCRIPT_NAME"] == target
        assert told["server"]["REQUEST_URI"] == target


def test_a_script_is_told_how_it_was_asked_for(php: Front) -> None:
    told = _told(php.ask("/page.php?a=%2F%20b&c=1", ("X-Other", "yes")))
    server = told["server"]
    assert told["get"] == {"a": "/ b", "c": "1"}
    assert server["QUERY_STRING"] == "a=%2F%20b&c=1"
    assert server["REQUEST_METHOD"] == "GET"
    assert server.get("HTTPS") == "on"
    assert server["REQUEST_SCHEME"] == "https"
    assert server["SERVER_NAME"] == "site.test"
    assert server["SERVER_PORT"] == str(php.scratch.https_port)
    assert server["REMOTE_ADDR"] == "127.0.0.1"
    assert server["HTTP_HOST"] == php.host
    assert server["HTTP_X_OTHER"] == "yes"
    assert server["DOCUMENT_ROOT"] == php.ground.docroot
    assert server["SCRIPT_FILENAME"] == f"{php.ground.docroot}/page.php"


def test_a_script_reads_what_was_posted(php: Front) -> None:
    told = _told(php.ask("/page.php", method="POST", body=bytes(5000)))
    assert (told["size"], told["server"]["REQUEST_METHOD"]) == (5000, "POST")


def test_a_script_reads_a_body_over_http2(php: Front) -> None:
    with php.talk_http2() as connection:
        told = _told(connection.ask("POST", "/page.php", php.host, (), bytes(LIMIT)))
    assert told["size"] == LIMIT


def test_a_script_reads_a_body_of_unknown_length(php: Front) -> None:
    headers = (("Host", php.host), ("Transfer-Encoding", "chunked"))
    with php.talk() as conversation:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (LIMIT, bytes(LIMIT))
        told = _told(conversation.ask("POST", "/page.php", headers, body))
    assert told["size"] == LIMIT


def test_what_is_no_file_is_the_front_controllers(php: Front) -> None:
    for target in ("/nothing", "/nothing/deeper?x=%2F", "/sub/nothing", "/a%2Fb"):
        told = _told(php.ask(target))
        assert told["file"] == "index.php"
        assert told["server"]["SCRIPT_NAME"] == "/index.php"
        assert told["server"]["REQUEST_URI"] == target


def test_what_is_posted_to_no_file_reaches_the_front_controller(php: Front) -> None:
    told = _told(php.ask("/api/things", method="POST", body=b"abc"))
    assert (told["file"], told["size"]) == ("index.php", 3)


def test_the_front_controller_comes_before_the_index_page(php: Front) -> None:
    assert _told(php.ask("/?x=1"))["file"] == "index.php"
    assert php.ask("/sub/").body.decode() == FILES["sub/index.html"]


def test_files_are_served_as_they_are_beside_php(php: Front) -> None:
    assert php.ask("/style.css").body.decode() == FILES["style.css"]
    assert php.ask("/upload.jpg").body.decode() == FILES["upload.jpg"]


def test_a_script_that_is_not_there_is_not_asked_for(php: Front) -> None:
    for target in NO_FILE:
        reply = php.ask(target)
        assert reply.status in {400, 404}, target
        assert b'"server":' not in reply.body, target


def test_nothing_but_php_files_is_run(php: Front) -> None:
    for target in ("/upload.jpg", "/upload.jpg/", "/upload.jpg%0a", "/page.php%0a"):
        reply = php.ask(target)
        assert b'"file":"upload.jpg"' not in reply.body, target


def test_dot_files_stay_hidden_beside_php(php: Front) -> None:
    assert_hidden(php)


def test_nothing_outside_of_the_directory_can_be_had_beside_php(php: Front) -> None:
    assert_nothing_outside(php)


def test_no_forged_header_reaches_a_script(php: Front) -> None:
    reply = php.ask("/page.php", *FORGED)
    variables = _told(reply)["server"]
    lies = {name: value for name, value in variables.items() if "forged" in str(value)}
    assert lies == {}


def test_no_header_with_an_underscore_reaches_a_script(php: Front) -> None:
    for header in UNDERSCORED:
        reply = php.ask("/page.php", header)
        assert reply.status == (400 if php.is_apache else 200)
        assert b"forged" not in reply.body


def test_a_script_is_told_the_password_that_is_meant_for_it(php: Front) -> None:
    told = _told(php.ask("/page.php", ("Authorization", "Bearer abc")))
    assert told["server"].get("HTTP_AUTHORIZATION") == "Bearer abc"


def test_the_limit_holds_for_scripts(limited_php: Front) -> None:
    body = bytes(LIMIT)
    assert _told(limited_php.ask("/page.php", method="POST", body=body))["size"] == LIMIT
    for target in ("/page.php", "/api/x"):
        assert limited_php.ask(target, method="POST", body=body + b"x").status == 413


def test_hsts_is_sent_once_even_if_a_script_sends_its_own(php: Front) -> None:
    reply = php.ask("/page.php")
    assert reply.values("Strict-Transport-Security") == ["max-age=3600"]


def _told(reply: Reply) -> Any:
    assert reply.status == 200, reply.body[:200]
    assert reply.body.startswith(b'{"file":'), reply.body[:200]
    return json.loads(reply.body)
