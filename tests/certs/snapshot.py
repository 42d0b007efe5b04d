"""What tests of the state directory share: a command's answer, and all that is in a directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Vhostsmith = Callable[..., Said]


def tree(root: Path) -> dict[str, str]:
    """Return each path below a directory with its kind, mode, and content or target."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(directory, name)
            mode = f"{path.lstat().st_mode:o}"
            content = (
                os.readlink(path)
                if path.is_symlink()
                else path.read_bytes().hex()
                if path.is_file()
                else ""
            )
            found[str(path.relative_to(root))] = f"{mode} {content}"
    return found
