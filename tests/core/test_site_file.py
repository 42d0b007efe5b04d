"""``sites/NAME.toml``: what it may say, and that a mistake is found where it stands."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhostsmith import model, site_file
from vhostsmith.backend import BackendTls, parse_backend
from vhostsmith.errors import InputError
from vhostsmith.names import parse_name
from vhostsmith.site_file import SiteFile, load

NAME = parse_name("jupyter.example.com")
WHOLE = """\
format = 1
server = "nginx"
aliases = ["www.example.com"]
file_name = "jupyter"
websocket = "native"
certificate = { source = "files", cert = "/etc/ssl/cert.pem", key = "/etc/ssl/key.pem" }
tls = { guideline = "modern", hsts_s = 63072000 }
limits = { max_body = "512m", timeout_s = 60 }
access = { allow = ["192.0.2.0/24"], basic_auth = "/etc/htpasswd" }
listen = { http_port = 8080, https_port = 8443 }
[[route]]
backend = "https://127.0.0.1:8889"
backend_tls = "pin"
backend_name = "localhost"
[[route]]
path = "/lab"
backend = "http://app:9000/base"
prefix = "strip"
"""
SMALLEST = 'format = 1\n[[route]]\nbackend = "http://127.0.0.1:8889"\n'


def parse(text: str) -> SiteFile:
    return load(NAME, text, file="jupyter.toml")


def refusal(text: str) -> InputError:
    with pytest.raises(InputError) as refused:
        parse(text)
    return refused.value


def test_a_whole_file_is_a_whole_site() -> None:
    lab = model.Route(path="/lab/", backend=parse_backend("http://app:9000/base"), prefix="strip")
    parsed = parse(WHOLE)
    assert parsed.server == "nginx"
    site = parsed.site
    assert [name.text for name in site.names] == ["jupyter.example.com", "www.example.com"]
    assert site.routes[0] == lab
    assert str(site.routes[1].backend) == "https://127.0.0.1:8889"
    assert site.routes[1].backend.tls == BackendTls(mode="pin", name="localhost")
    assert site.certificate == model.CertificateSource(
        kind="files", cert="/etc/ssl/cert.pem", key="/etc/ssl/key.pem"
    )
    assert site.tls == model.Tls(guideline="modern", hsts_s=63072000)
    assert site.limits == model.Limits(max_body=512 * 1024**2, timeout_s=60)
    assert site.access == model.Access(allow=("192.0.2.0/24",), basic_auth="/etc/htpasswd")
    assert (site.http_port, site.https_port) == (8080, 8443)
    assert (site.websocket, site.stem) == ("native", "jupyter")


def test_what_is_left_out_is_as_usual() -> None:
    parsed = parse(SMALLEST)
    assert parsed == SiteFile(
        site=model.Site(
            name=NAME,
            action=model.Proxy(
                routes=(model.Route(path="/", backend=parse_backend("http://127.0.0.1:8889")),)
            ),
            certificate=model.CertificateSource(kind="acme"),
        ),
        server=None,
    )


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('docroot = { path = "/srv/a" }', model.Docroot(path="/srv/a")),
        (
            'docroot = { path = "/srv/a", php = "/run/fpm.sock" }',
            model.Docroot(path="/srv/a", php="/run/fpm.sock"),
        ),
        ('redirect = "https://www.example.com"', model.Redirect(to="https://www.example.com")),
    ],
)
def test_instead_of_routes(text: str, action: model.Action) -> None:
    assert parse(f"format = 1\n{text}").site.action == action


def test_the_catch_all_is_a_file_too() -> None:
    parsed = load(parse_name("_"), "format = 1\nrefuse = true", file="000-catch-all.toml")
    assert parsed.site.action == model.Refuse()
    assert parsed.site.certificate.kind == "self-signed"


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("format = 1", "format = 2", ":1", "written for format 2, this version knows 1"),
        ("format = 1", "", ":1", "'format' is missing"),
        ("format = 1", "format = true", ":1", "'format' is missing or no number"),
        ('server = "nginx"', 'server = "caddy"', ":2", "'server' is 'caddy', not one of 'apache'"),
        ("aliases", "alias", ":3", "the key 'alias' is not known"),
        ('["www.example.com"]', '"www.example.com"', ":3", "'aliases' is not a list of texts"),
        ('["www.example.com"]', '["a b"]', ":3", "the character ' '"),
        ('["www.example.com"]', '["jupyter.example.com"]', "", "stands twice"),
        ('"jupyter"', '"../x"', ":4", "the file name '../x'"),
        ('"native"', '"maybe"', ":5", "'websocket' is 'maybe', not one of"),
        ('source = "files"', 'source = "acme"', ":6", "'cert' and 'key' need source"),
        ('"/etc/ssl/key.pem"', '"key.pem"', ":6", "the key 'key.pem' is not an absolute path"),
        (', key = "/etc/ssl/key.pem"', "", "", "the key 'key' is missing"),
        ("guideline", "guidline", ":7", "the key 'guidline' is not known"),
        ('"modern"', '"old"', ":7", "'guideline' is 'old'"),
        ("63072000", '"two years"', ":7", "the hsts_s 'two years'"),
        ('"512m"', '"lots"', ":8", "the size 'lots'"),
        ("timeout_s = 60", "timeout_s = 0", ":8", "the timeout_s 0"),
        ("timeout_s = 60", "timeout_s = true", ":8", "the timeout_s True"),
        ('["192.0.2.0/24"]', '["192.0.2.1/24"]', ":9", "'192.0.2.1/24'"),
        ('"/etc/htpasswd"', "7", ":9", "'basic_auth' is not a text"),
        ("8443", "443000", ":10", "443000"),
        ("8443", "8080", "", "cannot share the port 8080"),
        ("listen = {", "listen = 1 #", ":10", "'listen' is not a table"),
        ("127.0.0.1:8889", "0.0.0.0:8889", ":12", "nobody can be reached at 0.0.0.0"),
        ("https://127.0.0.1:8889", "8889", ":12", "names no scheme"),
        ('"pin"', '"pinned"', ":13", "'backend_tls' is 'pinned'"),
        ('backend_name = "localhost"', 'backend_name = "::1"', ":14", "'::1' is not a DNS name"),
        ("https://127.0.0.1:8889", "http://127.0.0.1:8889", ":12", "does not speak TLS"),
        ('"/lab"', '"/a b"', ":16", "' ' stands in it"),
        ('path = "/lab"', 'paht = "/lab"', ":16", "the key 'paht' is not known"),
        ('"/lab"', '"/"', "", "two routes for the path '/'"),
        ("http://app:9000/base", "http://app:9000/?", ":17", "a query or a fragment"),
        ('"strip"', '"drop"', ":18", "'prefix' is 'drop'"),
        ('"strip"', '"strip', ":18", "not TOML"),
    ],
)
def test_a_mistake_is_found_on_its_line(old: str, new: str, where: str, said: str) -> None:
    assert WHOLE.count(old) == 1
    refused = refusal(WHOLE.replace(old, new))
    assert said in refused.what
    assert refused.where == f"jupyter.toml{where}"
    assert refused.exit_code == 2


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("limits.max_body = 'lots'", ":2", "the size 'lots'"),
        ("[limits]\n  'max_body' = 'lots'", ":3", "the size 'lots'"),
        ("limits = { timeout_s = 1, max_body = 'lots' }", ":2", "the size 'lots'"),
        ("[tls]\n# hsts_s = 1\nhsts_s = -1", ":4", "the hsts_s -1"),
        ("tls.guidline = 'modern'", ":2", "the key 'guidline' is not known"),
        ("[[route]]\npath = '/b'\nbackend = 'x'", ":4", "'x' is not a number"),
        (
            "route = [{ backend = 'http://b:1' },\n{ path = 'c', backend = 'http://b:1' }]",
            ":3",
            "'c'",
        ),
        ("[[route]]\nbackend = 'http://b:1'\n[[route]]\nbackend = 'http://'", ":5", "'http://'"),
    ],
)
def test_a_mistake_is_found_however_the_key_is_written(text: str, where: str, said: str) -> None:
    rest = "" if "route" in text else "\n[[route]]\nbackend = 'http://a:1'"
    refused = refusal(f"format = 1\n{text}{rest}")
    assert said in refused.what
    assert refused.where == f"jupyter.toml{where}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = 1", "a site has exactly one of"),
        ("format = 1\nredirect = 'https://a.test'\nrefuse = true", "a site has exactly one of"),
        ("format = 1\nrefuse = false", "'refuse' can only be true"),
        ("format = 1\nroute = 'x'", "a route is written [[route]]"),
        ("format = 1\nroute = ['x']", "a route is written [[route]]"),
        ("format = 1\nroute = []", "a site needs a backend"),
        ("format = 1\n[[route]]\npath = '/'", "the key 'backend' is missing"),
        ("format = 1\n[[route]]\nbackend = 8889", "'backend' is not a text"),
        ("format = 1\ndocroot = '/srv'", "'docroot' is not a table"),
        ("format = 1\n[docroot]\nphp = '/run/a'", "the key 'path' is missing"),
        ("format = 1\nredirect = 'https://jupyter.example.com'", "would never end"),
        (
            "format = 1\n[[route]]\nbackend = 'https://a:1'\nbackend_tls = 'insecure'",
            "is not on this machine",
        ),
        ("format = 1\nx = " + "[" * 5000, "not TOML"),
        ("format = 1\nx = " + "9" * 5000, "not TOML"),
        ("format = 1\nx = 0x" + "f" * 5000, "not TOML: a number of more than 64 bits"),
        ("format = 1\nformat = 1", "not TOML"),
        ("", "'format' is missing"),
    ],
)
def test_a_file_that_is_no_site_says_why(text: str, said: str) -> None:
    refused = refusal(text)
    assert said in refused.what
    assert (refused.where or "").startswith("jupyter.toml")


def test_an_unknown_key_comes_with_the_nearest_known_one() -> None:
    assert refusal(WHOLE.replace("guideline", "guidline")).remedy == "did you mean 'guideline'?"
    assert "known: guideline, hsts_s" in (refusal(WHOLE.replace("hsts_s", "q")).remedy or "")


def test_of_several_unknown_keys_the_same_is_always_named() -> None:
    for _ in range(5):
        assert "'b_key'" in refusal("format = 1\nd_key = 1\nb_key = 1\nc_key = 1").what


TOML_VALUES = st.sampled_from(
    [
        *("true", "1", "-1", "1.5", "nan", "0xffff", "1979-05-27", "07:32:00"),
        *("''", "'x'", "'/'", "'https://a.test'", "'http://a:1'"),
        *("[]", "{}", "['x']", "[[1]]", "[{}]", "{ path = 1 }"),
    ]
)
KEYS = st.sampled_from(
    [
        *sorted(site_file._KEYS[""]),
        *(f"{table}.{key}" for table, keys in site_file._KEYS.items() if table for key in keys),
    ]
)


@given(st.dictionaries(KEYS, TOML_VALUES, max_size=6))
def test_nothing_but_a_refusal_comes_of_values_in_the_wrong_place(values: dict[str, Any]) -> None:
    text = "format = 1\n" + "\n".join(f"{key} = {value}" for key, value in values.items())
    with contextlib.suppress(InputError):
        assert parse(text).site.name == NAME


@given(st.text())
def test_nothing_but_a_refusal_comes_of_any_text(text: str) -> None:
    with contextlib.suppress(InputError):
        parse(f"format = 1\n{text}")
