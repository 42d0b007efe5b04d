"""Runs commands as root on a stock Debian server that nobody else sees, then looks as a client.

Started in namespaces of its own by test_readme.py; the arguments are the command that starts the
server, the one that stops it, and those between.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vhostsmith.demo import start_demo
from vhostsmith.report import Check
from vhostsmith.verify import FrontDoor, verify
from vhostsmith.wire import Door, fingerprint

OVERLAID = ("/etc", "/var/lib", "/var/log")


def main(start: str, stop: str, *commands: str) -> None:
    make_private()
    run(start)
    with start_demo(8889):
        for command in commands:
            run(command)
        checks = look()
        deadline = time.monotonic() + 5  # an old worker may answer for a moment after a reload
        while any(c.outcome != "pass" for c in checks) and time.monotonic() < deadline:
            time.sleep(0.2)
            checks = look()
    for check in checks:
        print(check.name, check.outcome, check.detail)
    run(stop)
    sys.exit(any(check.outcome != "pass" for check in checks))


def look() -> tuple[Check, ...]:
    made = Path("/var/lib/vhostsmith/live/jupyter.example.com/cert.pem").read_text("ascii")
    return verify(
        FrontDoor(address="127.0.0.1", http_port=80, https_port=443, name="jupyter.example.com"),
        Door(address="127.0.0.1", port=8889),
        fingerprint=fingerprint(ssl.PEM_cert_to_DER_cert(made)),
        redirect_status=307,
        websocket_path="/ws",
    )


def make_private() -> None:
    """Lay a writable layer over the directories that the commands change; nothing of it stays."""
    layers = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layers], check=True)
    for number, directory in enumerate(OVERLAID):
        upper, work = layers / f"{number}-upper", layers / f"{number}-work"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={directory},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, directory], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    Path("/run/lock").mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    Path("/etc/apache2/conf-enabled/name.conf").write_text("ServerName machine.invalid\n", "utf-8")


def run(command: str) -> None:
    print("$", command, flush=True)
    subprocess.run(command, shell=True, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
