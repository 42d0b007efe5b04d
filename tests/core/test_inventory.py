"""From options to a site."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vhostsmith import inventory, model
from vhostsmith.backend import Backend, BackendTls, parse_backend
from vhostsmith.errors import InputError
from vhostsmith.names import parse_name

NOTHING: dict[str, Any] = {
    "backend": None,
    "route": (),
    "strip": False,
    "docroot": None,
    "php": None,
    "redirect_to": None,
    "catch_all": False,
    "alias": (),
    "cert": None,
    "key": None,
    "chain": None,
    "acme": False,
    "self_signed": False,
    "tls": "intermediate",
    "hsts": "0",
    "websocket": "auto",
    "max_body": "0",
    "timeout": "3600",
    "allow": (),
    "basic_auth": None,
    "http_port": "80",
    "https_port": "443",
    "file_name": None,
    "backend_ca": None,
    "backend_pin": False,
    "backend_insecure": False,
    "backend_name": None,
}


def site(name: str | None = "jupyter.example.com", **options: Any) -> model.Site:
    asked = NOTHING | ({"backend": "8889"} if name else {}) | options
    texts = [text for _, text in inventory.route_texts(asked["backend"], asked["route"])]
    return inventory.from_options(name, asked, {text: inventory.unasked(text) for text in texts})


def refusal(name: str | None = "jupyter.example.com", **options: Any) -> InputError:
    with pytest.raises(InputError) as refused:
        site(name, **options)
    return refused.value


def test_a_name_and_a_port_are_a_whole_site() -> None:
    assert site() == model.Site(
        name=parse_name("jupyter.example.com"),
        action=model.Proxy(routes=(model.Route(path="/", backend=parse_backend("8889")),)),
        certificate=model.CertificateSource(kind="acme"),
    )


def test_every_option_reaches_the_site() -> None:
    made = site(
        alias=("www.example.com", "*.Example.com"),
        tls="modern",
        hsts="63072000",
        websocket="rewrite",
        max_body="512m",
        timeout="60",
        allow=("192.0.2.0/24", "2001:DB8::1"),
        basic_auth="/etc/htpasswd",
        http_port="8080",
        https_port="8443",
        file_name="jupyter",
        cert="/etc/ssl/cert.pem",
        key="/etc/ssl/key.pem",
    )
    assert [alias.text for alias in made.aliases] == ["www.example.com", "*.example.com"]
    assert made.tls == model.Tls(guideline="modern", hsts_s=63072000)
    assert made.websocket == "rewrite"
    assert made.limits == model.Limits(max_body=512 * 1024**2, timeout_s=60)
    assert made.access == model.Access(
        allow=("192.0.2.0/24", "2001:db8::1"), basic_auth="/etc/htpasswd"
    )
    assert (made.http_port, made.https_port, made.stem) == (8080, 8443, "jupyter")
    assert made.certificate == model.CertificateSource(
        kind="files", cert="/etc/ssl/cert.pem", key="/etc/ssl/key.pem"
    )


def test_routes_keep_or_lose_their_prefix_and_the_root_always_keeps_it() -> None:
    kept = site(route=("/lab=9000", "/a/b/=http://app:1/base"))
    assert [(r.path, str(r.backend), r.prefix) for r in kept.routes] == [
        ("/a/b/", "http://app:1/base", "keep"),
        ("/lab/", "http://127.0.0.1:9000", "keep"),
        ("/", "http://127.0.0.1:8889", "keep"),
    ]
    stripped = site(route=("/lab=9000",), strip=True)
    assert [(r.path, r.prefix) for r in stripped.routes] == [("/lab/", "strip"), ("/", "keep")]


def test_what_the_backends_turned_out_to_be_is_what_the_site_gets() -> None:
    found = Backend(scheme="https", host="127.0.0.1", port=8889, tls=BackendTls(mode="pin"))
    made = inventory.from_options("a.test", NOTHING | {"backend": "8889"}, {"8889": found})
    assert made.routes[0].backend == found


@pytest.mark.parametrize(
    ("name", "options", "action"),
    [
        ("a.test", {"docroot": "/srv/a/"}, model.Docroot(path="/srv/a")),
        (
            "a.test",
            {"docroot": "/srv/a", "php": "/run/php/fpm.sock"},
            model.Docroot(path="/srv/a", php="/run/php/fpm.sock"),
        ),
        (
            "a.test",
            {"docroot": "/srv/a", "php": "unix:/run/php/fpm.sock"},
            model.Docroot(path="/srv/a", php="/run/php/fpm.sock"),
        ),
        ("a.test", {"redirect_to": "https://b.test/"}, model.Redirect(to="https://b.test")),
        (None, {"catch_all": True}, model.Refuse()),
    ],
)
def test_instead_of_a_backend(
    name: str | None, options: dict[str, Any], action: model.Action
) -> None:
    assert site(name, **({"backend": None} | options)).action == action


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("jupyter.example.com", {}, "acme"),
        ("jupyter.example.com", {"self_signed": True}, "self-signed"),
        ("jupyter.localhost", {}, "self-signed"),
        ("jupyter.localhost", {"acme": True}, "acme"),
        ("192.168.1.7", {}, "self-signed"),
        (None, {"catch_all": True}, "self-signed"),
    ],
)
def test_the_certificate_suits_the_name_unless_it_is_chosen(
    name: str | None, options: dict[str, Any], kind: str
) -> None:
    assert site(name, **options).certificate.kind == kind


@pytest.mark.parametrize(
    ("options", "where", "said"),
    [
        ({"backend": None}, None, "a site needs a backend"),
        ({"docroot": "/srv"}, None, "BACKEND or --route and --docroot exclude each other"),
        (
            {"backend": None, "docroot": "/srv", "redirect_to": "https://b.test"},
            None,
            "--docroot and --redirect-to exclude each other",
        ),
        ({"php": "/run/fpm.sock"}, None, "--php needs --docroot"),
        ({"route": ("/lab",)}, "--route", "'/lab' is not /path=BACKEND"),
        ({"route": ("/lab=",)}, "--route", "'/lab=' is not /path=BACKEND"),
        ({"route": ("lab=1",)}, "--route", "'lab' does not begin with '/'"),
        ({"route": ("/=1",)}, None, "two routes for the path '/'"),
        ({"route": ("/a=1", "/a/=2")}, None, "two routes for the path '/a/'"),
        ({"backend": "app"}, "BACKEND", "'app' is not a number"),
        ({"alias": ("a b",)}, "--alias", "the character ' '"),
        ({"hsts": "1y"}, "--hsts", "the lifetime '1y'"),
        ({"timeout": "0"}, "--timeout", "the time-out '0'"),
        ({"max_body": "lots"}, "--max-body", "the size 'lots'"),
        ({"allow": ("192.0.2.7/24",)}, "--allow", "'192.0.2.7/24'"),
        ({"basic_auth": "htpasswd"}, "--basic-auth", "the password file 'htpasswd'"),
        ({"http_port": "0"}, "--http-port", "'0' is not a number"),
        ({"https_port": "x"}, "--https-port", "'x' is not a number"),
        ({"file_name": "../x"}, "--file-name", "'../x'"),
        ({"cert": "/c"}, None, "--cert and --key need each other"),
        ({"key": "/k"}, None, "--cert and --key need each other"),
        ({"cert": "c", "key": "/k"}, "--cert", "the certificate 'c' is not an absolute path"),
        ({"acme": True, "self_signed": True}, None, "exclude each other"),
        ({"cert": "/c", "key": "/k", "acme": True}, None, "exclude each other"),
        ({"chain": "/x"}, "--chain", "neither server takes the chain"),
    ],
)
def test_a_refusal_names_the_option_and_what_is_wrong_with_it(
    options: dict[str, Any], where: str | None, said: str
) -> None:
    refused = refusal(**options)
    assert said in refused.what
    assert refused.where == where


def test_a_refused_name_is_located() -> None:
    assert refusal("a b").where == "NAME"


def test_a_separate_chain_comes_with_the_command_that_joins_it() -> None:
    remedy = refusal(cert="/c.pem", key="/k.pem", chain="/x.pem").remedy
    assert remedy is not None
    assert remedy.startswith("cat /c.pem /x.pem > fullchain.pem")


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        ({}, None),
        ({"backend_ca": "/ca.pem"}, BackendTls(mode="verify", ca="/ca.pem")),
        ({"backend_pin": True}, BackendTls(mode="pin")),
        ({"backend_insecure": True}, BackendTls(mode="insecure")),
        (
            {"backend_pin": True, "backend_name": "App.Internal"},
            BackendTls(mode="pin", name="app.internal"),
        ),
    ],
)
def test_how_https_backends_are_judged_can_be_wished(
    options: dict[str, Any], wish: BackendTls | None
) -> None:
    assert inventory.wished_tls(NOTHING | options) == wish


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend_ca": "/ca", "backend_pin": True}, "exclude each other"),
        ({"backend_pin": True, "backend_insecure": True}, "exclude each other"),
        ({"backend_ca": "ca.pem"}, "the CA file 'ca.pem' is not an absolute path"),
        ({"backend_name": "127.0.0.1"}, "'127.0.0.1' is not a DNS name"),
        ({"backend_name": "*.a.test"}, "'*.a.test' is not a DNS name"),
        ({"backend_name": "a b"}, "the character ' '"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        inventory.wished_tls(NOTHING | options)
