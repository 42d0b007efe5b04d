"""The servers that the articles' files, and ours, are run by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.jupyter import Jupyter, jupyter
from apps.typed import SERVERS, ServerId, servers_here
from seeds.blog import Blog, blog
from vhostsmith.servers.base import ServerFacts


@pytest.fixture(scope="session")
def machine() -> dict[ServerId, ServerFacts]:
    return servers_here()


@pytest.fixture(scope="session")
def apache(machine: dict[ServerId, ServerFacts]) -> ServerFacts:
    return facts_of("apache", machine)


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest, machine: dict[ServerId, ServerFacts]) -> ServerFacts:
    return facts_of(request.param, machine)


def facts_of(server: ServerId, machine: dict[ServerId, ServerFacts]) -> ServerFacts:
    if server not in machine:
        pytest.skip(f"needs {server}, which this machine does not offer")
    return machine[server]


@pytest.fixture(scope="session")
def secure_jupyter() -> Iterator[Jupyter]:
    """Return a Jupyter as the article sets it up: with TLS of its own, and told of its name."""
    with jupyter("jupyter.ltzhou.com", scheme="https") as started:
        yield started


@pytest.fixture(scope="session")
def wordpress() -> Iterator[Blog]:
    """Return a blog with a PHP of its own."""
    with blog() as laid:
        yield laid
