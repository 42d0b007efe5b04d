"""What each command loads of others: these distributions exactly, none that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

FACTS = Path(__file__).parent.parent / "golden" / "facts"
APACHE, NGINX = str(FACTS / "apache-2.4.71-event.json"), str(FACTS / "nginx-1.22.1.json")
BACKEND = "http://127.0.0.1:8889"

# Runs a command line in a new interpreter and says on a stream of its own what it loaded.
PROGRAM = """
import json, os, sys
before = set(sys.modules)
from vhostsmith.cli import run
report = os.dup(1)
os.dup2(2, 1)
code = run(sys.argv[1:])
loaded = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
os.write(report, json.dumps([code, loaded]).encode())
"""

RENDER = {"click", "jinja2", "markupsafe"}
CRYPTOGRAPHY = {"cffi", "cryptography"}

COMMANDS = [
    pytest.param(["--help"], {"click"}, id="help"),
    pytest.param(["--version"], {"click"}, id="version"),
    pytest.param(["render", "--help"], {"click"}, id="help of render"),
    pytest.param(["render", "--facts", APACHE, "a.example.com", BACKEND], RENDER, id="render"),
    pytest.param(
        ["render", "--facts", NGINX, "a.example.com", BACKEND], RENDER, id="render for nginx"
    ),
    pytest.param(
        ["render", "--facts", APACHE, "bücher.example.com", BACKEND],
        RENDER | {"idna"},
        id="render of an internationalised name",
    ),
    pytest.param(
        ["render", "--facts", APACHE, "a.example.com", BACKEND, "--json"],
        RENDER,
        id="render as JSON",
    ),
    pytest.param(
        ["render", "--facts", NGINX, "a.example.com", BACKEND, "--explain"],
        RENDER,
        id="render with reasons",
    ),
    pytest.param(
        ["render", "--facts", APACHE, "a.example.com", BACKEND, "--check"],
        RENDER | CRYPTOGRAPHY,
        id="render and rehearse",
        marks=pytest.mark.needs("apache2"),
    ),
    pytest.param(
        ["render", "--server", "apache", "a.example.com", BACKEND],
        RENDER,
        id="render for this machine's Apache",
        marks=pytest.mark.needs("apache2"),
    ),
    pytest.param(
        ["render", "--server", "nginx", "a.example.com", BACKEND],
        RENDER | {"crossplane"},
        id="render for this machine's nginx, whose configuration is read",
        marks=pytest.mark.needs("nginx"),
    ),
    pytest.param(
        ["probe"], {"click", "crossplane"}, id="probe", marks=pytest.mark.needs("nginx", "apache2")
    ),
    pytest.param(
        ["cert", "self-signed", "a.localhost"], {"click"} | CRYPTOGRAPHY, id="cert self-signed"
    ),
    pytest.param(
        ["try", "--once", "--demo", "--server", "apache"],
        RENDER | CRYPTOGRAPHY,
        id="try",
        marks=pytest.mark.needs("apache2"),
    ),
]

# The network is for what asks a backend or runs a server; subprocesses are for what runs programs.
QUIET = [
    ["--help"],
    ["render", "--facts", APACHE, "a.example.com", BACKEND],
    ["render", "--facts", NGINX, "a.example.com", "https://backend.example.com"],
    ["render", "--facts", APACHE, "a.example.com", "8889", "--scheme", "http"],
]


def loaded_by(arguments: list[str], directory: Path) -> set[str]:
    """Return the top-level modules that a command line loads; it must succeed."""
    places = ("--config-dir", str(directory / "config"), "--state-dir", str(directory / "state"))
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM, *places, *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    code, modules = json.loads(done.stdout)
    assert code == 0, done.stderr
    return set(modules)


def distributions(modules: set[str]) -> set[str]:
    """Return the distributions that the modules come from, without our own."""
    owners = packages_distributions()
    found = {name.lower() for module in modules for name in owners.get(module, ())}
    return found - {"vhostsmith"}


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS)
def test_a_command_loads_what_it_uses_and_nothing_else(
    arguments: list[str], expected: set[str], tmp_path: Path
) -> None:
    assert distributions(loaded_by(arguments, tmp_path)) == expected


@pytest.mark.parametrize("arguments", QUIET, ids=" ".join)
def test_a_command_that_asks_nobody_loads_no_network_and_runs_nothing(
    arguments: list[str], tmp_path: Path
) -> None:
    unused = {"socket", "ssl", "subprocess", "asyncio", "http", "email"}
    assert not loaded_by(arguments, tmp_path) & unused
