"""The real Jupyter Server from PyPI, as a person would run it, in a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vhostsmith.backend import Scheme

_START_S = 40.0
_OPENSSL = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jupyter:
    """A Jupyter that runs on 127.0.0.1; ``certificate`` is its own, as PEM, when it speaks TLS."""

    scheme: Scheme
    port: int
    base_url: str
    password: str
    directory: str
    certificate: str | None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def notebooks(self) -> Path:
        """The directory that it shows."""
        return Path(self.directory, "notebooks")

    def log(self) -> str:
        return Path(self.directory, "log").read_text("utf-8", "replace")


@contextlib.contextmanager
def jupyter(*names: str, scheme: Scheme = "http", base_url: str = "/") -> Iterator[Jupyter]:
    """Run one with a password that answers to ``names``; without any it is as installed."""
    with tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True) as directory:
        for name in ("home", "config", "data", "runtime", "notebooks"):
            Path(directory, name).mkdir()
        password = secrets.token_urlsafe(12)
        pem = own_certificate(directory) if scheme == "https" else None
        config = Path(directory, "config", "jupyter_server_config.py")
        config.write_text(configuration(names, directory, base_url, password, has_tls=bool(pem)))
        with _started(directory) as port:
            yield Jupyter(
                scheme=scheme,
                port=port,
                base_url=base_url,
                password=password,
                directory=directory,
                certificate=pem,
            )


def configuration(
    names: tuple[str, ...], directory: str, base_url: str, password: str, *, has_tls: bool
) -> str:
    """Return the text of a Jupyter's configuration file; port 0 is one that is free."""
    from jupyter_server.auth.security import passwd

    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": f"{directory}/notebooks",
        "PasswordIdentityProvider.hashed_password": passwd(password),  # type: ignore[no-untyped-call]
    }
    if base_url != "/":
        settings["ServerApp.base_url"] = base_url
    if names:
        settings["ServerApp.local_hostnames"] = ["localhost", *names]
        settings["ServerApp.trust_xheaders"] = True
    if has_tls:
        settings["ServerApp.certfile"] = f"{directory}/cert.pem"
        settings["ServerApp.keyfile"] = f"{directory}/key.pem"
    return "".join(f"c.{key} = {value!r}\n" for key, value in settings.items())


def own_certificate(directory: str) -> str:
    """Let openssl make ``cert.pem`` and ``key.pem`` for localhost; returns the certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, which this machine does not offer")
    files = ("-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem")
    subprocess.run((*_OPENSSL, *files), check=True, capture_output=True)
    return Path(directory, "cert.pem").read_text("ascii")


@contextlib.contextmanager
def _started(directory: str) -> Iterator[int]:
    """Start it and wait until it says where it listens; yields the port."""
    root = ("--allow-root",) if os.geteuid() == 0 else ()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": f"{directory}/home",
        "JUPYTER_CONFIG_DIR": f"{directory}/config",
        "JUPYTER_DATA_DIR": f"{directory}/data",
        "JUPYTER_RUNTIME_DIR": f"{directory}/runtime",
        "IPYTHONDIR": f"{directory}/home/ipython",
        "SHELL": "/bin/sh",
        "LC_ALL": "C.UTF-8",
    }
    with open(f"{directory}/log", "wb") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "jupyter_server", *root),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=f"{directory}/home",
            start_new_session=True,
        )
    try:
        yield _await_port(process, directory)
    finally:
        _end(process)


def _await_port(process: subprocess.Popen[bytes], directory: str) -> int:
    written = Path(directory, "runtime", f"jpserver-{process.pid}.json")
    deadline = time.monotonic() + _START_S
    while not written.exists() or not written.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"Jupyter did not start:\n{Path(directory, 'log').read_text()}")
        time.sleep(0.05)
    return int(json.loads(written.read_text())["port"])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, with its kernels, and make it after a while."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
