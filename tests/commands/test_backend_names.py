"""The name that nginx compares in a backend's certificate, and what is said where there is none."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from servers.echo import Echo
from trial.backends import Backends, closed_port, context_with, made_by_openssl
from trial.desk import Desk

Options = tuple[str, ...]
APACHE = ("--server", "apache")
NGINX = ("--server", "nginx")


@pytest.mark.needs("nginx")
@pytest.mark.parametrize(
    ("subject", "more"),
    [
        ("/CN=127.0.0.1", ("-addext", "subjectAltName=IP:127.0.0.1")),
        ("/O=nobody", ()),
        ("/CN=my laptop", ()),
    ],
)
def test_without_a_name_nginx_stops_and_the_line_that_it_gives_helps(
    desk: Desk, subject: str, more: Options
) -> None:
    with Echo(
        "nameless", tls=context_with(made_by_openssl(desk.directory, subject, *more))
    ) as echo:
        typed = ("a.localhost", f"https://127.0.0.1:{echo.port}")
        done = desk.run("render", *typed, *NGINX)
        assert (done.returncode, done.stdout) == (2, "")
        assert desk.run("render", *typed, *APACHE).returncode == 0, "Apache compares no name here"
    line = re.search(r"openssl req .*", done.stderr)
    assert line is not None, done.stderr
    subprocess.run(shlex.split(line[0]), cwd=desk.directory, capture_output=True, check=True)
    files = (desk.path("cert.pem"), desk.path("key.pem"))
    with Echo("named", tls=context_with(*files)) as echo:
        typed = ("a.localhost", f"https://127.0.0.1:{echo.port}")
        assert desk.run("render", *typed, *NGINX).returncode == 0
        tried = desk.run("try", *typed, *NGINX, "--once")
        assert tried.returncode == 0, tried.stdout


def test_a_backend_that_is_down_can_still_be_named_for_nginx(desk: Desk) -> None:
    with closed_port() as port:
        typed = ("render", "a.test", f"https://127.0.0.1:{port}", *NGINX)
        done = desk.run(*typed)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--backend-name" in done.stderr
        named = desk.run(*typed, "--backend-name", "localhost")
    assert named.returncode == 0, named.stderr
    assert re.search(r"proxy_ssl_name +localhost;", named.stdout)
    line = re.search(r"once it answers: (openssl .*)$", named.stderr, re.MULTILINE)
    assert line is not None


def test_the_line_that_fetches_a_pin_later_fetches_it(desk: Desk, backends: Backends) -> None:
    with closed_port() as port:
        done = desk.run("render", "a.test", f"https://127.0.0.1:{port}", *APACHE)
    line = re.search(r"once it answers: (openssl .*)$", done.stderr, re.MULTILINE)
    assert line is not None, done.stderr
    typed = line[1].replace(str(port), str(backends.signed.port))
    subprocess.run(
        ("sh", "-c", typed), cwd=desk.directory, capture_output=True, check=True, timeout=20
    )
    assert Path(desk.path("backend.pem")).read_text() == backends.pin
