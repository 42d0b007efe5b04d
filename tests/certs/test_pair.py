"""A pair of files is read as a server will read it, and each fault is named."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vhostsmith.certs.pair import covers, examine
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.errors import MachineError
from vhostsmith.names import Name, parse_name

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAME = parse_name("a.example.com")


def pair(directory: Path, *names: str, days: int = 90) -> tuple[str, str]:
    made = self_signed(tuple(map(parse_name, names)), now=NOW, days=days)
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(made.cert_pem)
    key.write_bytes(made.key_pem)
    return str(certificate), str(key)


def fault(certificate: str, key: str, *names: Name, now: datetime = NOW) -> MachineError:
    with pytest.raises(MachineError) as caught:
        examine(certificate, key, names, now=now)
    return caught.value


def test_a_pair_that_fits_is_said_to(tmp_path: Path) -> None:
    [said] = examine(*pair(tmp_path, "a.example.com"), (NAME,), now=NOW)
    assert (
        said == "checked: the certificate covers the names until 2027-02-20, and the key is its own"
    )


def test_another_certificates_key_is_named(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path, "a.example.com")
    (tmp_path / "other").mkdir()
    _, key = pair(tmp_path / "other", "a.example.com")
    assert fault(certificate, key, NAME).where == key


def test_a_name_that_is_not_covered_is_named(tmp_path: Path) -> None:
    error = fault(*pair(tmp_path, "b.example.com"), NAME)
    assert "does not cover a.example.com, only b.example.com" in error.what


def test_an_expired_certificate_is_dated(tmp_path: Path) -> None:
    error = fault(*pair(tmp_path, "a.example.com"), NAME, now=NOW + timedelta(days=100))
    assert "expired on 2027-02-20" in error.what


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a.example.com")
    locked = str(tmp_path / "locked.pem")
    command = ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked]
    subprocess.run(command, check=True)
    assert "passphrase" in fault(certificate, locked, NAME).what


@pytest.mark.parametrize("text", ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    _, key = pair(tmp_path, "a.example.com")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text(text)
    assert fault(str(garbage), key, NAME).where == str(garbage)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path, "a.example.com")
    assert fault(certificate, "/nowhere/key.pem", NAME).where == "/nowhere/key.pem"


@pytest.mark.needs("root")
def test_a_file_of_somebody_else_is_said_and_not_judged(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "a.example.com")
    os.chmod(key, 0o600)
    for directory in (tmp_path, *tmp_path.parents):
        if os.stat(directory).st_uid == 0 and directory != Path("/"):
            os.chmod(directory, os.stat(directory).st_mode | 0o055)
    os.seteuid(65534)
    try:
        said = examine(certificate, key, (NAME,), now=NOW)
    finally:
        os.seteuid(0)
    assert said[1] == f"not checked: {key} cannot be read by this user"


@pytest.mark.parametrize(
    ("certified", "name", "is_covered"),
    [
        ("a.example.com", "a.example.com", True),
        ("A.example.COM", "a.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "b.a.example.com", False),
        ("*.example.com", "*.example.com", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_wildcard_covers_one_label(certified: str, name: str, is_covered: bool) -> None:
    assert covers(certified, parse_name(name)) is is_covered
