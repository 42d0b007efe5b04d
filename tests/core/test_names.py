"""What a name may be; both servers would accept nearly anything."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vhostsmith.errors import InputError
from vhostsmith.names import Name, parse_name

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ODD = "aZ0-.*_:[]/%@\\$\"'{} \t\nxn"
ODD += "。\uff0eß\u017f\u0130\u212aς\u200c\u200d\u0301\u0627中\U0001f600\udcff\u0663"
TEXTS = st.one_of(
    st.text(st.sampled_from(ODD) | st.characters(), max_size=80),
    st.text(st.sampled_from(ODD)).map(lambda text: f"xn--{text}"),
    st.from_regex(r"(\*\.)?(xn--[a-z0-9-]{1,12}\.)*[a-z0-9-]{1,9}", fullmatch=True),
)
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--"
)
NAMES = st.one_of(
    st.lists(LABELS, min_size=1, max_size=3).map(".".join),
    st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: f"*.{'.'.join(labels)}"),
    st.ip_addresses(v=6, network="2000::/3").map(str),
    st.sampled_from(["::1", "127.0.0.1", "_", "xn--bcher-kva.example"]),
)


@given(TEXTS)
@example("xn--a-ecp.ru")
@example("*.xn--")
def test_what_is_accepted_is_canonical_and_consists_of_ldh_labels(text: str) -> None:
    try:
        name = parse_name(text)
    except InputError:
        return
    assert parse_name(name.text) == name
    if name.kind in {"dns", "wildcard"}:
        bare = name.text.removeprefix("*.") if name.is_wildcard else name.text
        assert len(bare) <= 253
        assert all(LABEL.fullmatch(label) for label in bare.split("."))
    else:
        assert name.is_any or str(ipaddress.ip_address(name.text)) == name.text


@given(NAMES)
def test_the_stem_and_the_identifier_are_safe_words(text: str) -> None:
    name = parse_name(text)
    assert re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,199}", name.stem)
    assert re.fullmatch(r"[a-z0-9_]{8,21}", name.identifier)


@given(st.ip_addresses())
def test_an_address_is_compressed_or_refused(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    try:
        name = parse_name(address.exploded)
    except InputError:
        return
    assert name.text == address.compressed
    assert name.is_ip
    assert name.url_host == (f"[{address}]" if address.version == 6 else str(address))


@pytest.mark.parametrize(
    ("text", "canonical", "kind"),
    [
        ("jupyter.example.com", "jupyter.example.com", "dns"),
        ("Jupyter.EXAMPLE.com", "jupyter.example.com", "dns"),
        ("localhost", "localhost", "dns"),
        ("bücher.example", "xn--bcher-kva.example", "dns"),
        ("BÜCHER.example", "xn--bcher-kva.example", "dns"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example", "dns"),
        ("faß.de", "xn--fa-hia.de", "dns"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "dns"),
        ("*.Example.com", "*.example.com", "wildcard"),
        ("*.bücher.example", "*.xn--bcher-kva.example", "wildcard"),
        ("192.0.2.7", "192.0.2.7", "ipv4"),
        ("2001:DB8:0::7", "2001:db8::7", "ipv6"),
        ("[2001:db8::7]", "2001:db8::7", "ipv6"),
        ("_", "_", "any"),
        ("3com.example", "3com.example", "dns"),
        ("a--b.example", "a--b.example", "dns"),
        ("a" * 63 + ".example", "a" * 63 + ".example", "dns"),
    ],
)
def test_names_have_one_form(text: str, canonical: str, kind: str) -> None:
    name = parse_name(text)
    assert (name.text, name.kind) == (canonical, kind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the name is empty"),
        ("a b.example", "the character ' '"),
        ("a\nb.example", r"the character '\n'"),
        ("a\x00.example", r"the character '\x00'"),
        ("\udcff.example", r"the character '\udcff'"),
        ("a_b.example", "the label 'a_b'"),
        ("a;b.example", "the label 'a;b'"),
        ("$host.example", "the label '$host'"),
        ('a"b.example', "the label 'a\"b'"),
        ("a/b.example", "the label 'a/b'"),
        ("-a.example", "the label '-a'"),
        ("a-.example", "the label 'a-'"),
        ("a..example", "has an empty label"),
        (".example", "has an empty label"),
        ("*.", "has an empty label"),
        ("example.com.", "without the trailing dot"),
        ("a" * 64 + ".example", f"{'a' * 64!r} has 64"),
        (".".join(["a" * 63] * 4), "at most 253 characters, this one 255"),
        ("*", "whole first label only"),
        ("a*.example", "whole first label only"),
        ("a.*.example", "whole first label only"),
        ("*.*.example", "whole first label only"),
        ("1.2.3", "the last label is a number"),
        ("1.2.3.400", "the last label is a number"),
        ("8889", "the last label is a number"),
        ("0x7f000001", "the last label is a number"),
        ("a.0X7F", "the last label is a number"),
        ("*.192.0.2.7", "the last label is a number"),
        ("192.0.2.07", "the last label is a number"),
        ("[192.0.2.7]", "the label '[192'"),
        ("::ffff:192.0.2.7", "IPv4 address in IPv6 form"),
        ("0.0.0.0", "not an address that a client can ask for"),
        ("0.1.2.3", "not an address that a client can ask for"),
        ("255.255.255.255", "not an address that a client can ask for"),
        ("224.0.0.1", "not an address that a client can ask for"),
        ("::", "not an address that a client can ask for"),
        ("ff02::1", "not an address that a client can ask for"),
        ("fe80::1%eth0", "not an address that a client can ask for"),
        ("xn--.example", "not an internationalised name"),
        ("xn--a-ecp.ru", "not an internationalised name"),
        ("a\u200db.example", r"the character '\u200d'"),
        ("☃.example", "not an internationalised name"),
    ],
)
def test_a_refusal_shows_the_offending_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_name(text, where="--alias")
    assert said in refused.value.what
    assert refused.value.where == "--alias"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("https://jupyter.example.com/lab", "give the name alone: jupyter.example.com"),
        ("jupyter.example.com:8443", "jupyter.example.com, and the port with --https-port 8443"),
        ("[2001:db8::7]:8443", "[2001:db8::7], and the port with --https-port 8443"),
        ("::ffff:192.0.2.7", "write 192.0.2.7"),
    ],
)
def test_what_is_nearly_a_name_is_put_right(text: str, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_name(text)
    assert remedy in (refused.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("jupyter.example.com", False),
        ("*.example.com", False),
        ("notlocalhost.com", False),
        ("localhost", True),
        ("jupyter.localhost", True),
        ("*.home.arpa", True),
        ("nas.home.arpa", True),
        ("printer.local", True),
        ("x.internal", True),
        ("x.test", True),
        ("intranet", True),
        ("127.0.0.1", True),
        ("192.168.1.7", True),
        ("8.8.8.8", False),
        ("::1", True),
        ("fd00::1", True),
        ("2606:4700::1111", False),
        ("_", True),
    ],
)
def test_it_is_known_for_which_names_no_public_ca_can_vouch(text: str, *, is_local: bool) -> None:
    assert parse_name(text).is_local is is_local


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("jupyter.example.com", "jupyter.example.com"),
        ("*.example.com", "_wildcard.example.com"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001-db8--7"),
        ("::1", "0--1"),
        ("_", "000-catch-all"),
    ],
)
def test_the_stem_is_the_name_as_a_file_name(text: str, stem: str) -> None:
    assert parse_name(text).stem == stem


def test_names_that_are_too_long_for_a_file_name_keep_stems_of_their_own() -> None:
    long = ".".join(["a" * 63] * 3)
    names = [parse_name(f"{long}.{end}") for end in ("b" * 61, "b" * 60 + "c")]
    names.append(parse_name(f"*.{names[0].text}"))
    stems = {name.stem for name in names}
    assert len(stems) == 3
    assert {len(stem) for stem in stems} == {200}
    assert all(name.text.startswith(name.stem[:100]) for name in names[:2])


@given(st.lists(st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,2}", fullmatch=True), unique=True))
def test_an_identifier_is_one_name_alone(texts: list[str]) -> None:
    names = [parse_name(each) for text in texts for each in (text, f"*.{text}")]
    assert len({name.identifier for name in names}) == len(names)


def test_an_identifier_begins_with_letters_to_recognise_it_by() -> None:
    assert parse_name("jupyter.example.com").identifier.startswith("jupyter_")
    assert parse_name("*.shop-1.example.com").identifier.startswith("shop_1_")


def test_names_are_values() -> None:
    assert parse_name("A.test") == Name(text="a.test", kind="dns")
    assert len({parse_name("a.test"), parse_name("A.TEST")}) == 1
