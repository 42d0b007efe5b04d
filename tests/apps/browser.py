"""A browser's part: pages over HTTPS with cookies and XSRF, and the sockets that a notebook opens.

The site's certificate is verified for its name; only the name's address is taken from nobody.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One person's browser at one public origin, ``https://NAME:PORT``; make it with `browsing`.

    ``ca_file`` holds the only certificate that it trusts.
    """

    origin: str
    ca_file: str
    client: httpx.Client

    @property
    def name(self) -> str:
        return urlsplit(self.origin).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.origin).port or 443

    def ask(self, method: str, target: str, **content: Any) -> httpx.Response:
        """Put one request, as a page's script does: with the XSRF cookie repeated in a header."""
        headers = {"Origin": self.origin, **content.pop("headers", {})}
        if token := self.client.cookies.get("_xsrf"):
            headers["X-XSRFToken"] = token
        return self.client.request(
            method,
            target.removeprefix(self.origin),
            headers=headers,
            extensions={"sni_hostname": self.name},
            **content,
        )

    def json(self, method: str, target: str, document: object = None) -> Any:
        """Return what a REST interface answers; AssertionError when it refuses."""
        content: dict[str, Any] = {} if document is None else {"json": document}
        answer = self.ask(method, target, **content)
        assert answer.is_success, f"{method} {target}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow a redirect, which must stay at this origin."""
        location = answer.headers["Location"]
        assert location.startswith(("/", f"{self.origin}/")), location
        return self.ask("GET", location)

    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)

    @contextlib.contextmanager
    def websocket(self, target: str, *, origin: str | None = None) -> Iterator[ClientConnection]:
        """Open a WebSocket with the origin's cookies, for a page of this origin or of another."""
        plain = socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_S)
        with connect(
            f"{self.origin.replace('https', 'wss', 1)}{target}",
            sock=plain,
            ssl=ssl.create_default_context(cafile=self.ca_file),
            origin=Origin(origin or self.origin),
            additional_headers={"Cookie": self.cookies()},
            open_timeout=_TIMEOUT_S,
            max_size=None,
        ) as opened:
            yield opened


@contextlib.contextmanager
def browsing(origin: str, ca_file: str) -> Iterator[Browser]:
    """Open a browser that has never been at ``origin``."""
    parts = urlsplit(origin)
    with httpx.Client(
        base_url=f"https://127.0.0.1:{parts.port}",
        headers={"Host": parts.netloc},
        verify=ssl.create_default_context(cafile=ca_file),
        http2=True,
        timeout=_TIMEOUT_S,
        trust_env=False,
    ) as client:
        yield Browser(origin=origin, ca_file=ca_file, client=client)


def log_in(browser: Browser, base_url: str, password: str) -> httpx.Response:
    """Fill in Jupyter's form for the page ``base_url``; returns the answer to the form."""
    form = browser.ask("GET", f"{base_url}login")
    assert form.status_code == 200, form.text[:300]
    field = re.search(r'name="_xsrf" value="([^"]+)"', form.text)
    assert field, form.text
    return browser.ask(
        "POST",
        f"{base_url}login?next={base_url}",
        data={"_xsrf": field[1], "password": password},
    )


@contextlib.contextmanager
def kernel(browser: Browser, base_url: str) -> Iterator[str]:
    """Start a kernel, as a notebook does when it is opened; yields its id."""
    started = browser.json("POST", f"{base_url}api/kernels", {"name": "python3"})
    try:
        yield started["id"]
    finally:
        browser.json("DELETE", f"{base_url}api/kernels/{started['id']}")


def run_cell(browser: Browser, base_url: str, kernel_id: str, code: str) -> str:
    """Execute a cell over the kernel's WebSocket and return its result as text."""
    session = uuid.uuid4().hex
    request = _execute_request(session, code)
    target = f"{base_url}api/kernels/{kernel_id}/channels?session_id={session}"
    with browser.websocket(target) as channels:
        channels.send(json.dumps(request))
        while True:
            message = json.loads(channels.recv(timeout=_TIMEOUT_S))
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            assert message["msg_type"] != "error", message["content"]
            if message["channel"] == "iopub" and message["msg_type"] == "execute_result":
                return str(message["content"]["data"]["text/plain"])


def _execute_request(session: str, code: str) -> Mapping[str, Any]:
    """Return the message of Jupyter's protocol 5.3 that asks for an execution."""
    return {
        "channel": "shell",
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "session": session,
            "username": "",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
        },
        "buffers": [],
    }
