"""A PHP-FPM of our own on a unix socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from servers.ground import Ground


def find_fpm() -> str | None:
    """Return the newest php-fpm of this machine; its name holds its version."""
    places = (Path("/usr/sbin"), Path("/usr/local/sbin"))
    found = sorted(str(path) for place in places for path in place.glob("php-fpm*"))
    return found[-1] if found else None


@contextlib.contextmanager
def running_fpm(program: str, ground: Ground) -> Iterator[None]:
    """Run two workers that serve the ground's files, without rights where we have some."""
    lines = [
        "[global]",
        f"error_log = {ground.directory}/fpm.log",
        "daemonize = no",
        "[www]",
        f"listen = {ground.php_socket}",
        "listen.mode = 0666",
        "pm = static",
        "pm.max_children = 2",
    ]
    if os.geteuid() == 0:
        user = pwd.getpwnam("www-data")
        lines += [f"user = {user.pw_uid}", f"group = {user.pw_gid}"]
    path = Path(ground.directory, "fpm.conf")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    process = subprocess.Popen(
        (program, "--nodaemonize", "--no-php-ini", "--fpm-config", str(path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_socket(ground.php_socket, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_socket(path: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except OSError:
                time.sleep(0.02)
            else:
                return
    raise AssertionError(f"php-fpm does not listen on {path}; exit code {process.poll()}")
