"""Mozilla's guideline as the servers can follow it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import vhostsmith
from vhostsmith import tls
from vhostsmith.errors import InputError
from vhostsmith.model import Guideline

GUIDELINE = (
    Path(vhostsmith.__file__).with_name("guidelines").joinpath("mozilla-6.0.json").read_text()
)


def policy(
    guideline: Guideline, *, has_tls13: bool = True, has_mlkem: bool = True
) -> tls.TlsPolicy:
    return tls.policy(GUIDELINE, guideline, has_tls13=has_tls13, has_mlkem=has_mlkem)


def test_the_packaged_guideline_is_the_version_that_the_texts_name() -> None:
    assert f"{json.loads(GUIDELINE)['version']:.1f}" == tls.GUIDELINE_VERSION


def test_intermediate_is_tls_1_2_and_1_3_with_forward_secrecy() -> None:
    found = policy("intermediate")
    assert found.protocols == ("TLSv1.2", "TLSv1.3")
    assert found.groups == ("X25519MLKEM768", "X25519", "prime256v1", "secp384r1")
    assert len(found.ciphers) == 6
    assert all(re.match(r"ECDHE-(ECDSA|RSA)-(AES|CHACHA20)", name) for name in found.ciphers)
    assert not found.prefer_server_order


def test_modern_is_tls_1_3_alone_with_openssls_own_suites() -> None:
    found = policy("modern")
    assert found.protocols == ("TLSv1.3",)
    assert found.ciphers == ()
    assert found.groups[0] == "X25519MLKEM768"


@pytest.mark.parametrize("guideline", ["modern", "intermediate"])
def test_the_hybrid_group_is_left_out_where_openssl_does_not_know_it(guideline: Guideline) -> None:
    both, without = policy(guideline), policy(guideline, has_mlkem=False)
    assert without.groups == both.groups[1:]
    assert "MLKEM" not in "".join(without.groups)
    assert (without.protocols, without.ciphers) == (both.protocols, both.ciphers)


def test_an_old_server_gets_tls_1_2_of_intermediate_and_nothing_of_modern() -> None:
    assert policy("intermediate", has_tls13=False).protocols == ("TLSv1.2",)
    with pytest.raises(InputError, match=r"allows only TLS 1\.3") as refused:
        policy("modern", has_tls13=False)
    assert "--tls intermediate" in (refused.value.remedy or "")


def test_every_word_of_a_policy_is_one_that_a_configuration_can_hold() -> None:
    for guideline in ("modern", "intermediate"):
        found = tls.policy(GUIDELINE, guideline, has_tls13=True, has_mlkem=True)
        for word in (*found.protocols, *found.ciphers, *found.groups):
            assert re.fullmatch(r"[A-Za-z0-9.-]+", word)
