"""Whatever is typed, the answer is an exit code and a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.inside import run_inside

# No command that runs a server or makes a file of state, and no --check.
COMMANDS = st.sampled_from(["render", "render", "render", "render", "probe", "cert", "nope", ""])
OPTIONS = (
    *("--server", "--alias", "--route", "--strip", "--keep", "--docroot", "--php", "--scheme"),
    *("--redirect-to", "--catch-all", "--backend-ca", "--backend-pin", "--backend-insecure"),
    *("--backend-name", "--cert", "--key", "--chain", "--acme", "--self-signed", "--tls", "--hsts"),
    *("--websocket", "--max-body", "--timeout", "--allow", "--basic-auth", "--http-port", "-h"),
    *("--https-port", "--file-name", "--facts", "--server-version", "--explain", "--json", "-o"),
    *("--pin-out", "--", "-", "--config-dir", "--help", "--version", "--hsts=1", "--nope", "-x"),
)
VALUES = (
    *("a.example.com", "*.example.com", "bücher.example", "192.0.2.1", "[::1]", "::1", "_", "a b"),
    *("http://127.0.0.1:1", "https://127.0.0.1:1", "https://127.0.0.1:1/base", "unix:/run/a.sock"),
    *("http://[::1]:1", "http://a.invalid:80", "ftp://x", "http://", "unix:", "127.0.0.1:99999"),
    *("/a=http://127.0.0.1:1", "/b=unix:/run/b.sock", "/=x", "=", "/..=http://127.0.0.1:1"),
    *("apache", "nginx", "http", "https", "modern", "intermediate", "native", "rewrite", "off"),
    *("0", "1", "-1", "8889", "99999", "10m", "1e9", "2.4.41", "1.18.0", "9999999999", "x"),
    *("192.0.2.0/24", "::/0", "10.0.0.0/33", "/srv/www", "/nonexistent/x", "/", "relative", "."),
    *("https://www.example.com", "https://www.example.com/x?y", "${x}", "$x", '"', "\\", "\n"),
)
# No "/", so that no -o leads out of the working directory; no port alone, which would be asked.
ODD = st.text(st.characters(exclude_characters="\0/"), max_size=30).filter(
    lambda text: not text.strip().isdecimal()
)
SCHEME = ("--scheme", "http")


@pytest.fixture
def lonely(tmp_path: Path, machine_facts: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a directory of its own, without a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VHOSTSMITH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VHOSTSMITH_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("VHOSTSMITH_TRACEBACK", raising=False)
    monkeypatch.setenv("FACTS", machine_facts)
    return tmp_path


@settings(
    max_examples=350,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    command=COMMANDS,
    words=st.lists(st.one_of(st.sampled_from(OPTIONS), st.sampled_from(VALUES), ODD), max_size=7),
)
def test_no_arguments_are_a_defect(lonely: Path, command: str, words: list[str]) -> None:
    assert_in_order([command, *words])


@settings(
    max_examples=350,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.one_of(st.sampled_from(VALUES), ODD),
    backend=st.one_of(st.sampled_from(VALUES), ODD),
    pairs=st.lists(
        st.tuples(st.sampled_from(OPTIONS), st.one_of(st.sampled_from(VALUES), ODD)),
        max_size=4,
    ),
)
def test_no_site_is_a_defect(
    lonely: Path, name: str, backend: str, pairs: list[tuple[str, str]]
) -> None:
    more = [f"{option}={value}" if option.startswith("--") else option for option, value in pairs]
    facts = ("--facts", os.environ["FACTS"])
    assert_in_order(["render", name, backend, *SCHEME, *facts, *more])


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.one_of(st.text(max_size=300), st.binary(max_size=200)))
def test_no_site_file_is_a_defect(lonely: Path, text: str | bytes) -> None:
    sites = lonely / "config" / "sites"
    for directory in (lonely, sites.parent, sites):
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (sites / "a.example.com.toml").write_bytes(content)
    assert_in_order(["render", "a.example.com"])


def assert_in_order(arguments: list[str]) -> None:
    """Run a command that may be refused, and may not fall over."""
    before = set(os.listdir("/etc"))
    done = run_inside(arguments)
    assert done.code in {0, 1, 2}, arguments
    assert "a defect of vhostsmith" not in done.err, (arguments, done.err)
    assert "Traceback" not in done.err
    if done.code:
        assert done.err, f"{arguments} failed without a word"
        assert done.out == "" or "-h" in arguments or "--help" in arguments, arguments
    assert set(os.listdir("/etc")) == before
