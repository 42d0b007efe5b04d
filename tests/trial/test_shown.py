"""What a trial prints, and how it ends by itself."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from trial.backends import Backends, closed_port
from trial.desk import Desk, without
from vhostsmith.wire import handshake

Options = tuple[str, ...]


def test_it_prints_where_the_site_is_and_what_was_verified(desk: Desk, server: Options) -> None:
    done = desk.run("try", "--demo", "--once", *server)
    assert done.returncode == 0, done.stderr
    first, second, *checks = done.stdout.splitlines()
    assert re.fullmatch(r"https://demo\.localhost:\d+/  \((Apache|nginx) [\d.]+\)", first)
    sha256 = r"([0-9A-F]{2}:){31}[0-9A-F]{2}"
    assert re.fullmatch(
        rf"certificate  SHA-256 {sha256} \(self-signed, for this trial only\)", second
    )
    assert [line.split()[:2] for line in checks] == [
        ["tls", "ok"],
        ["redirect", "ok"],
        ["page", "ok"],
        ["websocket", "ok"],
    ]
    assert done.stderr == ""
    assert desk.belongings() == []


def test_what_it_says_of_the_site_is_so(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", "app.localhost", *installed) as trial:
        der = handshake(trial.door).certificate_der
        seen = hashlib.sha256(der).hexdigest()
        assert trial.shown["certificate_sha256"].replace(":", "").lower() == seen
        assert trial.ask().status == 200
        assert set(trial.outcomes().values()) == {"pass"}


def test_json_has_the_keys_of_its_reference_and_nothing_else_is_on_stdout(desk: Desk) -> None:
    done = desk.run("try", "--demo", "--once", "--json")
    document = json.loads(done.stdout)
    assert set(document) == {"format", "url", "server", "certificate_sha256", "checks"}
    assert document["format"] == 1
    for check in document["checks"]:
        assert set(check) == {"name", "outcome", "detail", "remedy"}
        assert check["outcome"] == "pass"
    assert done.stderr == ""


def test_a_trial_that_stays_says_how_it_ends(desk: Desk) -> None:
    process = desk.start("try", "--demo")
    assert process.stderr is not None
    with process:
        try:
            assert process.stderr.readline() == b"Ctrl-C ends it. Its error log follows.\n"
        finally:
            process.kill()
    assert desk.left_behind() == []


def test_how_to_get_in_is_said_where_the_name_leads_elsewhere(desk: Desk) -> None:
    with desk.trying("--demo", "app.example.com") as trial:
        said = trial.await_said("does not lead here by itself")
        assert f"curl --insecure --connect-to ::127.0.0.1: {trial.url}" in said
    with desk.trying("--demo", "app.localhost") as trial:
        assert trial.said() == ""


# Exit codes


def test_plain_http_taken_for_tls_fails(desk: Desk, backends: Backends, installed: Options) -> None:
    typed = (f"https://127.0.0.1:{backends.brusque}", "--backend-insecure")
    done = desk.run("try", "a.localhost", *typed, "--once", *installed)
    assert done.returncode == 1, done.stdout
    assert re.search(r"^page +FAILED ", done.stdout, re.MULTILINE)
    assert f"http://127.0.0.1:{backends.brusque}" in done.stdout
    assert desk.belongings() == []


def test_tls_taken_for_plain_http_fails(desk: Desk, backends: Backends, installed: Options) -> None:
    port = str(backends.signed.port)
    done = desk.run("try", "a.localhost", port, "--scheme", "http", "--once", "--json", *installed)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, checks
    assert checks["page"]["outcome"] == "fail"
    assert f"https://127.0.0.1:{port}" in checks["page"]["remedy"]
    assert checks["tls"]["outcome"] == checks["redirect"]["outcome"] == "pass"


def test_a_backend_that_is_down_is_a_warning(desk: Desk, installed: Options) -> None:
    with closed_port() as port:
        done = desk.run("try", "a.localhost", str(port), "--once", *installed)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^page +!! ", done.stdout, re.MULTILINE)
    assert "start the backend" in done.stdout
    assert f"127.0.0.1:{port}" in done.stderr
    assert "taken as http (--scheme decides)" in done.stderr


def test_what_cannot_be_tried_is_refused(desk: Desk) -> None:
    for arguments, code in {
        (): 2,
        ("a.localhost",): 2,
        ("--catch-all",): 2,
        ("a.localhost", "8889", "--demo"): 2,
        ("a.localhost", "--docroot", "/srv", "--demo"): 2,
        ("a b", "--demo"): 2,
        ("a.localhost", "http://127.0.0.1:1", "--facts", "/nonexistent"): 2,
    }.items():
        done = desk.run("try", "--once", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert done.stderr.startswith("vhostsmith: "), arguments
    assert desk.belongings() == []


def test_a_program_that_only_the_facts_know_is_not_run(desk: Desk) -> None:
    program = desk.write("httpd", "#!/bin/sh\necho ran >&2\n", mode=0o755)
    moved = re.sub(r'("binary": )"[^"]*"', rf'\1"{program}"', desk.run("probe").stdout)
    done = desk.run("try", "--demo", "--once", "--facts", desk.write("facts.json", moved))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vhostsmith: {program} is no server of a distribution")
    assert "ran" not in done.stderr.split()


@pytest.mark.needs("mount namespaces")
def test_a_server_that_is_not_here_is_named(desk: Desk, machine_facts: str) -> None:
    for kind, program in {"apache": "/usr/sbin/apache2", "nginx": "/usr/sbin/nginx"}.items():
        typed = ("try", "--demo", "--once", "--server", kind, "--facts", machine_facts)
        done = desk.run(*typed, under=without(program))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"vhostsmith: there is no {program} here")
