"""Self-signed certificates: for names that no CA vouches for, and until a CA has vouched."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vhostsmith.names import Name

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

# Apple's devices refuse a server certificate that is valid for longer, whoever signed it
# (support.apple.com/103769).
LONGEST_FOR_APPLE_DAYS = 825
# A clock that is slow by less than this still finds the certificate valid.
_BACKDATED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key; ``sha256`` is the certificate's, as colon hex in capitals.

    The key is PKCS #8 without a passphrase, and not shown by ``repr``.
    """

    cert_pem: bytes
    key_pem: bytes = field(repr=False)
    sha256: str


def self_signed(names: tuple[Name, ...], *, now: datetime, days: int) -> Pair:
    """Return a new ECDSA P-256 key and a certificate for one or more names, its own issuer.

    It begins an hour before ``now``, which is aware, and lasts for ``days`` from there. The subject
    alternative names are those of :func:`subject_texts`.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _builder(names, key, now=now, days=days).sign(key, hashes.SHA256())
    return Pair(
        cert_pem=certificate.public_bytes(serialization.Encoding.PEM),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def subject_texts(names: tuple[Name, ...]) -> tuple[str, ...]:
    """Return the subject alternative names of the certificate for ``names``, in their order.

    Nobody asks for the catch-all by name; Apache needs a certificate for it none the less, so it
    gets a name that can never be asked for (RFC 6761 §6.4).
    """
    return tuple("catch-all.invalid" if name.is_any else name.text for name in names)


def _builder(
    names: tuple[Name, ...], key: ec.EllipticCurvePrivateKey, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    begin = now.replace(microsecond=0) - _BACKDATED
    subject = _subject(subject_texts(names)[0])
    public_key = key.public_key()
    key_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        # Both ends are part of the validity (RFC 5280 §4.1.2.5): one second less makes whole days.
        .not_valid_after(begin + timedelta(days=days) - timedelta(seconds=1))
        .add_extension(_alternative_names(names), critical=False)
        # Firefox takes no CA's certificate from a server
        # (MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY).
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(key_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False
        )
    )


def _subject(text: str) -> x509.Name:
    """Return a distinguished name, never empty (RFC 5280 §4.1.2.4); a common name ends at 64."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "vhostsmith self-signed")]
    if len(text) <= 64:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, text))
    return x509.Name(attributes)


def _alternative_names(names: tuple[Name, ...]) -> x509.SubjectAlternativeName:
    from cryptography import x509

    return x509.SubjectAlternativeName(
        [
            x509.IPAddress(ipaddress.ip_address(text)) if name.is_ip else x509.DNSName(text)
            for name, text in zip(names, subject_texts(names), strict=True)
        ]
    )


def _key_usage() -> x509.KeyUsage:
    """An ECDSA key signs the handshake and does nothing else (RFC 8446 §4.4.2.2)."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
