"""sslyze, Mozilla's own judge of a TLS server, finds what we emit compliant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import plans
from servers.certificates import Authority, Issued
from servers.conftest import PLAIN, Machines, facts_of
from servers.front import Front, Plan, fronting
from servers.ground import Ground
from vhostsmith.model import Guideline
from vhostsmith.operations import load


@pytest.fixture(scope="module")
def sslyze() -> str:
    """The program; ``./dev test`` says in VHOSTSMITH_SSLYZE where it is."""
    program = shutil.which(os.environ.get("VHOSTSMITH_SSLYZE", "sslyze"))
    if program is None:
        pytest.skip("needs sslyze, which this machine does not offer (VHOSTSMITH_SSLYZE)")
    return program


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("front")


@pytest.fixture(params=PLAIN, ids=str)
def judged(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines, authority: Authority
) -> Iterator[tuple[Front, Front]]:
    """An intermediate and a modern site with certificates of an authority, as live sites have."""
    facts = facts_of(request.param.server, machine)
    issued = authority.issue("site.test")

    def run(plan: Plan) -> Iterator[Front]:
        with fronting(plan, request.param, ground, facts, issued=issued) as front:
            yield front

    yield from zip(run(plans.root), run(plans.trusted), strict=True)
