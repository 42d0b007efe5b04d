"""``vhostsmith try`` in front of a real Jupyter, as a person runs it in a terminal."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apps.browser import browsing, kernel, log_in, run_cell
from apps.conftest import NAME, JupyterOf
from apps.jupyter import Jupyter, jupyter
from apps.typed import ServerId, belongings, command, vhostsmith
from vhostsmith.backend import Scheme
from vhostsmith.servers.base import ServerFacts

INSTALLED: tuple[ServerId, ...] = ("apache", "nginx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A trial in the foreground of a terminal: what it printed, and where it keeps its things."""

    process: subprocess.Popen[bytes]
    shown: dict[str, Any]
    directory: str

    @property
    def origin(self) -> str:
        return str(self.shown["url"]).rstrip("/")

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.origin.rpartition(":")[2])

    def outcomes(self) -> dict[str, str]:
        return {check["name"]: check["outcome"] for check in self.shown["checks"]}

    def saved_certificate(self) -> str:
        """Save the certificate that the site shows, if it is the one that was announced."""
        pem = ssl.get_server_certificate(self.address)
        seen = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        assert seen == self.shown["certificate_sha256"].replace(":", "").lower()
        path = Path(self.directory, "seen.pem")
        path.write_text(pem, "ascii")
        return str(path)


@contextlib.contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """Type ``vhostsmith try ARGUMENTS… --json`` and wait for what it shows."""
    with tempfile.TemporaryDirectory(prefix="terminal-", ignore_cleanup_errors=True) as directory:
        temporary = Path(directory, "tmp")
        temporary.mkdir()
        for path in (Path(directory), temporary):
            os.chmod(path, 0o755)
        with open(f"{directory}/stderr", "wb") as errors:
            process = subprocess.Popen(
                command("try", *arguments, "--json"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "TMPDIR": str(temporary)},
                start_new_session=True,
            )
        try:
            shown = _read_document(process)
            yield Terminal(process=process, shown=shown, directory=directory)
        finally:
            process.kill()
            process.communicate()


def _read_document(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    text = b""
    while not text.endswith(b"\n}\n"):
        line = process.stdout.readline()
        assert line, f"it ended before it showed anything: {text!r}"
        text += line
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def unconfigured() -> Iterator[Jupyter]:
    """Return a Jupyter that nobody told of its public name."""
    with jupyter() as started:
        yield started


def require(server: ServerId, machine: dict[ServerId, ServerFacts]) -> None:
    if server not in machine:
        pytest.skip(f"needs {server}, which this machine does not offer")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("server", INSTALLED)
def test_jupyter_works_through_a_trial_until_ctrl_c_takes_it_away(
    server: ServerId,
    scheme: Scheme,
    machine: dict[ServerId, ServerFacts],
    jupyter_of: JupyterOf,
) -> None:
    require(server, machine)
    behind = jupyter_of(scheme, "root")
    with terminal(NAME, str(behind.port), "--server", server) as trial:
        assert set(trial.outcomes().values()) == {"pass"}, trial.shown
        with browsing(trial.origin, trial.saved_certificate()) as browser:
            assert log_in(browser, "/", behind.password).status_code == 302
            with kernel(browser, "/") as kernel_id:
                assert run_cell(browser, "/", kernel_id, "6*7") == "42"
        os.killpg(trial.process.pid, signal.SIGINT)
        assert trial.process.wait(timeout=20) == 0
        assert belongings(f"{trial.directory}/tmp") == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(trial.address, timeout=5)
    assert Path(behind.notebooks).is_dir()


@pytest.mark.parametrize("server", INSTALLED)
def test_jupyter_that_does_not_know_the_name_is_said_to_refuse_by_itself(
    server: ServerId, machine: dict[ServerId, ServerFacts], unconfigured: Jupyter
) -> None:
    require(server, machine)
    done = vhostsmith("try", NAME, str(unconfigured.port), "--once", "--json", "--server", server)
    assert done.returncode == 0, done.stderr
    page = check_of(done, "page")
    assert page["outcome"] == "pass"
    assert page["detail"] == "GET /: 403, as the backend itself answers"
    assert "Blocking request with non-local 'Host'" in unconfigured.log()


@pytest.mark.parametrize("typed", ["{port} --scheme http", "http://127.0.0.1:{port}"])
@pytest.mark.parametrize("server", INSTALLED)
def test_jupyter_with_tls_asked_as_http_is_named_with_the_way_out(
    server: ServerId, typed: str, machine: dict[ServerId, ServerFacts], jupyter_of: JupyterOf
) -> None:
    require(server, machine)
    behind = jupyter_of("https", "root")
    backend = typed.format(port=behind.port).split()
    done = vhostsmith("try", NAME, *backend, "--once", "--json", "--server", server)
    page = check_of(done, "page")
    assert page["outcome"] == "fail", page
    assert "TLS" in page["detail"]
    assert f"https://127.0.0.1:{behind.port}" in page["remedy"]
    assert done.returncode == 1


def check_of(done: subprocess.CompletedProcess[str], name: str) -> dict[str, Any]:
    """Return one check of what ``try --json`` printed."""
    checks = json.loads(done.stdout)["checks"]
    return next(check for check in checks if check["name"] == name)
