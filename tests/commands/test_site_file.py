"""``render NAME``: the site that ``sites/NAME.toml`` describes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trial.backends import Backends
from trial.desk import Desk

Options = tuple[str, ...]
APACHE = ("--server", "apache")
NGINX = ("--server", "nginx")
Either = pytest.mark.parametrize("kind", [APACHE, NGINX], ids=["apache", "nginx"])


def test_a_site_file_is_rendered_by_its_name(desk: Desk) -> None:
    desk.write(
        "config/sites/a.example.com.toml",
        'format = 1\nserver = "nginx"\n[[route]]\nbackend = "http://127.0.0.1:8889"\n',
    )
    typed = desk.run("render", "a.example.com", "http://127.0.0.1:8889", *NGINX)
    written = desk.run("render", "a.example.com")
    assert (written.returncode, written.stdout) == (0, typed.stdout)
    assert desk.run("render", "A.Example.COM").stdout == typed.stdout
    checked = desk.run("render", "a.example.com", "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_site_file_with_a_fault_is_located(desk: Desk) -> None:
    path = desk.write("config/sites/a.test.toml", 'format = 1\nbackand = "x"\n')
    done = desk.run("render", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"vhostsmith: {path}:2: the key 'backand' is not known")


def test_a_site_file_that_is_no_text_is_said(desk: Desk) -> None:
    path = desk.write("config/sites/a.test.toml", b"\xff\xfe")
    done = desk.run("render", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}: cannot read the site file" in done.stderr


def test_a_site_file_that_is_not_there_is_said(desk: Desk) -> None:
    done = desk.run("render", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"write the site file {desk.config}/sites/a.test.toml" in done.stderr


def test_a_site_file_that_nobody_may_read_is_said(nobody: Desk) -> None:
    path = nobody.write("config/sites/a.test.toml", "format = 1\n", mode=0o600)
    os.chown(path, 0, 0)
    done = nobody.run("render", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}: cannot read the site file: " in done.stderr


@Either
def test_a_pin_of_a_site_file_can_be_written_out(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    desk.write(
        "config/sites/a.test.toml",
        f'format = 1\n[[route]]\nbackend = "https://127.0.0.1:{backends.signed.port}"\n'
        'backend_tls = "pin"\nbackend_name = "localhost"\n',
    )
    done = desk.run("render", "a.test", *kind, "--pin-out", "pin.pem", "--check")
    assert done.returncode == 0, done.stderr
    assert Path(desk.path("pin.pem")).read_text() == backends.pin
    assert f'"{desk.path("pin.pem")}"' in done.stdout
