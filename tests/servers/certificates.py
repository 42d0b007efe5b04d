"""Certificates of an authority of our own, as strict verifiers want them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A leaf with its chain behind it, and its key, as PEM."""

    chain_pem: bytes
    key_pem: bytes


class Authority:
    """A root that issues through two intermediates, as public ones do; ``pem`` is the root's."""

    def __init__(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = _name(f"{name} root")
        root = _authority_builder(issuer, issuer, key, key)
        self.pem = root.public_bytes(serialization.Encoding.PEM)
        self._intermediates: tuple[x509.Certificate, ...] = ()
        for number in (1, 2):
            own_key, subject = ec.generate_private_key(ec.SECP256R1()), _name(f"{name} {number}")
            certificate = _authority_builder(subject, issuer, own_key, key)
            self._intermediates = (certificate, *self._intermediates)
            key, issuer = own_key, subject
        self._key, self._name = key, issuer

    def issue(self, *names: str, is_expired: bool = False) -> Issued:
        """Return a certificate for DNS names, for 60 days, or until yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            _builder(_name(names[0]), self._name, key, self._key, is_expired=is_expired)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        chain = (leaf, *self._intermediates)
        return Issued(
            chain_pem=b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain),
            key_pem=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def server_context(issued: Issued, directory: str) -> ssl.SSLContext:
    """Return a TLS context that shows the certificate."""
    path = Path(directory, "server-context.pem")
    path.write_bytes(issued.chain_pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    path.unlink()
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority_builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    return (
        _builder(subject, issuer, key, issuer_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_expired: bool = False,
) -> x509.CertificateBuilder:
    begin = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(days=61 if is_expired else 1)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=60))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_id, critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
