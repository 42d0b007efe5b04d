"""What a person types for the parts of a site: taken in one form, or refused with the reason."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhostsmith import model
from vhostsmith.errors import InputError

# Files and directories


@given(st.text(st.sampled_from("/a.b \\$\"'\n\x00é\udcff\u2028") | st.characters(), max_size=30))
def test_a_file_is_taken_as_it_is_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert model.parse_file(text, "key") == text
        assert text.startswith("/")
        assert text.isprintable()
        assert os.fsencode(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key.pem", "the key 'key.pem' is not an absolute path"),
        ("", "the key '' is not an absolute path"),
        ("~/key.pem", "is not an absolute path"),
        ("/a\nb", r"holds the character '\n'"),
        ("/a\x00b", r"holds the character '\x00'"),
        ("/a\udcffb", r"holds the character '\udcff'"),
        ("/" + "ü" * 512, "longer than 1024 bytes"),
    ],
)
def test_a_refused_file_shows_the_offending_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        model.parse_file(text, "key", where="--key")
    assert said in refused.value.what
    assert refused.value.where == "--key"


@given(st.text(st.sampled_from("/ab. é~-"), max_size=20).map(lambda text: f"/{text}"))
def test_a_document_root_is_canonical(text: str) -> None:
    with contextlib.suppress(InputError):
        path = model.parse_docroot(text)
        assert path == os.path.normpath(path)
        assert path not in {"/", "//"}
        assert model.parse_docroot(path) == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/", "would publish the whole machine"),
        ("///", "would publish the whole machine"),
        ("/srv/../etc", "a '.' or '..' segment"),
        ("/srv/*", "one of *?[]"),
        ("/srv/[a]", "one of *?[]"),
        ("srv", "is not an absolute path"),
    ],
)
def test_a_refused_document_root_says_why(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        model.parse_docroot(text)


# Numbers


@given(st.one_of(st.integers(), st.text(max_size=8), st.integers().map(str)))
def test_a_port_is_a_number_that_tcp_knows(text: str | int) -> None:
    with contextlib.suppress(InputError):
        assert 1 <= model.parse_port(text) <= 65535
        assert model.parse_port(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "-1", "+80", "8 0", "80.0", "\u0668\u0660", "http", True]
)
def test_a_refused_port_is_shown(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"{text!r} is not a number from 1 to 65535")):
        model.parse_port(text)


@given(st.integers(min_value=0, max_value=10**13), st.sampled_from(["", "k", "m", "g", "K", "GB"]))
def test_a_size_is_a_number_of_bytes(number: int, unit: str) -> None:
    factor = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[unit.lower().removesuffix("b")]
    if number * factor > 1024**5 or number >= 10**12:
        with pytest.raises(InputError, match=f"'{number}{unit}'"):
            model.parse_size(f"{number}{unit}")
    else:
        assert model.parse_size(f"{number}{unit}") == number * factor


@pytest.mark.parametrize(
    "text", ["", "m", "-1", "1.5g", "1t", "1 m", "0x10", "5\u212a", "\u0665", "1mm"]
)
def test_a_refused_size_is_shown(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(text))):
        model.parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), (63072000, 63072000), ("315360000",) * 2])
def test_seconds_are_taken_up_to_ten_years(text: str | int, seconds: str | int) -> None:
    assert model.parse_seconds(text, "lifetime", minimum=0) == int(seconds)


@pytest.mark.parametrize("text", ["", "-1", "0", "1h", "1.5", "315360001", "9" * 5000, True, 1.5])
def test_refused_seconds_are_shown(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"the time-out {text!r} is not")):
        model.parse_seconds(text, "time-out", minimum=1)


# Networks


@given(st.ip_addresses(), st.integers(min_value=0, max_value=128))
def test_a_network_has_one_form(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    length = min(length, address.max_prefixlen)
    network = ipaddress.ip_network((address, length), strict=False)
    with contextlib.suppress(InputError):
        text = model.parse_network(network.exploded)
        assert model.parse_network(text) == text
        assert ipaddress.ip_network(text) == network
        assert ("/" in text) == (network.num_addresses > 1)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_networks_are_canonical(text: str, canonical: str) -> None:
    assert model.parse_network(text) == canonical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not an address or a network"),
        ("all", "'all' is not an address or a network"),
        ("10", "'10' is not an address or a network"),
        ("192.0.2.7/24", "host bits set"),
        ("192.0.2.0/33", "'192.0.2.0/33' is not"),
        ("192.0.2.0/24;", "'192.0.2.0/24;' is not"),
        ("192.0.2.0 /24", "is not an address or a network"),
        ("fe80::1%eth0", "a zone cannot be part"),
        ("::ffff:192.0.2.0/120", "IPv4 in IPv6 form"),
    ],
)
def test_a_refused_network_is_shown(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        model.parse_network(text, where="--allow")


# Redirects


@given(
    st.one_of(
        st.text(st.sampled_from("aA.:/@[]?#% 1\n$") | st.characters(), max_size=20).map(
            lambda text: f"https://{text}"
        ),
        st.from_regex(
            r"https?://[a-zA-Z]{1,9}\.test(:[1-9][0-9]{0,3})?(/[a-z.]{1,5}){0,3}/?", fullmatch=True
        ),
    )
)
def test_a_redirect_is_canonical_and_ends_without_a_slash(text: str) -> None:
    with contextlib.suppress(InputError):
        url = model.parse_redirect(text)
        assert not url.endswith("/")
        assert re.fullmatch(r"https?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~@+/-]+)?", url)
        assert model.parse_redirect(url) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("http://example.com:8080/a/", "http://example.com:8080/a"),
        ("https://bücher.example/é"[:-2], "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::7]:1/", "https://[2001:db8::7]:1"),
    ],
)
def test_redirects_have_one_form(text: str, url: str) -> None:
    assert model.parse_redirect(text) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("example.com", "'example.com' is not a URL like"),
        ("ftp://example.com", "is not a URL like"),
        ("https://", "the name is empty"),
        ("https://u:p@example.com", "is not a URL like"),
        ("https://example.com/?a", "is not a URL like"),
        ("https://example.com/#a", "is not a URL like"),
        ("https://example.com:0", "the port '0'"),
        ("https://example.com:", "the port ''"),
        ("https://a_b.example", "the label 'a_b'"),
        ("https://*.example.com", "one definite name"),
        ("https://_", "one definite name"),
        ("https://example.com/a b", "' ' stands in it"),
        ("https://example.com/$x", "'$' stands in it"),
        ("https://example.com\n/", r"the character '\n'"),
    ],
)
def test_a_refused_redirect_shows_the_offending_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        model.parse_redirect(text, where="--redirect-to")
    assert said in refused.value.what
    assert refused.value.where == "--redirect-to"


# File names


@given(st.text(st.sampled_from("ab.-_/\\ *\n\x00é") | st.characters(), max_size=20))
def test_a_file_name_stays_in_its_directory(text: str) -> None:
    with contextlib.suppress(InputError):
        stem = model.parse_file_name(text)
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", stem)


@pytest.mark.parametrize(("text", "stem"), [("jupyter", "jupyter"), ("jupyter.conf", "jupyter")])
def test_a_file_name_is_a_stem(text: str, stem: str) -> None:
    assert model.parse_file_name(text) == stem


@pytest.mark.parametrize("text", ["", ".hidden", "-a", "a/b", "../a", "a b", "a" * 201, "é"])
def test_a_refused_file_name_is_shown(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(repr(text))):
        model.parse_file_name(text)
