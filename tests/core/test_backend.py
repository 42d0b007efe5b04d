"""Where requests go: what a person may type for it, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vhostsmith.backend import (
    Backend,
    BackendTls,
    Scheme,
    check_insecure,
    parse_backend,
    parse_socket,
    unresolved,
)
from vhostsmith.errors import InputError

ODD = "aA0-._~:/@[]?#%|$\\\"'{};* \t\n\x00é\u212a\udcff1"
HOSTS = st.one_of(
    st.from_regex(r"[a-zA-Z][a-z0-9_-]{0,10}[a-z]", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
URLS = st.builds(
    "{}://{}:{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    HOSTS,
    st.integers(min_value=1, max_value=65535),
    st.from_regex(r"(/[A-Za-z0-9._~@+-]{1,8}){0,3}/?", fullmatch=True),
)
TEXTS = st.one_of(
    st.text(st.sampled_from(ODD) | st.characters(), max_size=40),
    st.text(st.sampled_from(ODD), max_size=20).map(lambda text: f"http://a:1/{text}"),
    st.text(st.sampled_from(ODD), max_size=20).map(lambda text: f"https://{text}"),
    st.text(st.sampled_from(ODD), max_size=20).map(lambda text: f"unix:/{text}"),
    st.integers(min_value=0, max_value=70000).map(str),
    st.builds("{}:{}".format, HOSTS, st.integers(min_value=0, max_value=70000)),
    URLS,
)


@given(TEXTS, st.sampled_from(["http", "https"]))
@example("http://[::ffff:127.0.0.1]:1", "http")
@example("http://0x7f000001:1", "http")
def test_what_is_accepted_is_read_back_from_its_own_text(text: str, scheme: Scheme) -> None:
    try:
        backend = parse_backend(text, scheme=scheme)
    except InputError:
        return
    again = parse_backend(str(backend))
    # 127.0.0.1 stands for a localhost that was typed; its certificate may still say localhost.
    assert dataclasses.replace(again, tls=backend.tls) == backend
    assert (backend.tls is not None) == (again.tls is not None) == (backend.scheme == "https")
    assert str(backend).isascii()
    assert str(backend).isprintable()
    assert not {" ", "?", "#", "\\", '"', "$", "|"} & set(str(backend))


@given(TEXTS)
def test_a_text_without_scheme_is_seen_before_it_is_parsed(text: str) -> None:
    try:
        address = unresolved(text)
        backend = parse_backend(text)
    except InputError:
        return
    if address is not None:
        assert (backend.host, backend.port) == (
            address[0].replace("localhost", "127.0.0.1"),
            address[1],
        )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("8889", "http://127.0.0.1:8889"),
        ("localhost:8889", "http://127.0.0.1:8889"),
        ("http://LOCALHOST:8889", "http://127.0.0.1:8889"),
        ("app:8080", "http://app:8080"),
        ("my_app-1:8080", "http://my_app-1:8080"),
        ("192.0.2.7:80", "http://192.0.2.7"),
        ("[::1]:8889", "http://[::1]:8889"),
        ("http://[2001:DB8:0::7]", "http://[2001:db8::7]"),
        ("http://[::ffff:127.0.0.1]:1", "http://127.0.0.1:1"),
        ("https://app.internal", "https://app.internal"),
        ("HTTPS://App.Internal:8443/", "https://app.internal:8443"),
        ("http://h:80/jupyter", "http://h/jupyter"),
        ("http://h:80/a/b.c~d@e+f/", "http://h/a/b.c~d@e+f"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
    ],
)
def test_backends_have_one_form(text: str, written: str) -> None:
    assert str(parse_backend(text)) == written


def test_the_scheme_that_is_given_is_used_only_where_the_text_names_none() -> None:
    assert parse_backend("8889", scheme="https").scheme == "https"
    assert parse_backend("http://a:8889", scheme="https").scheme == "http"
    assert parse_backend("unix:/run/a.sock", scheme="https").scheme == "http"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not a backend"),
        ("0", "the port '0'"),
        ("65536", "the port '65536'"),
        ("88890000", "the port '88890000'"),
        ("app", "'app' is not a number"),
        ("app:http", "'http' is not a number"),
        ("app:", "'' is not a number"),
        (":8889", "'' is not a host name"),
        ("http://", "is not a backend"),
        ("http:///x", "is not a backend"),
        ("ftp://a:21", "the scheme 'ftp'"),
        ("ws://a:80", "the scheme 'ws'"),
        ("app:80/base", "a base path needs a scheme"),
        ("http://user:secret@a:80", "a user or password"),
        ("http://a:80/?q", "a query or a fragment"),
        ("http://a:80/#f", "a query or a fragment"),
        ("http://a:80?q", "the port '80?q'"),
        ("http://a:80//b", "the base path '//b'"),
        ("http://a:80/../b", "the base path '/../b'"),
        ("http://a:80/b%2Fc", "the base path '/b%2Fc'"),
        ("http://a:80/b;c", "the base path '/b;c'"),
        ("http://a:80/" + "b" * 1024, "at most 1024 characters"),
        ("http://a b:80", "the character ' '"),
        ("http://a:80/\n", r"the character '\n'"),
        ("http://a\x00:80", r"the character '\x00'"),
        ("http://bücher.example:80", "'bücher.example' is not a host name"),
        ("http://\u212a:80", "is not a host name"),
        ("http://a..b:80", "'a..b' is not a host name"),
        ("http://-a:80", "'-a' is not a host name"),
        ("http://1.2.3:80", "'1.2.3' is not a host name"),
        ("http://0x7f000001:80", "'0x7f000001' is not a host name"),
        ("http://$host:80", "'$host' is not a host name"),
        ("http://[a]:80", "'[a]' is not a host name"),
        ("http://" + "a" * 64 + ":80", "is not a host name"),
        ("::1:8889", "write an IPv6 address in brackets"),
        ("http://[fe80::1%eth0]:80", "write an IPv6 address in brackets"),
        ("http://[127.0.0.1]:80", "only an IPv6 address stands in brackets"),
        ("0.0.0.0:8889", "nobody can be reached at 0.0.0.0"),
        ("[::]:8889", "nobody can be reached at ::"),
        ("[::ffff:0.0.0.0]:8889", "nobody can be reached at 0.0.0.0"),
        ("224.0.0.1:80", "nobody can be reached at 224.0.0.1"),
        ("unix:", "a unix socket is an absolute path"),
        ("unix:run/app.sock", "a unix socket is an absolute path"),
        ("unix:/run/", "is a directory"),
        ("unix:/run/a|b", "cannot hold '|'"),
        ("unix:/run/a:b", "cannot hold ':'"),
        ("unix:/run/$a", "cannot hold '$'"),
        ("unix:/run/é", "cannot hold 'é'"),
        ("unix:/" + "a" * 107, "at most 107 bytes"),
    ],
)
def test_a_refusal_shows_the_offending_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_backend(text, where="BACKEND")
    assert said in refused.value.what
    assert refused.value.where == "BACKEND"


def test_the_longest_socket_is_accepted() -> None:
    assert parse_socket("/" + "a" * 106) == "/" + "a" * 106


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8889", ("127.0.0.1", 8889)),
        ("app:8889", ("app", 8889)),
        ("[::1]:8889", ("::1", 8889)),
        ("http://app:8889", None),
        ("unix:/run/app.sock", None),
    ],
)
def test_only_a_scheme_leaves_nothing_open(text: str, address: tuple[str, int] | None) -> None:
    assert unresolved(text) == address


def test_https_is_verified_for_the_name_that_was_typed_unless_it_is_an_address() -> None:
    assert parse_backend("https://app.internal:1").tls == BackendTls(
        mode="verify", name="app.internal"
    )
    assert parse_backend("https://localhost:1").tls == BackendTls(mode="verify", name="localhost")
    assert parse_backend("https://127.0.0.1:1").tls == BackendTls(mode="verify")
    assert parse_backend("http://app.internal:1").tls is None


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("8889", True),
        ("localhost:8889", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("unix:/run/app.sock", True),
        ("192.168.1.1:1", False),
        ("app:1", False),
    ],
)
def test_only_what_cannot_leave_the_machine_is_loopback(text: str, *, is_loopback: bool) -> None:
    assert parse_backend(text).is_loopback is is_loopback


def test_an_unverified_backend_is_refused_beyond_this_machine() -> None:
    insecure = BackendTls(mode="insecure")
    near = dataclasses.replace(parse_backend("https://127.0.0.1:1"), tls=insecure)
    far = dataclasses.replace(parse_backend("https://192.0.2.7:1"), tls=insecure)
    check_insecure(near, where="--backend-insecure")
    check_insecure(parse_backend("https://192.0.2.7:1"), where="--backend-insecure")
    with pytest.raises(InputError, match=r"https://192\.0\.2\.7:1 is not on this machine"):
        check_insecure(far, where="--backend-insecure")


def test_an_authority_is_fit_for_a_url() -> None:
    assert parse_backend("[::1]:1").authority == "[::1]:1"
    assert parse_backend("app:1").authority == "app:1"
    assert parse_backend("unix:/run/app.sock").authority == "localhost"
    assert parse_backend("[::1]:1").is_ip
    assert not parse_backend("app:1").is_ip


def test_backends_are_values() -> None:
    assert parse_backend("8889") == Backend(scheme="http", host="127.0.0.1", port=8889)
