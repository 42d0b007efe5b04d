"""Every kind of site can be tried, on every server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from trial.backends import Backends
from trial.desk import Desk, without

Options = tuple[str, ...]
Typed = Callable[[Backends], Options]

# What is typed, and what "page" is then about; a WebSocket is asked for where there is a backend.
PROXIED: dict[str, Typed] = {
    "a bare port": lambda b: (str(b.plain.port),),
    "a bare port that speaks TLS": lambda b: (str(b.signed.port),),
    "an https URL": lambda b: (f"https://127.0.0.1:{b.signed.port}",),
    "a base path": lambda b: (f"http://127.0.0.1:{b.plain.port}/base",),
    "a CA": lambda b: (f"https://127.0.0.1:{b.issued.port}", "--backend-ca", b.ca),
    "an unverified backend": lambda b: (f"https://127.0.0.1:{b.issued.port}", "--backend-insecure"),
    "a unix socket": lambda b: (f"unix:{b.socket.socket_path}",),
    "a sub-path only": lambda b: ("--route", f"/app={b.plain.port}"),
    "a stripped sub-path": lambda b: ("--route", f"/app={b.plain.port}", "--strip"),
    "a sub-path beside the root": lambda b: (str(b.signed.port), "--route", f"/p={b.plain.port}"),
    "two paths of one pinned backend": lambda b: (
        *("--route", f"/a=https://127.0.0.1:{b.signed.port}/x"),
        *("--route", f"/b=https://127.0.0.1:{b.signed.port}/y"),
    ),
    "an alias": lambda b: (str(b.plain.port), "--alias", "b.localhost", "--alias", "*.c.localhost"),
    "rewritten WebSockets": lambda b: (str(b.plain.port), "--websocket", "rewrite"),
    "an allowed network": lambda b: (str(b.plain.port), "--allow", "127.0.0.0/8"),
    "modern TLS": lambda b: (str(b.plain.port), "--tls", "modern"),
}


@pytest.mark.parametrize("typed", PROXIED.values(), ids=PROXIED)
def test_a_proxying_site_passes(
    desk: Desk, backends: Backends, installed: Options, typed: Typed
) -> None:
    done = desk.run("try", "a.localhost", *typed(backends), "--once", "--json", *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {check["name"]: check["outcome"] for check in json.loads(done.stdout)["checks"]}
    passed = dict.fromkeys(("tls", "redirect", "page", "websocket"), "pass")
    assert outcomes == passed, done.stdout
    assert desk.belongings() == []


def test_nobody_can_try_the_same(nobody: Desk, backends: Backends, server: Options) -> None:
    for key in ("a bare port that speaks TLS", "a CA", "a unix socket"):
        typed = PROXIED[key](backends)
        done = nobody.run("try", "a.localhost", *typed, "--once", *server)
        assert done.returncode == 0, f"{key}: {done.stdout}{done.stderr}"
    assert nobody.belongings() == []


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "192.0.2.7", "*.a.localhost", "a.test"])
def test_every_kind_of_name_can_be_tried(desk: Desk, installed: Options, name: str) -> None:
    done = desk.run("try", name, "--demo", "--once", *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    host = f"[{name}]" if ":" in name else name.replace("*", "any")
    assert done.stdout.startswith(f"https://{host}:")
    assert len(re.findall(r" ok ", done.stdout)) == 4


def test_an_alias_answers(desk: Desk, backends: Backends, installed: Options) -> None:
    typed = (str(backends.plain.port), "--alias", "b.localhost")
    with desk.trying("a.localhost", *typed, *installed) as trial:
        assert b"b.localhost" in trial.ask(name="b.localhost").body


def test_the_url_of_a_site_without_a_root_leads_to_its_path(desk: Desk, backends: Backends) -> None:
    with desk.trying("a.localhost", "--route", f"/app={backends.plain.port}") as trial:
        assert trial.url.endswith("/app/")
        assert trial.ask("/app/").status == 200
        assert trial.ask("/").status == 404


@pytest.mark.parametrize("with_php", [False, True], ids=["files", "PHP that does not run"])
def test_a_document_root_shows_its_files(either: Desk, server: Options, *, with_php: bool) -> None:
    either.write("www/index.html", "the page")
    php = ("--php", either.path("nobody-listens.sock")) if with_php else ()
    typed = ("a.localhost", "--docroot", either.path("www"), *php)
    with either.trying(*typed, *server) as trial:
        assert trial.outcomes() == {"tls": "pass", "redirect": "pass", "page": "pass"}
        assert trial.ask().body == b"the page"


def test_a_document_root_that_is_not_there_is_said(desk: Desk) -> None:
    done = desk.run("try", "a.localhost", "--docroot", desk.path("www"), "--once")
    assert f"the document root {desk.path('www')} is not there yet" in done.stderr


def test_a_redirect_leads_where_it_should(desk: Desk, installed: Options) -> None:
    with desk.trying("www.localhost", "--redirect-to", "https://a.test", *installed) as trial:
        assert set(trial.outcomes().values()) == {"pass"}
        answer = trial.ask("/x%2Fy?z")
        assert (answer.status, answer.header("Location")) == (307, "https://a.test/x%2Fy?z")


def test_a_guarded_site_asks_for_a_password_and_passes(
    desk: Desk, backends: Backends, installed: Options
) -> None:
    hashed = subprocess.check_output(("openssl", "passwd", "-apr1", "secret"), text=True)
    users = desk.write("htpasswd", f"user:{hashed}")
    typed = ("a.localhost", str(backends.plain.port), "--basic-auth", users)
    with desk.trying(*typed, *installed) as trial:
        details = {check["name"]: check["detail"] for check in trial.shown["checks"]}
        assert set(trial.outcomes().values()) == {"pass"}
        assert "401, a password is asked for as the site says" in details["page"]
        assert trial.ask().status == 401
        known = ("Authorization", "Basic dXNlcjpzZWNyZXQ=")
        assert trial.ask("/", known).status == 200


def test_a_site_for_others_alone_passes_by_refusing(
    desk: Desk, backends: Backends, installed: Options
) -> None:
    typed = ("a.localhost", str(backends.plain.port), "--allow", "192.0.2.0/24")
    done = desk.run("try", *typed, "--once", *installed)
    assert done.returncode == 0
    assert "403, this address is refused as the site says" in done.stdout


def test_a_site_file_is_tried_with_the_pin_that_it_has(
    desk: Desk, backends: Backends, installed: Options
) -> None:
    port = backends.signed.port
    desk.write("config/sites/a.localhost.toml", SITE.format(port=port))
    done = desk.run("try", "a.localhost", "--once", *installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pinned by SHA-256" in done.stderr, "nothing was pinned yet: what it shows counts"
    desk.write(f"state/backends/a.localhost/127.0.0.1-{port}.pem", backends.pin)
    done = desk.run("try", "a.localhost", "--once", *installed)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    other = Path(backends.ca).read_text()
    desk.write(f"state/backends/a.localhost/127.0.0.1-{port}.pem", other)
    done = desk.run("try", "a.localhost", "--once", *installed)
    assert done.returncode == 1, "another certificate than the pinned one was accepted"


SITE = """\
format = 1
[[route]]
backend = "https://127.0.0.1:{port}"
backend_tls = "pin"
backend_name = "localhost"
"""


@pytest.mark.needs("mount namespaces")
def test_without_a_server_the_embedded_nginx_runs_it(desk: Desk, embedded_facts: str) -> None:
    del embedded_facts  # only that there is one
    under = without("/usr/sbin/apache2", "/usr/sbin/nginx")
    done = desk.run("try", "--demo", "--once", under=under)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "an embedded nginx runs it" in done.stderr
    asked = desk.run("try", "--demo", "--once", "--server", "apache", under=under)
    assert asked.returncode == 1
    assert "apache" in asked.stderr.lower()
    assert desk.belongings() == []
