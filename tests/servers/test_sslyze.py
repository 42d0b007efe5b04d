"""sslyze, a judge of TLS servers by Mozilla's guideline, finds what we emit compliant."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from servers import plans
from servers.certificates import Authority
from servers.conftest import PLAIN, Machines, facts_of
from servers.front import Flavour, Front, Wish, fronting
from servers.ground import Ground
from vhostsmith.model import Guideline, Tls
from vhostsmith.operations import load

GUIDELINES: tuple[Guideline, ...] = ("intermediate", "modern")


@pytest.fixture(scope="module")
def sslyze() -> str:
    """The program; ``./dev test`` says in VHOSTSMITH_SSLYZE where it is."""
    program = shutil.which(os.environ.get("VHOSTSMITH_SSLYZE", "sslyze"))
    if program is None:
        pytest.skip("needs sslyze, which this machine does not offer (VHOSTSMITH_SSLYZE)")
    return program


@pytest.mark.parametrize("guideline", GUIDELINES)
@pytest.mark.parametrize("flavour", PLAIN, ids=str)
def test_a_server_complies_with_the_guideline_that_was_asked_for(
    flavour: Flavour,
    guideline: Guideline,
    sslyze: str,
    ground: Ground,
    machine: Machines,
) -> None:
    """By the version that sslyze brings, and by the one that we follow."""
    authority = Authority("sslyze")
    here = Path(ground.directory)
    (here / "sslyze-root.pem").write_bytes(authority.pem)
    (here / "guideline.json").write_text(json.dumps(_for_sslyze(guideline)))

    def plan(flavour: Flavour, ground: Ground) -> Wish:
        wish = plans.root(flavour, ground)
        site = dataclasses.replace(wish.site, tls=Tls(guideline=guideline, hsts_s=63072000))
        issued = authority.issue("site.test")
        return dataclasses.replace(wish, site=site, trusted=True, issued=issued)

    with fronting(plan, flavour, ground, facts_of(flavour.server, machine)) as front:
        for how in (
            f"--mozilla_config={guideline}",
            f"--custom_tls_config={here}/guideline.json",
        ):
            said = _judge(sslyze, front, how)
            assert said.returncode == 0, said.stdout
            assert "OK - Compliant" in said.stdout


def _for_sslyze(guideline: Guideline) -> Any:
    """Return Mozilla's configuration in the shape that sslyze can read."""
    configuration = json.loads(load.guideline_text())["configurations"][guideline]
    configuration["ciphers"] = {"caddy": [], "go": [], **configuration["ciphers"]}
    return configuration


def _judge(sslyze: str, front: Front, how: str) -> subprocess.CompletedProcess[str]:
    command = (
        sslyze,
        how,
        "--sni=site.test",
        f"--certinfo_ca_file={front.ground.directory}/sslyze-root.pem",
        f"127.0.0.1:{front.scratch.https_port}",
    )
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
