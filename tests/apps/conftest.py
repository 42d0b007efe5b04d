"""Jupyters, and the ways to reach them: each is started once for every test that looks at it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pytest

from apps.browser import Browser, browsing, log_in
from apps.jupyter import Jupyter, jupyter
from apps.typed import SERVERS, Published, ServerId, published, servers_here
from vhostsmith.backend import Scheme
from vhostsmith.servers.base import ServerFacts

NAME = "jupyter.localhost"
Mount = Literal["root", "sub-path"]
JupyterOf = Callable[[Scheme, Mount], Jupyter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A Jupyter behind a site, and somebody who has logged in to it through the site."""

    server: ServerId
    jupyter: Jupyter
    site: Published
    browser: Browser

    @property
    def base_url(self) -> str:
        return self.jupyter.base_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One of the ways in which Jupyter must work the same."""

    server: ServerId
    scheme: Scheme
    mount: Mount

    def __str__(self) -> str:
        return f"{self.server}-{self.scheme}-{self.mount}"


EVERY = tuple(
    Combination(server=server, scheme=scheme, mount=mount)
    for mount in ("root", "sub-path")
    for scheme in ("http", "https")
    for server in SERVERS
)


@pytest.fixture(scope="session")
def machine() -> dict[ServerId, ServerFacts]:
    return servers_here()


@pytest.fixture(scope="session")
def jupyter_of() -> Iterator[JupyterOf]:
    """Return a Jupyter for a scheme and a mount, started when it is first asked for."""
    running: dict[tuple[Scheme, Mount], Jupyter] = {}
    with contextlib.ExitStack() as held:

        def get(scheme: Scheme, mount: Mount) -> Jupyter:
            if (scheme, mount) not in running:
                base_url = "/" if mount == "root" else "/jupyter/"
                made = jupyter(NAME, scheme=scheme, base_url=base_url)
                running[scheme, mount] = held.enter_context(made)
            return running[scheme, mount]

        yield get


@pytest.fixture(scope="session", params=EVERY, ids=str)
def way(
    request: pytest.FixtureRequest,
    machine: dict[ServerId, ServerFacts],
    jupyter_of: JupyterOf,
) -> Iterator[Way]:
    """Return a way to Jupyter through a real server; only the port was typed, not the scheme."""
    wish: Combination = request.param
    if wish.server not in machine:
        pytest.skip(f"needs {wish.server}, which this machine does not offer")
    behind = jupyter_of(wish.scheme, wish.mount)
    port = str(behind.port)
    typed = (port,) if wish.mount == "root" else ("--route", f"/jupyter={port}")
    facts, pins = machine[wish.server], wish.scheme == "https"
    with (
        published(NAME, *typed, facts=facts, pins=pins) as site,
        browsing(site.origin, site.ca_file) as browser,
    ):
        answer = log_in(browser, behind.base_url, behind.password)
        assert answer.status_code == 302, f"{answer.text[:300]}\n{site.log()}\n{behind.log()}"
        yield Way(server=wish.server, jupyter=behind, site=site, browser=browser)
