"""The third article's ``default-ssl.conf`` and ``.htaccess``, and ours for the same wish."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.browser import Browser, browsing
from apps.typed import Published, published
from seeds.articles import MODULES, asked, served, verbatim
from seeds.blog import PICTURE, Blog
from servers.client import Conversation, Reply, client_context, connected
from vhostsmith.scratch import scratch
from vhostsmith.servers.base import ServerFacts

NAME = "www.ltzhou.com"
PERMALINK = "/2020/04/12/ecs-jupyter/"

# What WordPress itself writes into .htaccess; the article has its own lines put below it.
WORDPRESS_HTACCESS = """# BEGIN WordPress
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteBase /
RewriteRule ^index\\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
</IfModule>
# END WordPress
"""


@pytest.fixture(scope="module")
def site(server: ServerFacts, wordpress: Blog) -> Iterator[Published]:
    """Return the blog as `render` publishes it."""
    typed = ("--docroot", wordpress.docroot, "--php", wordpress.socket)
    with published(NAME, *typed, facts=server) as site:
        yield site


@pytest.fixture
def browser(site: Published) -> Iterator[Browser]:
    with browsing(site.origin, site.ca_file) as browser:
        yield browser


def test_without_mod_ssl_the_articles_file_is_syntax_ok_and_serves_nothing(
    apache: ServerFacts,
) -> None:
    text = verbatim("default-ssl.conf")
    tested = asked(apache, text, "-t", modules=())
    assert (tested.returncode, tested.stderr.splitlines()[-1]) == (0, "Syntax OK")
    assert NAME not in asked(apache, text, "-S", modules=()).stdout
    with scratch(apache.layout.user) as made:
        moved = text.replace("*:443", f"*:{made.https_port}")
        with (
            served(made, apache, moved, ()),
            pytest.raises(ssl.SSLError),
            connected(made.https_port, server_name=NAME, context=client_context()),
        ):
            pass


def test_with_mod_ssl_the_articles_file_asks_for_its_certificate(apache: ServerFacts) -> None:
    tested = asked(apache, verbatim("default-ssl.conf"), "-t")
    assert tested.returncode == 1
    assert "SSLCertificateFile: file" in tested.stderr


def test_ours_stands_in_no_ifmodule_that_would_hide_a_missing_module(site: Published) -> None:
    assert "IfModule" not in site.text


def test_the_articles_redirect_never_sees_a_post_and_loses_encoded_paths(
    apache: ServerFacts, wordpress: Blog
) -> None:
    with scratch(apache.layout.user) as made:
        docroot = Path(made.directory, "html")
        docroot.mkdir()
        os.chmod(docroot, 0o755)
        for name, text in (
            (".htaccess", WORDPRESS_HTACCESS + verbatim("htaccess")),
            ("index.php", "the post, unencrypted"),
        ):
            (docroot / name).write_text(text, "utf-8")
            os.chmod(docroot / name, 0o644)
        text = (
            f'<VirtualHost *:{made.http_port}>\nServerName {NAME}\nDocumentRoot "{docroot}"\n'
            f'<Directory "{docroot}">\nAllowOverride All\nRequire all granted\n'
            "</Directory>\n</VirtualHost>\n"
        )
        with served(made, apache, text, MODULES):
            front, post, encoded = (
                ask_http(made.http_port, NAME, target)
                for target in ("/", PERMALINK, "/wp-content/a%2Fb.png")
            )
    assert (front.status, front.values("Location")) == (301, [f"https://{NAME}/"])
    assert (post.status, post.body) == (200, b"the post, unencrypted")
    assert encoded.status == 404


@pytest.mark.parametrize(
    "target",
    [
        "/",
        PERMALINK,
        f"{PERMALINK}?p=1&q=%2F%3F",
        "/tag/%E5%A4%A7%E6%95%B0%E6%8D%AE/",
        "/wp-admin/index.php?reauth=1",
        "/wp-content/a%2Fb%20c%3Fd.png",
        "//double//slash",
    ],
)
def test_http_leads_to_the_same_address_on_https(site: Published, target: str) -> None:
    reply = ask_http(site.http_port, f"{NAME}:{site.http_port}", target)
    assert (reply.status, reply.values("Location")) == (308, [f"{site.origin}{target}"])


def test_post_is_run_by_the_front_controller_under_its_own_address(browser: Browser) -> None:
    target = f"{PERMALINK}?p=1&tag=%E4%B8%AD"
    seen = browser.json("GET", target)
    assert seen["script"] == "/index.php"
    assert (seen["address"], seen["query"]) == (target, {"p": "1", "tag": "中"})
    assert f"https://{seen['host']}" == browser.origin


def test_front_page_is_run_by_php_which_knows_that_the_connection_is_safe(
    browser: Browser,
) -> None:
    answer = browser.ask("GET", "/")
    assert (answer.status_code, answer.json()["address"]) == (200, "/")


def test_admin_pages_have_a_script_of_their_own(browser: Browser) -> None:
    moved = browser.ask("GET", "/wp-admin")
    assert (moved.status_code, moved.headers["Location"]) == (301, f"{browser.origin}/wp-admin/")
    assert browser.follow(moved).json()["script"] == "/wp-admin/index.php"


def test_what_is_posted_arrives(browser: Browser) -> None:
    answer = browser.ask("POST", "/wp-login.php", data={"log": "jp", "pwd": "ü&=%"})
    assert answer.json()["posted"] == {"log": "jp", "pwd": "ü&=%"}
    assert answer.json()["script"] == "/wp-login.php"


def test_uploads_and_styles_are_files(browser: Browser) -> None:
    picture = browser.ask("GET", "/wp-content/uploads/2020/04/04-12%20%E5%9B%BE.png")
    assert picture.content == PICTURE
    assert picture.headers["Content-Type"] == "image/png"
    style = browser.ask("GET", "/wp-content/themes/style.css")
    assert style.headers["Content-Type"].startswith("text/css")


@pytest.mark.parametrize(
    "target",
    [
        "/.htaccess",
        "/.git/config",
        "/wp-content/.env",
        "/%2egit/config",
        "/wp-content/uploads/nothing.php",
        "/wp-content/uploads/2020/04/04-12%20%E5%9B%BE.png/x.php",
    ],
)
def test_what_is_nobodys_business_is_not_there(browser: Browser, target: str) -> None:
    answer = browser.ask("GET", target)
    assert answer.status_code == 404
    assert b"script" not in answer.content


def test_source_of_a_script_is_never_shown(browser: Browser) -> None:
    answer = browser.ask("GET", "/wp-config.php")
    assert (answer.status_code, answer.content) == (200, b"")


def ask_http(port: int, host: str, target: str) -> Reply:
    """Ask without TLS, with the target as it is written."""
    with connected(port) as connection:
        return Conversation(connection).ask(
            "GET", target, (("Host", host), ("Connection", "close"))
        )
