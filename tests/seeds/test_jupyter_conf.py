"""The third article's ``jupyter.conf`` on a real Apache, and ours for the same wish."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.browser import browsing, kernel, log_in, run_cell
from apps.jupyter import Jupyter
from apps.typed import published, vhostsmith
from seeds.articles import MODULES, asked, served, verbatim
from servers.client import Conversation, client_context, connected
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.names import parse_name
from vhostsmith.scratch import Scratch, scratch
from vhostsmith.servers.base import ServerFacts

NAME = "jupyter.ltzhou.com"
CERTIFICATE, CHAIN, KEY = (
    "_path_to_your_public.crt",
    "_path_to_your_chain.crt",
    "_path_to_your_.key",
)


def test_the_articles_file_fails_configtest(apache: ServerFacts) -> None:
    done = asked(apache, verbatim("jupyter.conf"), "-t")
    assert done.returncode == 1
    assert "ServerName takes one argument" in done.stderr
    assert re.search(r"on line 3 of \S+/site\.conf", done.stderr)


def test_each_comment_at_the_end_of_a_line_is_a_fault_of_its_own(apache: ServerFacts) -> None:
    _, complaints = mended(apache, verbatim("jupyter.conf"))
    assert [complaint.split()[0] for complaint in complaints] == [
        "ServerName",
        "CustomLog",
        "SSLEngine",
        "SSLCertificateFile:",
    ]
    assert "does not exist or is empty" in complaints[-1]


def test_the_articles_file_once_mended_still_refuses_a_jupyter_with_its_own_certificate(
    apache: ServerFacts, secure_jupyter: Jupyter
) -> None:
    text, _ = mended(apache, verbatim("jupyter.conf"))
    with scratch(apache.layout.user) as made:
        write_certificate(made)
        text = text.replace("*:443", f"*:{made.https_port}")
        text = text.replace("127.0.0.1:8889", f"127.0.0.1:{secure_jupyter.port}")
        with (
            served(made, apache, text, MODULES),
            connected(made.https_port, server_name=NAME, context=client_context()) as connection,
        ):
            reply = Conversation(connection).ask(
                "GET", "/login", (("Host", f"{NAME}:{made.https_port}"),)
            )
    assert reply.status == 500
    assert b"Error during SSL Handshake with remote server" in reply.body


@pytest.mark.parametrize(
    ("websocket", "line"),
    [
        ("native", 'ProxyPass        "/" "https://127.0.0.1:{port}/" nocanon upgrade=websocket'),
        ("rewrite", 'RewriteRule "^/" "wss://127.0.0.1:{port}/%1" [P,L,NE]'),
    ],
    ids=["native", "rewrite"],
)
def test_ours_does_all_that_the_article_wanted(
    apache: ServerFacts, secure_jupyter: Jupyter, websocket: str, line: str
) -> None:
    port = secure_jupyter.port
    typed = (f"https://127.0.0.1:{port}", "--websocket", websocket)
    with (
        published(NAME, *typed, facts=apache, pins=True) as site,
        browsing(site.origin, site.ca_file) as browser,
    ):
        assert line.format(port=port) in site.text
        assert log_in(browser, "/", secure_jupyter.password).status_code == 302
        with kernel(browser, "/") as kernel_id:
            assert run_cell(browser, "/", kernel_id, "6*7") == "42"
        log = Path(site.directory, "logs", f"{NAME}-access.log")
        assert "GET /login HTTP/2.0" in log.read_text("utf-8")
        assert f"/api/kernels/{kernel_id}/channels" in log.read_text("utf-8")


def test_ours_holds_nothing_that_made_the_articles_file_fail(
    apache: ServerFacts, secure_jupyter: Jupyter
) -> None:
    with published(
        NAME, f"https://127.0.0.1:{secure_jupyter.port}", facts=apache, pins=True
    ) as site:
        lines = [line.strip() for line in site.text.splitlines()]
    assert not [line for line in lines if re.match(r"[A-Za-z<].*\s#", line)]
    assert not [line for line in lines if "IfModule" in line or "ChainFile" in line]


@pytest.mark.parametrize("address", ["0.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("verb", ["render", "try"])
def test_address_that_reaches_nobody_is_refused_with_the_right_one(verb: str, address: str) -> None:
    done = vhostsmith(verb, NAME, f"{address}:8889")
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"nobody can be reached at {address}" in done.stderr
    assert "127.0.0.1" in done.stderr


def mended(apache: ServerFacts, text: str) -> tuple[str, list[str]]:
    """Return the text without the trailing comments that Apache stumbles over, and its complaints.

    It says one at a time.
    """
    lines = text.splitlines()
    complaints: list[str] = []
    while True:
        done = asked(apache, "\n".join(lines) + "\n", "-t")
        found = re.search(r"on line (\d+) of \S+/site\.conf:\n(.+)", done.stderr)
        if found is None:
            return "\n".join(lines) + "\n", complaints
        complaints.append(found[2])
        number = int(found[1]) - 1
        if " #" not in lines[number]:
            return "\n".join(lines) + "\n", complaints
        lines[number] = lines[number].partition(" #")[0]


def write_certificate(made: Scratch) -> None:
    """Put a certificate where the article has its placeholders: they are relative names."""
    pair = self_signed((parse_name(NAME),), now=datetime.now(tz=UTC), days=2)
    made.write(CERTIFICATE, pair.cert_pem)
    made.write(CHAIN, pair.cert_pem)
    made.write(KEY, pair.key_pem)
