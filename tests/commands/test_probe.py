"""``probe``: what it says of this machine is so, and ``render --facts`` does as well with it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trial.desk import Desk


def facts_of(desk: Desk, kind: str) -> dict[str, Any]:
    document = json.loads(desk.run("probe").stdout)
    (found,) = (each for each in document["servers"] if each["kind"] == kind)
    return dict(found)


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@pytest.mark.needs("apache2")
def test_it_is_right_about_apache(either: Desk) -> None:
    facts = facts_of(either, "apache")
    version = re.search(r"Apache/([\d.]+)", output_of("/usr/sbin/apache2ctl", "-v"))
    assert version is not None
    assert facts["version"] == version[1]
    loaded = output_of("/usr/sbin/apache2ctl", "-M")
    assert set(facts["modules"]) == set(re.findall(r"^ (\w+)_module \(", loaded, re.MULTILINE))
    assert f"mpm_{facts['mpm']}" in facts["modules"]
    files = Path(facts["layout"]["modules"]).glob("mod_*.so")
    assert set(facts["available"]) == {path.stem.removeprefix("mod_") for path in files}


@pytest.mark.needs("nginx")
def test_it_is_right_about_nginx(either: Desk) -> None:
    facts = facts_of(either, "nginx")
    said = output_of("/usr/sbin/nginx", "-V")
    version = re.search(r"nginx/([\d.]+)", said)
    assert version is not None
    assert facts["version"] == version[1]
    for module in facts["modules"]:
        assert f"--with-{module}_module" in said
    assert ("http_v2" in facts["modules"]) is ("--with-http_v2_module" in said)
    libraries = re.findall(r"OpenSSL ([\d.]+)", said)
    assert facts["openssl"] == libraries[-1], "the one that it runs with counts"


def test_it_is_right_about_the_kernel_and_the_files(desk: Desk) -> None:
    for facts in json.loads(desk.run("probe").stdout)["servers"]:
        assert facts["ipv6"] is bool(Path("/proc/net/if_inet6").read_text())
        assert Path(facts["layout"]["binary"]).is_file()
        assert Path(facts["layout"]["sites"]).is_dir()
        assert Path(facts["layout"]["ca_bundle"]).is_file()
        assert facts["layout"]["proven"] is True


def test_nobody_gets_the_same_answer(desk: Desk, nobody: Desk) -> None:
    ours, theirs = desk.run("probe"), nobody.run("probe")
    assert (theirs.returncode, theirs.stderr) == (0, "")
    assert json.loads(theirs.stdout)["servers"] == json.loads(ours.stdout)["servers"]


@pytest.mark.parametrize("kind", ["apache", "nginx"])
@pytest.mark.parametrize(
    "typed",
    [
        ("a.example.com", "http://127.0.0.1:1"),
        ("a.example.com", "--docroot", "/srv", "--php", "/run/php.sock"),
        ("--catch-all",),
    ],
    ids=["backend", "docroot", "catch-all"],
)
def test_its_facts_make_the_same_text_and_notes(
    desk: Desk, kind: str, typed: tuple[str, ...]
) -> None:
    facts = desk.write("facts.json", desk.run("probe", "--json").stdout)
    here = desk.run("render", *typed, "--server", kind)
    there = desk.run("render", *typed, "--server", kind, "--facts", facts)
    assert here.returncode == there.returncode == 0
    assert (there.stdout, there.stderr) == (here.stdout, here.stderr)


@pytest.mark.needs("mount namespaces", "nginx")
def test_who_listens_is_found_and_decides(desk: Desk) -> None:
    """Only nginx listens on 80, in a network of its own; else Apache would come first."""
    config = desk.write(
        "nginx.conf",
        f"pid {desk.path('pid')}; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {desk.path('t1')};"
        f" proxy_temp_path {desk.path('t2')}; fastcgi_temp_path {desk.path('t3')};"
        f" uwsgi_temp_path {desk.path('t4')}; scgi_temp_path {desk.path('t5')};"
        " server { listen 127.0.0.1:80; } }\n",
    )
    script = f"""
        ip link set lo up 2>/dev/null
        nginx -e stderr -p {desk.directory} -c {config} || exit 9
        "$@"
        code=$?
        kill "$(cat {desk.path("pid")})"
        exit "$code"
    """
    under = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
    shell = (*under, "sh", "-c", script, "sh")
    probed = desk.run("probe", under=shell)
    assert probed.returncode == 0, probed.stderr
    assert json.loads(probed.stdout)["listening"] == "nginx"
    rendered = desk.run("render", "a.example.com", "http://127.0.0.1:1", under=shell)
    assert rendered.stdout.count("proxy_pass ") == 1, rendered.stderr
    facts = desk.write("facts.json", probed.stdout)
    elsewhere = desk.run("render", "a.example.com", "http://127.0.0.1:1", "--facts", facts)
    assert elsewhere.stdout == rendered.stdout


GARBAGE = {
    "nothing": "",
    "no JSON": "<html>",
    "a number": "1",
    "null": "null",
    "a list": "[]",
    "no format": "{}",
    "another format": '{"format": 2, "servers": []}',
    "no list": '{"format": 1, "servers": {}}',
    "no table": '{"format": 1, "servers": [1]}',
    "an empty table": '{"format": 1, "servers": [{}]}',
    "nobody": '{"format": 1, "servers": []}',
    "a strange listener": '{"format": 1, "servers": [], "listening": ["x"]}',
    "deep": "[" * 100_000,
    "a huge number": '{"format": ' + "9" * 5000 + "}",
    "NaN": '{"format": NaN}',
}


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE)
def test_facts_that_are_none_are_refused(desk: Desk, text: str) -> None:
    facts = desk.write("facts.json", text)
    done = desk.run("render", "a.test", "http://127.0.0.1:1", "--facts", facts)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"vhostsmith: {facts}: "), done.stderr


def test_facts_with_a_wrong_value_are_refused_wherever_it_stands(desk: Desk) -> None:
    document = json.loads(desk.run("probe").stdout)
    places = [(number, key) for number, s in enumerate(document["servers"]) for key in s]
    assert len(places) >= 9
    for number, key in places:
        for wrong in (17, [17], {"x": 17}, "a\nb"):
            changed = json.loads(json.dumps(document))
            changed["servers"][number][key] = wrong
            facts = desk.write("facts.json", json.dumps(changed))
            code, said = in_process("render", "a.test", "http://127.0.0.1:1", "--facts", facts)
            assert code == 2, (key, wrong, said)
            assert said.startswith(f"vhostsmith: {facts}: "), (key, wrong, said)


def in_process(*arguments: str) -> tuple[int, str]:
    """Run the command line in this process; returns its code and what it said on stderr."""
    from commands.inside import run_inside

    done = run_inside(arguments)
    return done.code, done.err


@pytest.mark.parametrize("name", ["gone", "directory", "/dev/null", "/proc/self/mem", "binary"])
def test_facts_that_cannot_be_read_are_refused(desk: Desk, name: str) -> None:
    Path(desk.path("directory")).mkdir()
    desk.write("binary", bytes(range(256)))
    path = name if name.startswith("/") else desk.path(name)
    done = desk.run("render", "a.test", "http://127.0.0.1:1", "--facts", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"vhostsmith: {path}: ")
