"""The command line in this process, on a state directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs.snapshot import Said, Vhostsmith
from vhostsmith.cli import run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return where the state directory will be; its parent is root's alone when root runs us."""
    tmp_path.chmod(0o755)
    return tmp_path / "state"


@pytest.fixture
def self_signed(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Vhostsmith:
    """Return ``cert self-signed`` for the state directory."""
    monkeypatch.delenv("VHOSTSMITH_STATE", raising=False)

    def self_signed(*arguments: str, state_dir: Path = state) -> Said:
        capsys.readouterr()
        code = run(["--state-dir", str(state_dir), "cert", "self-signed", *arguments])
        printed = capsys.readouterr()
        return Said(code=code, out=printed.out, err=printed.err)

    return self_signed
