"""What ``./dev`` says and asks before it does anything."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = ("sh", "cat", "cksum", "dirname", "dpkg-query", "grep", "id", "sed", "apt-get")
APT_LINE = (
    "    apt-get install --no-upgrade --no-install-recommends"
    " apache2 nginx openssl php-fpm python3-venv\n"
)


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a directory that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def programs(place: Path) -> Path:
    """Make a PATH of the programs that every Debian has, without python3."""
    directory = place / "bin"
    directory.mkdir()
    for name in PROGRAMS:
        program = shutil.which(name)
        if program is not None:
            (directory / name).symlink_to(program)
    return directory


@pytest.fixture
def checkout(place: Path) -> Path:
    """Make a checkout in which nothing was done yet."""
    directory = place / "checkout"
    directory.mkdir()
    for name in ("dev", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, directory)
    return directory


def environment(programs: Path, **more: str) -> dict[str, str]:
    """Return an environment in which dpkg knows of no package, so that all are missing."""
    nothing = programs.parent / "dpkg"
    nothing.mkdir()
    (nothing / "status").touch()
    return {"PATH": str(programs), "DPKG_ADMINDIR": str(nothing), **more}


def dev(checkout: Path, *arguments: str, env: dict[str, str]) -> tuple[int, str]:
    """Run it without a terminal; its exit code and what it said."""
    done = subprocess.run(
        (checkout / "dev", *arguments),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_without_a_verb_it_says_what_there_is(checkout: Path, programs: Path) -> None:
    code, said = dev(checkout, env=environment(programs))
    assert [line.split("  ")[0] for line in said.splitlines()[1:]] == [
        "./dev try [OPTION...]",
        "./dev test [--yes] [PYTEST-ARG...]",
        "./dev bench",
    ]
    assert code == 2


def test_without_python_it_names_what_to_install(checkout: Path, programs: Path) -> None:
    code, said = dev(checkout, "try", env=environment(programs))
    assert said == "./dev: no python3 here; as root: apt-get install python3-venv\n"
    assert code == 1


@pytest.mark.needs("mount namespaces", "/usr/bin/python3")
def test_a_python_without_ensurepip_is_told_what_to_install(
    checkout: Path, programs: Path, place: Path
) -> None:
    (programs / "python3").symlink_to("/usr/bin/python3")
    where = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    stdlib = subprocess.run(
        ("/usr/bin/python3", "-c", where), capture_output=True, text=True, check=True
    ).stdout.strip()
    (place / "ensurepip").mkdir()
    hide_and_try = (
        'mount --bind "$1/ensurepip" "$2/ensurepip"; PATH=$1/bin exec "$1/checkout/dev" try'
    )
    done = subprocess.run(
        ("unshare", "--mount", "sh", "-c", hide_and_try, "sh", place, stdlib),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == (
        "./dev: python3 cannot make an environment; as root: apt-get install python3-venv\n"
    )
    assert done.returncode == 1
    assert not (checkout / ".venv").exists()


@pytest.mark.needs("dpkg-query", "apt-get", "root")
def test_without_a_terminal_it_shows_the_apt_line_and_installs_nothing(
    checkout: Path, programs: Path
) -> None:
    code, said = dev(checkout, "test", env=environment(programs))
    assert said == (
        f"Some tests need programs that are not here:\n{APT_LINE}"
        "There is no terminal to ask on; --yes does it.\n"
        "./dev: no python3 here; as root: apt-get install python3-venv\n"
    )
    assert code == 1


@pytest.mark.needs("dpkg-query", "apt-get", "root")
@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"\x04"])
def test_on_a_terminal_it_asks_and_takes_no_for_an_answer(
    checkout: Path, programs: Path, answer: bytes
) -> None:
    keyboard, terminal = pty.openpty()
    os.write(keyboard, answer)
    done = subprocess.run(
        (checkout / "dev", "test"),
        env=environment(programs),
        stdin=terminal,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(keyboard)
    os.close(terminal)
    assert done.stderr == (
        f"Some tests need programs that are not here:\n{APT_LINE}"
        "Install them now? None is started. [y/N] "
        "./dev: no python3 here; as root: apt-get install python3-venv\n"
    )


@pytest.mark.needs("dpkg-query", "apt-get", "root")
@pytest.mark.parametrize(
    ("arguments", "ci"),
    [(["--yes"], ""), ([], "1"), ([], "true")],
    ids=["--yes", "CI=1", "CI=true"],
)
def test_it_installs_without_asking_when_told_to(
    checkout: Path, programs: Path, arguments: list[str], ci: str
) -> None:
    # An apt-get without sources can install nothing: what is seen is that it was asked to.
    place = checkout.parent
    (place / "apt/lists/partial").mkdir(parents=True)
    (place / "apt/archives/partial").mkdir(parents=True)
    (place / "apt.conf").write_text(
        f'Dir::State "{place}/apt"; Dir::State::status "{place}/dpkg/status";\n'
        f'Dir::Cache "{place}/apt"; Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "-";\n'
    )
    env = environment(programs, CI=ci, APT_CONFIG=str(place / "apt.conf"))
    code, said = dev(checkout, "test", *arguments, env=env)
    assert "Unable to locate package apache2\n" in said
    assert said.endswith(
        "Not all of that could be installed.\n"
        "./dev: no python3 here; as root: apt-get install python3-venv\n"
    )
    assert code == 1


@pytest.mark.needs("dpkg-query", "apt-get", "root")
def test_a_user_without_sudo_is_told_that_it_is_roots_to_do(checkout: Path, programs: Path) -> None:
    done = subprocess.run(
        (checkout / "dev", "test", "--yes"),
        env=environment(programs),
        user=65534,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "That is root's to do, and there is no sudo.\n" in done.stderr


def test_ci_runs_what_a_person_runs() -> None:
    run = CHECKOUT / ".ci/run"
    assert run.read_text() == "#!/bin/sh\nCI=1 ./dev test\n"
    assert os.access(run, os.X_OK)
