"""A real Jupyter behind real servers that run what ``render`` printed, used as browsers do."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from apps.browser import browsing, kernel, log_in, run_cell
from apps.conftest import Way

ODD_NAMES = (
    "my notes",
    "ünï 中文",
    "pct%2F",
    "c# notes",
    "what?",
    "a+b&c",
    "semi;colon=1",
    "[x]{y}",
    "back\\slash",
    "100%",
    "a%20b",
    "quote'\"",
)
MEGABYTE = 1024 * 1024


def test_bare_port_is_found_to_speak_what_it_speaks(way: Way) -> None:
    directive = "ProxyPass" if way.server == "apache" else "proxy_pass"
    rows = [line.split() for line in way.site.text.splitlines()]
    targets = [row[2 if directive == "ProxyPass" else 1] for row in rows if row[:1] == [directive]]
    spoken = [target.strip('"').partition("://")[0] for target in targets if target != "!"]
    assert spoken == [way.jupyter.scheme]


def test_own_certificate_of_jupyter_is_pinned(way: Way) -> None:
    if way.jupyter.certificate is None:
        assert not way.site.pin.exists()
        assert "pin" not in way.site.text
        return
    assert way.site.pin.read_text("ascii").split() == way.jupyter.certificate.split()
    assert str(way.site.pin) in way.site.text
    assert "pinned by SHA-256" in way.site.notes


def test_login_form_leads_in_with_a_cookie_for_https_only(way: Way) -> None:
    with browsing(way.site.origin, way.site.ca_file) as browser:
        refused = browser.ask("GET", f"{way.base_url}api/contents")
        assert refused.status_code == 403
        answer = log_in(browser, way.base_url, way.jupyter.password)
        assert answer.http_version == "HTTP/2"
        assert answer.status_code == 302
        cookie = next(c for c in answer.headers.get_list("Set-Cookie") if "username-" in c)
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", f"path={way.base_url}"} <= attributes
        page = browser.follow(answer)
        assert page.status_code == 200
        assert "Jupyter Server" in page.text
        assert browser.json("GET", f"{way.base_url}api/contents")["type"] == "directory"


def test_wrong_password_does_not_lead_in(way: Way) -> None:
    with browsing(way.site.origin, way.site.ca_file) as browser:
        assert log_in(browser, way.base_url, "guessed").status_code == 401
        assert browser.ask("GET", f"{way.base_url}api/contents").status_code == 403


def test_cell_is_run_over_the_websocket(way: Way) -> None:
    with kernel(way.browser, way.base_url) as kernel_id:
        assert run_cell(way.browser, way.base_url, kernel_id, "6*7") == "42"


def test_terminal_answers_over_its_websocket(way: Way) -> None:
    name = way.browser.json("POST", f"{way.base_url}api/terminals")["name"]
    with way.browser.websocket(f"{way.base_url}terminals/websocket/{name}") as terminal:
        terminal.send(json.dumps(["stdin", "echo $((6*7))\r"]))
        said = ""
        while "42" not in said:
            kind, *texts = json.loads(terminal.recv(timeout=10))
            said += "".join(texts) if kind == "stdout" else ""
    way.browser.json("DELETE", f"{way.base_url}api/terminals/{name}")


def test_page_of_another_origin_opens_no_socket(way: Way) -> None:
    with (
        kernel(way.browser, way.base_url) as kernel_id,
        pytest.raises(InvalidStatus) as refused,
        way.browser.websocket(
            f"{way.base_url}api/kernels/{kernel_id}/channels", origin="https://elsewhere.test"
        ),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_notebooks_with_odd_names_are_saved_as_they_are_called(way: Way) -> None:
    for name in ODD_NAMES:
        file = f"{way.server} {name}.ipynb"
        target = f"{way.base_url}api/contents/{quote(file, safe='')}"
        cells = notebook(f"# {name}")
        saved = way.browser.json("PUT", target, {"type": "notebook", "content": cells})
        assert (saved["name"], saved["path"]) == (file, file)
        assert json.loads(Path(way.jupyter.notebooks, file).read_text("utf-8"))["cells"]
        opened = way.browser.json("GET", f"{target}?type=notebook&content=1")
        assert opened["content"]["cells"][0]["source"] == f"# {name}"
        way.browser.json("DELETE", target)


def test_upload_of_20_megabytes_arrives_whole(way: Way) -> None:
    content = random.Random(20).randbytes(20 * MEGABYTE)
    file = f"{way.server}.bin"
    saved = way.browser.json(
        "PUT",
        f"{way.base_url}api/contents/{file}",
        {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()},
    )
    assert saved["size"] == len(content)
    arrived = Path(way.jupyter.notebooks, file)
    assert sha256(arrived.read_bytes()) == sha256(content)
    fetched = way.browser.ask("GET", f"{way.base_url}files/{file}")
    assert sha256(fetched.content) == sha256(content)
    arrived.unlink()


def test_upload_in_pieces_as_jupyterlab_makes_it_arrives_whole(way: Way) -> None:
    content = random.Random(5).randbytes(5 * MEGABYTE)
    file = f"{way.server}-pieces.bin"
    pieces = [content[at : at + MEGABYTE] for at in range(0, len(content), MEGABYTE)]
    for number, piece in enumerate(pieces, start=1):
        way.browser.json(
            "PUT",
            f"{way.base_url}api/contents/{file}",
            {
                "type": "file",
                "format": "base64",
                "content": base64.b64encode(piece).decode(),
                "chunk": -1 if number == len(pieces) else number,
            },
        )
    arrived = Path(way.jupyter.notebooks, file)
    assert sha256(arrived.read_bytes()) == sha256(content)
    arrived.unlink()


def notebook(source: str) -> dict[str, Any]:
    """Return a notebook of one cell."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "only",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
