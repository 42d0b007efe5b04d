from __future__ import annotations

import os

import pytest

from vhostsmith.servers import apache, nginx


def _program(path: str) -> str:
    if not os.access(path, os.X_OK):
        pytest.skip(f"{path} is not installed")
    return path


@pytest.fixture(scope="session")
def apache_program() -> str:
    return _program(apache.DEBIAN.binary)


@pytest.fixture(scope="session")
def nginx_program() -> str:
    return _program(nginx.DEBIAN.binary)
