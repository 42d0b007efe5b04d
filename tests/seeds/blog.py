"""A blog of WordPress's kind, and a PHP-FPM of its own that runs it."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vhostsmith.servers import apache

_START_S = 10.0
PICTURE = bytes(range(256)) * 64

# As WordPress: one script for every address that is no file, which tells its own address, whether
# it takes the connection for a safe one (wp-includes/load.php, is_ssl), and what was posted.
_FRONT = """<?php
header('Content-Type: application/json');
$ssl = isset($_SERVER['HTTPS']) && strtolower($_SERVER['HTTPS']) === 'on';
if (!$ssl) { header('Location: https://'.$_SERVER['HTTP_HOST'].$_SERVER['REQUEST_URI']); exit; }
echo json_encode([
    'script' => $_SERVER['SCRIPT_NAME'], 'file' => basename($_SERVER['SCRIPT_FILENAME']),
    'address' => $_SERVER['REQUEST_URI'], 'query' => $_GET, 'posted' => $_POST,
    'host' => $_SERVER['HTTP_HOST'],
]);
"""
_FILES = {
    "index.php": _FRONT,
    "wp-login.php": _FRONT,
    "wp-admin/index.php": _FRONT,
    "wp-config.php": "<?php define('DB_PASSWORD', 'secret of the database');\n",
    "wp-content/themes/style.css": "body { margin: 0 }\n",
    ".htaccess": "# BEGIN WordPress\n",
    ".git/config": "[core]\n",
    "wp-content/.env": "PASSWORD=secret\n",
    "readme.html": "<title>blog</title>\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blog:
    """Where its files lie, and the socket of its PHP."""

    docroot: str
    socket: str


@contextlib.contextmanager
def blog() -> Iterator[Blog]:
    """Lay the files out and start PHP; without one the test is skipped."""
    with tempfile.TemporaryDirectory(prefix="blog-") as directory:
        os.chmod(directory, 0o755)
        root = Path(directory, "html")
        for name, text in _FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        uploads = root / "wp-content/uploads/2020/04"
        uploads.mkdir(parents=True)
        (uploads / "04-12 图.png").write_bytes(PICTURE)
        with _php(directory) as listen:
            yield Blog(docroot=str(root), socket=listen)


@contextlib.contextmanager
def _php(directory: str) -> Iterator[str]:
    """Run PHP-FPM in the foreground; yields the socket that it listens on."""
    listen = f"{directory}/php.sock"
    config = Path(directory, "php-fpm.conf")
    config.write_text(
        f"[global]\nerror_log = {directory}/php.log\ndaemonize = no\n"
        f"[blog]\nlisten = {listen}\npm = static\npm.max_children = 2\n{_identity()}"
    )
    with open(f"{directory}/php.stderr", "wb") as said:
        process = subprocess.Popen(
            (_program(), "--nodaemonize", "--fpm-config", str(config), "-n"),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        _await(process, listen, directory)
        yield listen
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def _program() -> str:
    found = sorted(glob.glob("/usr/sbin/php-fpm*"))
    if not found:
        pytest.skip("needs php-fpm, which this machine does not offer")
    return found[-1]


def _identity() -> str:
    """As root, PHP runs as the web servers' user; the embedded nginx, another, may ask it too."""
    if os.geteuid() != 0:
        return ""
    found = pwd.getpwnam(apache.DEBIAN.user)
    return f"user = {found.pw_name}\ngroup = {found.pw_gid}\nlisten.mode = 0666\n"


def _await(process: subprocess.Popen[bytes], path: str, directory: str) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(path)
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(Path(directory, "php.stderr").read_text())
        time.sleep(0.02)
