"""``render --check``: the text runs before anybody installs it; a fault is shown where it is."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.inside import run_inside
from trial.desk import Desk, without
from trial.terminal import terminal
from vhostsmith.operations import load
from vhostsmith.servers.base import Kind

Options = tuple[str, ...]
Typed = Callable[[Desk], Options]
BACKEND = "http://127.0.0.1:1"

KINDS: dict[str, Typed] = {
    "a backend": lambda _: ("a.example.com", BACKEND),
    "a verified backend": lambda d: (
        *("a.example.com", "https://127.0.0.1:1", "--backend-name", "localhost"),
        *("--backend-ca", d.write("ca.pem", certificate())),
    ),
    "a pin that nobody has seen": lambda _: (
        *("a.example.com", "https://127.0.0.1:1", "--backend-name", "localhost"),
    ),
    "an unverified backend": lambda _: (
        *("a.example.com", "https://127.0.0.1:1", "--backend-insecure"),
    ),
    "a unix socket": lambda _: ("a.example.com", "unix:/run/app.sock"),
    "paths": lambda _: (
        *("a.example.com", "--route", f"/a={BACKEND}", "--route", "/b=unix:/run/b.sock"),
        *("--route", "/b/c=http://127.0.0.1:2/base", "--strip"),
    ),
    "names": lambda _: ("*.example.com", BACKEND, "--alias", "example.com", "--alias", "bücher.de"),
    "an IPv4 address": lambda _: ("192.0.2.1", BACKEND),
    "an IPv6 address": lambda _: ("2001:db8::1", BACKEND),
    "a document root": lambda d: ("a.example.com", "--docroot", d.path("www")),
    "PHP": lambda d: ("a.example.com", "--docroot", d.path("www"), "--php", "/run/php.sock"),
    "a redirect": lambda _: ("a.example.com", "--redirect-to", "https://www.example.com/x"),
    "the catch-all": lambda _: ("--catch-all",),
    "guards": lambda d: (
        *("a.example.com", BACKEND, "--basic-auth", d.path("users"), "--allow", "192.0.2.0/24"),
        *("--allow", "2001:db8::/32"),
    ),
    "limits": lambda _: ("a.example.com", BACKEND, "--max-body", "20m", "--timeout", "90"),
    "HSTS and modern TLS": lambda _: (
        *("a.example.com", BACKEND, "--hsts", "63072000", "--tls", "modern", "--acme"),
    ),
    "rewritten WebSockets": lambda _: ("a.example.com", BACKEND, "--websocket", "rewrite"),
    "no WebSockets": lambda _: ("a.example.com", BACKEND, "--websocket", "off"),
    "other ports": lambda _: ("a.example.com", BACKEND, "--http-port", "8", "--https-port", "44"),
}


def certificate(*more: str) -> str:
    """Let openssl make a self-signed certificate, with its key behind it."""
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    made = subprocess.run(
        (*command, *more, "-keyout", "-", "-out", "-"), capture_output=True, text=True, check=True
    )
    return made.stdout


@pytest.mark.parametrize("typed", KINDS.values(), ids=KINDS)
def test_every_kind_of_site_passes_and_is_printed(
    desk: Desk, installed: Options, typed: Typed
) -> None:
    assert_passes(desk, ("render", *typed(desk), *installed))


@pytest.mark.parametrize("key", ["a verified backend", "paths", "names", "PHP", "the catch-all"])
def test_the_embedded_nginx_can_check_too(desk: Desk, embedded_facts: str, key: str) -> None:
    assert_passes(desk, ("render", *KINDS[key](desk), "--facts", embedded_facts))


def assert_passes(desk: Desk, arguments: Options) -> None:
    checked = desk.run(*arguments, "--check")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == run_inside(arguments, desk.environment).out != ""
    said = checked.stderr.splitlines()[-1]
    assert re.fullmatch(r"note: checked: (Apache|nginx) [\d.]+ runs it on a private server", said)
    assert desk.belongings() == []


@pytest.mark.parametrize(
    "key", ["a backend", "a verified backend", "paths", "PHP", "the catch-all"]
)
def test_nobody_can_check_too(nobody: Desk, installed: Options, key: str) -> None:
    done = nobody.run("render", *KINDS[key](nobody), *installed, "--check")
    assert done.returncode == 0, done.stderr
    assert "runs it on a private server" in done.stderr
    assert nobody.belongings() == []


# Faults


@pytest.mark.needs("apache2")
@pytest.mark.parametrize(
    ("who", "more"), [("stdout", ()), ("-o", ("--explain",)), ("--json", ("--explain",))]
)
def test_a_fault_is_shown_with_its_line_in_what_would_be_printed(
    either: Desk, who: str, more: Options
) -> None:
    own_template(either, "apache/partials/headers.conf.j2", "    Nonsense on\n")
    arguments = ("render", "a.example.com", BACKEND, "--server", "apache", *more)
    output = either.path("site.conf")
    how = {"--json": ("--json",), "-o": ("-o", output), "stdout": ()}[who]
    done = either.run(*arguments, *how, "--check")
    assert (done.returncode, done.stdout) == (1, "")
    file = output if who == "-o" else "a.example.com.conf"
    text = either.run(*arguments).stdout
    line = text.splitlines().index("    Nonsense on") + 1
    assert f"vhostsmith: {file}:{line}: the server refuses it: Invalid command 'Nonsense'" in (
        done.stderr
    )
    assert "\n  that line is: Nonsense on\n" in done.stderr
    assert not Path(output).exists(), "what does not run was written"
    assert either.belongings() == []


@pytest.mark.parametrize("more", [(), ("--explain",)], ids=["plain", "explained"])
@pytest.mark.parametrize("kind", ["nginx", "embedded"])
def test_a_fault_for_nginx_is_shown_with_its_line(
    either: Desk, request: pytest.FixtureRequest, kind: str, more: Options
) -> None:
    if kind == "embedded":
        chosen: Options = ("--facts", request.getfixturevalue("embedded_facts"))
    else:
        chosen = ("--server", "nginx")
    own_template(either, "nginx/partials/headers.conf.j2", "        nonsense on;\n")
    arguments = ("render", "a.example.com", BACKEND, *chosen, *more)
    done = either.run(*arguments, "--check")
    assert (done.returncode, done.stdout) == (1, "")
    line = either.run(*arguments).stdout.splitlines().index("        nonsense on;") + 1
    where = f"vhostsmith: a.example.com.conf:{line}: the server refuses it: "
    assert f'{where}[emerg] unknown directive "nonsense"\n' in done.stderr


def own_template(desk: Desk, name: str, more: str) -> None:
    """Give the account a template of its own: the packaged one with something behind it."""
    kind: Kind = "apache" if name.startswith("apache") else "nginx"
    nowhere = load.Directories(config="/nonexistent", state="/nonexistent")
    packaged = load.template_sources(nowhere, kind)[name][1]
    desk.write(f"config/templates/{name}", packaged + more)


@pytest.mark.needs("nginx")
def test_a_host_that_is_not_there_is_found_out_before_nginx_does_not_start(desk: Desk) -> None:
    done = desk.run(
        *("render", "a.example.com", "http://nowhere.invalid:80", "--server", "nginx", "--check"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(
        r"^vhostsmith: a\.example\.com\.conf:\d+: the server refuses it:"
        r' \[emerg\] host not found in upstream "nowhere\.invalid:80"\n'
        r"  that line is: server nowhere\.invalid:80;\n",
        done.stderr,
        re.MULTILINE,
    ), done.stderr


@pytest.mark.needs("apache2")
def test_a_module_that_is_not_installed_is_found_out(desk: Desk) -> None:
    document = json.loads(desk.run("probe").stdout)
    (apache,) = (each for each in document["servers"] if each["kind"] == "apache")
    apache["available"].remove("headers")
    facts = desk.write("facts.json", json.dumps(document))
    arguments = ("render", "a.example.com", BACKEND, "--server", "apache", "--facts", facts)
    done = desk.run(*arguments, "--check")
    assert done.returncode == 1
    assert "the server refuses it: Invalid command 'RequestHeader'" in done.stderr
    assert re.search(r"a\.example\.com\.conf:\d+: ", done.stderr)


@pytest.mark.needs("apache2", "mount namespaces")
def test_a_module_whose_file_is_broken_is_named(desk: Desk, machine_facts: str) -> None:
    arguments = ("render", "a.example.com", BACKEND, "--server", "apache", "--facts", machine_facts)
    module = "/usr/lib/apache2/modules/mod_headers.so"
    done = desk.run(*arguments, "--check", under=without(module))
    assert (done.returncode, done.stdout) == (1, "")
    assert "vhostsmith: a.example.com.conf: the server refuses it: " in done.stderr
    assert f"Cannot load {module}" in done.stderr


def test_a_program_that_only_the_facts_know_cannot_check(desk: Desk, server: Options) -> None:
    facts = Path(server[1]).read_text()
    moved = re.sub(r'("binary": )"[^"]*"', r'\1"/bin/true"', facts)
    chosen = ("--facts", desk.write("facts.json", moved), *server[2:])
    done = desk.run("render", "a.example.com", BACKEND, *chosen, "--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/bin/true is no server of a distribution that is known here" in done.stderr
    assert desk.run("render", "a.example.com", BACKEND, *chosen).returncode == 0


@pytest.mark.needs("mount namespaces")
def test_a_server_that_is_not_here_cannot_check(desk: Desk, installed: Options) -> None:
    program = "/usr/sbin/apache2" if "apache" in installed else "/usr/sbin/nginx"
    typed = ("render", "a.example.com", BACKEND, *installed)
    done = desk.run(*typed, "--check", under=without(program))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no {program} here to run the text with" in done.stderr
    assert desk.run(*typed, under=without(program)).returncode == 0


def test_a_key_of_another_certificate_is_found_out(desk: Desk, installed: Options) -> None:
    names = ("-addext", "subjectAltName=DNS:a.example.com")
    files = [desk.write(f"{n}.pem", certificate(*names), mode=0o600) for n in ("one", "two")]
    typed = ("render", "a.example.com", BACKEND, *installed, "--check", "--cert", files[0])
    done = desk.run(*typed, "--key", files[1])
    assert (done.returncode, done.stdout) == (1, "")
    assert f"vhostsmith: {files[1]}: this is not the key of the certificate" in done.stderr
    done = desk.run(*typed, "--key", files[0])
    assert done.returncode == 0, done.stderr


def test_a_backend_ca_that_is_none_is_found_out(desk: Desk, installed: Options) -> None:
    garbage = desk.write("ca.pem", "no certificate")
    typed = ("a.example.com", "https://127.0.0.1:1", "--backend-name", "localhost")
    done = desk.run("render", *typed, "--backend-ca", garbage, *installed, "--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the server refuses it: " in done.stderr
    gone = desk.run("render", *typed, "--backend-ca", desk.path("gone"), *installed, "--check")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert f"{desk.path('gone')}: cannot read the CA file" in gone.stderr


# Interruptions


def test_ctrl_c_interrupts_it_and_nothing_stays(desk: Desk) -> None:
    os.mkfifo(desk.path("ca.pem"))  # to read it takes for ever
    typed = ("https://127.0.0.1:1", "--backend-ca", desk.path("ca.pem"), "--server", "apache")
    with terminal(desk, "render", "a.example.com", *typed, "--check") as screen:
        while not os.listdir(desk.tmp):
            assert screen.process.poll() is None
            time.sleep(0.01)
        screen.type(b"\x03")
        assert screen.wait() == 130
    assert desk.left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_at_any_moment_leaves_nothing(
    desk: Desk, installed: Options, number: signal.Signals
) -> None:
    for step in range(5):
        process = desk.start("render", "a.example.com", BACKEND, *installed, "--check")
        time.sleep(0.05 + step * 0.03)
        process.send_signal(number)
        process.communicate()
        assert process.returncode in {-number, 0}
        assert desk.left_behind() == []


@pytest.mark.needs("mount namespaces")
def test_a_full_disk_is_said(desk: Desk, installed: Options) -> None:
    script = 'mount -t tmpfs -o size=4k,mode=1777 none "$TMPDIR" && exec "$@"'
    under = ("unshare", "--mount", "sh", "-c", script, "sh")
    done = desk.run("render", "a.example.com", BACKEND, *installed, "--check", under=under)
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device" in done.stderr
    assert "a defect of" not in done.stderr
