"""Self-signed certificates, and what is read from any certificate."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert
from typing import TypeVar

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from vhostsmith.certs.leaf import is_key_of, read_leaf
from vhostsmith.certs.selfsigned import Pair, self_signed, subject_texts
from vhostsmith.names import Name, parse_name

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
NAMES = st.one_of(
    st.from_regex(r"(\*\.)?([a-z][a-z0-9]{0,20}\.){0,3}test", fullmatch=True),
    st.ip_addresses(v=4, network="192.0.2.0/24").map(str),
    st.ip_addresses(v=6, network="2001:db8::/32").map(str),
).map(parse_name)
Extension = TypeVar("Extension", bound=x509.ExtensionType)


def make(*texts: str, days: int = 365) -> Pair:
    return self_signed(tuple(map(parse_name, texts)), now=NOW, days=days)


def certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.cert_pem)


def extension(pair: Pair, kind: type[Extension]) -> x509.Extension[Extension]:
    return certificate(pair).extensions.get_extension_for_class(kind)


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_a_certificate_is_for_exactly_its_names(names: list[Name]) -> None:
    pair = self_signed(tuple(names), now=NOW, days=365)
    leaf = read_leaf(pair.cert_pem)
    assert sorted(leaf.names) == sorted(name.text for name in names)
    assert leaf.is_self_signed
    assert is_key_of(pair.key_pem, leaf)
    assert leaf.sha256 == pair.sha256


def test_addresses_stand_as_addresses_and_names_as_names() -> None:
    found = extension(make("a.test", "*.a.test", "192.0.2.7", "::1"), x509.SubjectAlternativeName)
    assert found.value.get_values_for_type(x509.DNSName) == ["a.test", "*.a.test"]
    assert found.value.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.7"),
        ipaddress.ip_address("::1"),
    ]


def test_the_catch_all_has_a_name_that_nobody_can_ask_for() -> None:
    assert subject_texts((parse_name("_"),)) == ("catch-all.invalid",)
    assert read_leaf(make("_").cert_pem).names == ("catch-all.invalid",)


def test_it_is_a_servers_certificate_and_no_authority() -> None:
    pair = make("a.test")
    constraints = extension(pair, x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    usage = extension(pair, x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not usage.value.key_encipherment
    assert list(extension(pair, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    key_id = extension(pair, x509.SubjectKeyIdentifier).value.digest
    assert extension(pair, x509.AuthorityKeyIdentifier).value.key_identifier == key_id


def test_the_key_is_ecdsa_p256_in_a_form_that_both_servers_read() -> None:
    pair = make("a.test")
    assert pair.key_pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    key = serialization.load_pem_private_key(pair.key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert certificate(pair).signature_algorithm_oid._name == "ecdsa-with-SHA256"


@given(st.integers(min_value=1, max_value=3650))
def test_it_lasts_for_whole_days_and_bears_a_slow_clock(days: int) -> None:
    made = certificate(make("a.test", days=days))
    # Both ends count (RFC 5280 §4.1.2.5).
    lasting = made.not_valid_after_utc - made.not_valid_before_utc + timedelta(seconds=1)
    assert lasting == timedelta(days=days)
    assert timedelta(minutes=50) < NOW - made.not_valid_before_utc < timedelta(minutes=70)


def test_the_zone_of_now_makes_no_difference() -> None:
    elsewhere = NOW.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    made = certificate(self_signed((parse_name("a.test"),), now=elsewhere, days=1))
    assert made.not_valid_after_utc == certificate(make("a.test", days=1)).not_valid_after_utc


def test_no_two_are_alike() -> None:
    one, other = make("a.test"), make("a.test")
    assert certificate(one).serial_number != certificate(other).serial_number
    assert one.key_pem != other.key_pem
    assert one.sha256 != other.sha256


def test_the_fingerprint_is_what_browsers_show() -> None:
    pair = make("a.test")
    der = PEM_cert_to_DER_cert(pair.cert_pem.decode())
    assert pair.sha256 == sha256(der).digest().hex(":").upper()


def test_the_key_is_never_shown() -> None:
    pair = make("a.test")
    assert "PRIVATE" not in repr(pair)
    assert "key_pem" not in repr(pair)


@pytest.mark.parametrize(
    ("text", "has_common_name"), [("a" * 58 + ".test", True), ("a" * 60 + ".test", False)]
)
def test_a_common_name_has_at_most_64_characters_and_the_subject_is_never_empty(
    text: str, *, has_common_name: bool
) -> None:
    made = certificate(make(text))
    assert bool(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) is has_common_name
    assert made.subject == made.issuer
    assert len(list(made.subject)) >= 1


def test_the_longest_names_fit() -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert read_leaf(make(longest, f"*.{longest}").cert_pem).names == (longest, f"*.{longest}")


# Reading


def test_a_certificate_that_another_key_signed_is_not_self_signed() -> None:
    ca = trustme.CA()
    issued = ca.issue_cert("a.test", "192.0.2.7", common_name="a.test")
    leaf = read_leaf(issued.cert_chain_pems[0].bytes())
    assert not leaf.is_self_signed
    assert leaf.names == ("a.test", "192.0.2.7")
    assert "trustme" in leaf.issuer
    assert is_key_of(issued.private_key_pem.bytes(), leaf)
    assert not is_key_of(make("a.test").key_pem, leaf)
    assert read_leaf(ca.cert_pem.bytes()).is_self_signed


def test_the_same_name_at_both_ends_proves_nothing() -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(other, hashes.SHA256())
    )
    leaf = read_leaf(made.public_bytes(serialization.Encoding.PEM))
    assert not leaf.is_self_signed
    assert leaf.names == ()


def test_the_leaf_of_a_chain_is_read() -> None:
    issued = trustme.CA().create_child_ca().issue_cert("a.test")
    chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    assert read_leaf(chain).names == ("a.test",)


@given(st.binary(max_size=200).map(lambda noise: b"-----BEGIN CERTIFICATE-----\n" + noise))
def test_what_is_no_certificate_is_said_to_be_none(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_leaf(noise)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x02, 0x13, 0x1D, 0x30, 0x7F, 0x83, 0x85, 0xFF])
def test_a_damaged_certificate_is_read_or_refused(byte: int) -> None:
    der = PEM_cert_to_DER_cert(make("a.test", "::1").cert_pem.decode())
    outcomes: set[bool | None] = set()
    for place in range(len(der)):
        damaged = der[:place] + bytes([byte]) + der[place + 1 :]
        try:
            outcomes.add(read_leaf(DER_cert_to_PEM_cert(damaged).encode()).is_self_signed)
        except ValueError:
            outcomes.add(None)
    assert {False, None} <= outcomes


@pytest.mark.parametrize("key", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n", None])
def test_what_is_no_key_is_nobodys_key(key: bytes | None) -> None:
    pair = make("a.test")
    locked = serialization.load_pem_private_key(pair.key_pem, password=None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    assert not is_key_of(locked if key is None else key, read_leaf(pair.cert_pem))
