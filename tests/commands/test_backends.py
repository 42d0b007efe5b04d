"""What was left open about a backend is found out by asking it, and said."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.echo import Echo
from trial.backends import Backends, closed_port, context_with, made_by_openssl
from trial.desk import Desk

Options = tuple[str, ...]
APACHE = ("--server", "apache")
NGINX = ("--server", "nginx")
Either = pytest.mark.parametrize("kind", [APACHE, NGINX], ids=["apache", "nginx"])


def target(text: str) -> str:
    """Return the scheme and place that a text sends requests to."""
    found = re.search(r'ProxyPass +"/" "(\w+://[^/"]+)', text)
    if found:
        return found[1]
    scheme, server = re.search(r"proxy_pass (\w+)://", text), re.search(r"  server (\S+);", text)
    assert scheme is not None
    assert server is not None
    return f"{scheme[1]}://{server[1]}"


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Listen, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


# The scheme of a bare port


@Either
def test_a_port_that_speaks_http_is_taken_so_at_once(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    port = backends.plain.port
    started = time.monotonic()
    done = desk.run("render", "a.test", str(port), *kind)
    assert time.monotonic() - started < 2.5, "an answer decides at once"
    assert target(done.stdout) == f"http://127.0.0.1:{port}"
    assert "--scheme" not in done.stderr


@Either
def test_a_port_that_speaks_tls_is_found_and_pinned(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    port = backends.signed.port
    for typed in (str(port), f"localhost:{port}", f"127.0.0.1:{port}"):
        done = desk.run("render", "a.test", typed, *kind)
        assert target(done.stdout) == f"https://127.0.0.1:{port}", typed
        assert f"https://127.0.0.1:{port} is self-signed: pinned by SHA-256" in done.stderr


def test_a_port_that_says_nothing_is_taken_for_http_and_said(desk: Desk) -> None:
    with silent_port() as port:
        started = time.monotonic()
        done = desk.run("render", "a.test", str(port))
        assert 2 <= time.monotonic() - started < 6
    assert target(done.stdout) == f"http://127.0.0.1:{port}"
    assert re.search(rf"^note: .*127\.0\.0\.1:{port}.*taken as http", done.stderr, re.MULTILINE)


def test_a_port_where_nothing_listens_is_taken_for_http_and_said(desk: Desk) -> None:
    with closed_port() as port:
        done = desk.run("render", "a.test", str(port))
    assert target(done.stdout) == f"http://127.0.0.1:{port}"
    note = rf"^note: 127\.0\.0\.1:{port}: .*; taken as http \(--scheme decides\)$"
    assert re.search(note, done.stderr, re.MULTILINE)


def test_a_scheme_that_is_given_is_not_asked_for(desk: Desk) -> None:
    with silent_port() as port:
        started = time.monotonic()
        done = desk.run("render", "a.test", str(port), "--scheme", "http")
        assert time.monotonic() - started < 2
    assert target(done.stdout) == f"http://127.0.0.1:{port}"
    assert "taken as" not in done.stderr


def test_what_is_refused_is_refused_before_anybody_is_asked(desk: Desk, backends: Backends) -> None:
    seen = len(backends.plain.seen)
    for bad in (("--hsts", "x"), ("--alias", "a b"), ("--max-body", "1x"), ("--chain", "/x")):
        done = desk.run("render", "a.test", str(backends.plain.port), *bad)
        assert done.returncode == 2
    assert len(backends.plain.seen) == seen


# Whom to trust


@Either
def test_a_self_signed_backend_is_pinned_and_the_pins_place_is_named(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    url = f"https://127.0.0.1:{backends.signed.port}"
    done = desk.run("render", "a.test", url, *kind)
    place = f"{desk.state}/backends/a.test/127.0.0.1-{backends.signed.port}.pem"
    assert f'"{place}"' in done.stdout
    assert f"{url} is self-signed: pinned by SHA-256 {fingerprint(backends.pin)}" in done.stderr
    assert f"the pin {place} is not there yet" in done.stderr
    document = json.loads(desk.run("render", "a.test", url, *kind, "--json").stdout)
    assert document["pins"] == [
        {
            "backend": url,
            "sha256": fingerprint(backends.pin),
            "file": place,
            "pem": backends.pin,
        }
    ]


def fingerprint(pem: str) -> str:
    said = subprocess.run(
        ("openssl", "x509", "-noout", "-fingerprint", "-sha256"),
        input=pem,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip().partition("=")[2]


@Either
def test_pin_out_writes_what_the_backend_shows_and_the_text_names_it(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    url = f"https://127.0.0.1:{backends.signed.port}"
    done = desk.run("render", "a.test", url, *kind, "--pin-out", "pin.pem", "-o", "a.conf")
    assert (done.returncode, done.stdout) == (0, "")
    pin = Path(desk.path("pin.pem"))
    assert pin.read_text() == backends.pin
    assert pin.stat().st_mode & 0o777 == 0o644
    assert f'"{pin}"' in Path(desk.path("a.conf")).read_text()
    assert "the pin" not in done.stderr
    document = json.loads(
        desk.run("render", "a.test", url, *kind, "--pin-out", str(pin), "--json").stdout
    )
    assert document["pins"][0]["file"] == str(pin)


@Either
def test_what_pin_out_wrote_is_checked_with_the_text(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    port = str(backends.signed.port)
    done = desk.run("render", "a.test", port, *kind, "--pin-out", "pin.pem", "--check")
    assert done.returncode == 0, done.stderr


def test_pin_out_is_for_exactly_one_pin(desk: Desk, backends: Backends) -> None:
    signed, plain = backends.signed.port, backends.plain.port
    with Echo(
        "second", tls=context_with(made_by_openssl(desk.directory, "/CN=localhost"))
    ) as second:
        for typed, count in {
            (f"https://127.0.0.1:{signed}", "--route", f"/b=https://127.0.0.1:{second.port}"): 2,
            (f"http://127.0.0.1:{plain}",): 0,
            (f"https://127.0.0.1:{signed}", "--backend-insecure"): 0,
        }.items():
            done = desk.run("render", "a.test", *typed, "--pin-out", "pin.pem", "-o", "a.conf")
            assert (done.returncode, done.stdout) == (2, "")
            assert f"--pin-out: it writes the one pin of a site, and this one has {count}" in (
                done.stderr
            )
    assert not Path(desk.path("pin.pem")).exists()
    assert not Path(desk.path("a.conf")).exists()


def test_pin_and_text_cannot_be_one_file(desk: Desk, backends: Backends) -> None:
    typed = ("render", "a.test", str(backends.signed.port))
    done = desk.run(*typed, "--pin-out", "one", "-o", f"{desk.directory}/./one")
    assert done.returncode == 2
    assert not Path(desk.path("one")).exists()


@Either
def test_a_certificate_of_an_unknown_authority_is_refused_with_what_can_be_done(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    url = f"https://127.0.0.1:{backends.issued.port}"
    done = desk.run("render", "app.example.com", url, *kind)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"the certificate of {url} is neither self-signed nor a public CA's" in done.stderr
    assert "--backend-ca FILE" in done.stderr
    assert "--backend-insecure" in done.stderr
    pinned = desk.run("render", "app.example.com", url, *kind, "--backend-pin")
    assert (pinned.returncode, pinned.stdout) == (2, "")
    assert "is not self-signed, so it cannot be pinned" in pinned.stderr


@Either
def test_with_the_authority_named_it_is_verified(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    url = f"https://127.0.0.1:{backends.issued.port}"
    done = desk.run("render", "a.test", url, "--backend-ca", backends.ca, *kind)
    assert done.returncode == 0, done.stderr
    assert f'"{backends.ca}"' in done.stdout
    if kind == NGINX:
        assert re.search(r"proxy_ssl_name +localhost;", done.stdout), "it was looked up there"
        named = desk.run(
            *("render", "a.test", url, "--backend-ca", backends.ca, *kind),
            *("--backend-name", "app.example.com"),
        )
        assert re.search(r"proxy_ssl_name +app\.example\.com;", named.stdout)


@Either
def test_a_certificate_of_a_public_authority_is_verified_by_the_public_name(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    facts = facts_with_bundle(desk, backends.ca)
    url = f"https://127.0.0.1:{backends.issued.port}"
    site = ("render", "app.example.com", url, *kind, "--facts", facts)
    done = desk.run(*site)
    assert done.returncode == 0, done.stderr
    assert f'"{backends.ca}"' in done.stdout
    assert "self-signed: pinned" not in done.stderr
    if kind == NGINX:
        assert re.search(r"proxy_ssl_name +app\.example\.com;", done.stdout)
    other = desk.run("render", "other.example.com", url, *kind, "--facts", facts)
    assert other.returncode == 2
    assert "nor a public CA's for other.example.com" in other.stderr
    named = ("--backend-name", "app.example.com")
    told = desk.run("render", "other.example.com", url, *kind, "--facts", facts, *named)
    assert told.returncode == 0, told.stderr
    tried = desk.run("try", *site[1:], "--once")
    assert tried.returncode == 0, tried.stdout


def facts_with_bundle(desk: Desk, path: str) -> str:
    text = re.sub(r'("ca_bundle": )"[^"]*"', rf'\1"{path}"', desk.run("probe").stdout)
    return desk.write("facts.json", text)


def test_a_bundle_of_authorities_that_is_not_there_is_said(desk: Desk, backends: Backends) -> None:
    facts = facts_with_bundle(desk, "/nonexistent/ca.pem")
    url = f"https://127.0.0.1:{backends.issued.port}"
    done = desk.run("render", "app.example.com", url, "--facts", facts)
    assert (done.returncode, done.stdout) == (1, "")
    assert "vhostsmith: /nonexistent/ca.pem: cannot read the public CAs" in done.stderr


@Either
def test_not_to_verify_is_for_this_machine_alone(
    desk: Desk, backends: Backends, kind: Options
) -> None:
    url = f"https://127.0.0.1:{backends.issued.port}"
    done = desk.run("render", "a.test", url, "--backend-insecure", *kind)
    assert done.returncode == 0
    assert f"{url} is not verified: any program of this machine that takes" in done.stderr
    for far in ("https://192.0.2.1:8443", "https://backend.example.com", "https://[2001:db8::1]"):
        done = desk.run("render", "a.test", far, "--backend-insecure", *kind)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is not on this machine, so it cannot go unverified" in done.stderr


def test_wishes_about_tls_are_refused_where_there_is_none(desk: Desk, backends: Backends) -> None:
    url = f"http://127.0.0.1:{backends.plain.port}"
    for wish in (
        ("--backend-pin",),
        ("--backend-insecure",),
        ("--backend-ca", backends.ca),
        ("--backend-name", "localhost"),
    ):
        done = desk.run("render", "a.test", url, *wish)
        assert (done.returncode, done.stdout) == (2, ""), wish
        assert f"{url} does not speak TLS" in done.stderr
    both = desk.run("render", "a.test", url, "--backend-pin", "--backend-insecure")
    assert both.returncode == 2
