"""``cert self-signed`` as a person uses it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from certs.snapshot import Vhostsmith, tree
from vhostsmith.certs.leaf import read_leaf
from vhostsmith.certs.selfsigned import self_signed as make_pair
from vhostsmith.names import parse_name
from vhostsmith.operations.cert import make_self_signed
from vhostsmith.operations.load import Directories

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def live(state: Path, stem: str = "a.test") -> Path:
    return state / "live" / stem


def plant(state: Path, cert: bytes, key: bytes, stem: str = "a.test") -> None:
    """Put a certificate where a site's is, as another way to get one would."""
    version = state / "certs" / stem / "v0001"
    version.mkdir(parents=True)
    (state / "live").mkdir()
    (version / "cert.pem").write_bytes(cert)
    (version / "fullchain.pem").write_bytes(cert)
    (version / "privkey.pem").write_bytes(key)
    live(state, stem).symlink_to(f"../certs/{stem}/v0001")


# What it makes


def test_it_says_where_the_files_are_and_what_to_compare(
    self_signed: Vhostsmith, state: Path
) -> None:
    said = self_signed("A.test", "--alias", "*.a.test")
    pem = (live(state) / "cert.pem").read_bytes()
    leaf = read_leaf(pem)
    assert said.code == 0
    assert said.err == ""
    assert said.out.splitlines() == [
        f"certificate  {state}/live/a.test/fullchain.pem",
        f"key          {state}/live/a.test/privkey.pem",
        f"SHA-256      {leaf.sha256}",
        f"not after    {leaf.not_after:%Y-%m-%dT%H:%M:%SZ}",
    ]
    assert leaf.names == ("a.test", "*.a.test")


def test_json_says_the_same(self_signed: Vhostsmith, state: Path) -> None:
    said = self_signed("a.test", "--alias", "192.0.2.7", "--json")
    leaf = read_leaf((live(state) / "cert.pem").read_bytes())
    assert json.loads(said.out) == {
        "format": 1,
        "name": "a.test",
        "names": ["a.test", "192.0.2.7"],
        "changed": True,
        "version": "v0001",
        "certificate": f"{state}/live/a.test/fullchain.pem",
        "key": f"{state}/live/a.test/privkey.pem",
        "sha256": leaf.sha256,
        "not_after": f"{leaf.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }
    again = self_signed("a.test", "--alias", "192.0.2.7", "--json")
    assert json.loads(again.out) == json.loads(said.out) | {"changed": False}


def test_a_server_can_use_the_files_and_a_strict_client_that_trusts_them_accepts_them(
    self_signed: Vhostsmith, state: Path
) -> None:
    self_signed("a.test", "--alias", "*.a.test", "--alias", "127.0.0.1", "--alias", "::1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(live(state) / "fullchain.pem", live(state) / "privkey.pem")
    client = ssl.create_default_context(cafile=str(live(state) / "cert.pem"))
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    for name in ("a.test", "x.a.test", "127.0.0.1", "::1"):
        shake_hands(client, server, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server, "b.test")


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(2):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ours.do_handshake()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_the_modes_are_right_whatever_the_umask(
    self_signed: Vhostsmith, state: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        assert self_signed("a.test").code == 0
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    modes = {path: text.split()[0][-4:] for path, text in tree(state).items()}
    assert stat.S_IMODE(state.stat().st_mode) == 0o755
    assert modes.pop("lock") == "0600"
    assert modes.pop("live/a.test") == "0777"
    assert modes.pop("certs/a.test/v0001/privkey.pem") == "0600"
    files = {path for path in modes if (state / path).is_file()}
    assert len(files) == 4
    assert {modes.pop(path) for path in files} == {"0644"}
    assert set(modes.values()) == {"0755"}


def test_the_state_directory_is_as_documented(self_signed: Vhostsmith, state: Path) -> None:
    self_signed("*.example.com")
    assert (state / "format").read_text() == "1\n"
    assert os.readlink(live(state, "_wildcard.example.com")) == (
        "../certs/_wildcard.example.com/v0001"
    )
    version = state / "certs" / "_wildcard.example.com" / "v0001"
    assert sorted(os.listdir(version)) == ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
    assert (version / "chain.pem").read_bytes() == b""
    assert (version / "fullchain.pem").read_bytes() == (version / "cert.pem").read_bytes()


@pytest.mark.parametrize(
    ("name", "stem"),
    [("_", "000-catch-all"), ("::1", "0--1"), ("bücher.test", "xn--bcher-kva.test")],
)
def test_every_kind_of_name_gets_one(
    self_signed: Vhostsmith, state: Path, name: str, stem: str
) -> None:
    assert self_signed(name).code == 0
    assert (live(state, stem) / "fullchain.pem").is_file()


def test_the_longest_names_get_one(self_signed: Vhostsmith, state: Path) -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
    assert self_signed(f"*.{longest}").code == 0
    assert (live(state, parse_name(f"*.{longest}").stem) / "fullchain.pem").is_file()


def test_the_state_directory_may_be_named_by_the_environment_or_by_a_link(
    self_signed: Vhostsmith, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.mkdir()
    (tmp_path / "link").symlink_to(state)
    assert self_signed("a.test", state_dir=tmp_path / "link").code == 0
    assert (live(state) / "fullchain.pem").is_file()
    from vhostsmith.cli import run

    monkeypatch.setenv("VHOSTSMITH_STATE", str(tmp_path / "new" / "one"))
    assert run(["cert", "self-signed", "a.test"]) == 0
    assert (live(tmp_path / "new" / "one") / "fullchain.pem").is_file()


# What it leaves alone


def test_a_second_run_changes_nothing_and_says_so(self_signed: Vhostsmith, state: Path) -> None:
    first = self_signed("a.test", "--alias", "b.test", "--alias", "c.test")
    before = tree(state)
    second = self_signed("a.test", "--alias", "C.test", "--alias", "b.test")
    assert (second.code, second.out) == (0, first.out)
    assert second.err.startswith("note: unchanged: ")
    assert "another 364 days" in second.err
    assert tree(state) == before


def test_other_names_make_another_version_and_three_are_kept(
    self_signed: Vhostsmith, state: Path
) -> None:
    fingerprints = []
    for number in range(1, 6):
        said = self_signed("a.test", "--alias", f"b{number}.test", "--json")
        fingerprints.append(json.loads(said.out)["sha256"])
        assert os.readlink(live(state)) == f"../certs/a.test/v000{number}"
    assert said.err == "note: replaces v0004: it was for a.test, b4.test\n"
    assert sorted(os.listdir(state / "certs" / "a.test")) == ["v0003", "v0004", "v0005"]
    assert len(set(fingerprints)) == 5


@pytest.mark.parametrize(
    ("later", "changed", "reason"),
    [
        (timedelta(days=1), False, "another 363 days"),
        (timedelta(days=334), False, "another 30 days"),
        (timedelta(days=335, seconds=-3602), False, "another 30 days"),
        (timedelta(days=335, seconds=-3601), True, "it ends on 2027-11-23T22:59:59Z"),
        (timedelta(days=335), True, "it ends on 2027-11-23T22:59:59Z"),
        (timedelta(days=400), True, "it ends on 2027-11-23T22:59:59Z"),
    ],
)
def test_it_is_made_anew_when_30_days_or_less_are_left(
    state: Path, later: timedelta, reason: str, *, changed: bool
) -> None:
    where = Directories(state=str(state))
    made = make_self_signed("a.test", (), days=365, where=where, now=NOW)
    assert made.not_after == datetime(2027, 11, 23, 22, 59, 59, tzinfo=UTC)
    again = make_self_signed("a.test", (), days=365, where=where, now=NOW + later)
    assert again.changed is changed
    assert reason in again.notes[0]
    assert (again.sha256 == made.sha256) is not changed


@pytest.mark.parametrize("key", [None, b"", b"no key", "another"])
def test_a_certificate_without_its_key_is_made_anew(
    self_signed: Vhostsmith, state: Path, key: bytes | str | None
) -> None:
    self_signed("a.test")
    path = state / "certs/a.test/v0001/privkey.pem"
    path.unlink()
    if key == "another":
        key = make_pair((parse_name("a.test"),), now=NOW, days=1).key_pem
    if isinstance(key, bytes):
        path.write_bytes(key)
    assert "it had not the key that belongs to it" in self_signed("a.test").err
    assert os.readlink(live(state)) == "../certs/a.test/v0002"


def test_a_link_that_leads_nowhere_is_mended(self_signed: Vhostsmith, state: Path) -> None:
    self_signed("a.test")
    shutil.rmtree(state / "certs/a.test/v0001")
    assert self_signed("a.test").code == 0
    assert (live(state) / "fullchain.pem").is_file()


def test_a_certificate_of_an_authority_is_never_replaced(
    self_signed: Vhostsmith, state: Path
) -> None:
    issued = trustme.CA().issue_cert("a.test")
    plant(state, issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())
    before = tree(state)
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/live/a.test: a certificate by " in said.err
    assert "trustme" in said.err
    assert f"rm {state}/live/a.test" in said.err
    after = tree(state)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"lock", "format"}
    live(state).unlink()
    assert self_signed("a.test").code == 0
    assert os.readlink(live(state)) == "../certs/a.test/v0002"


@pytest.mark.parametrize("cert", [b"", b"-----BEGIN CERTIFICATE-----\nx\n", b"\xff" * 100])
def test_what_cannot_be_read_is_not_replaced(
    self_signed: Vhostsmith, state: Path, cert: bytes
) -> None:
    plant(state, cert, b"")
    said = self_signed("a.test")
    assert said.code == 1
    assert f"{state}/live/a.test/cert.pem: what stands there is not a certificate" in said.err
    assert (state / "certs/a.test/v0001/cert.pem").read_bytes() == cert


# Help


def test_the_help_has_an_example_that_works(self_signed: Vhostsmith, state: Path) -> None:
    said = self_signed("--help")
    assert said.code == 0
    example = said.out.partition("Example: vhostsmith cert self-signed ")[2]
    assert self_signed(*shlex.split(example)).code == 0
    assert (live(state, "nas.home.arpa") / "fullchain.pem").is_file()
