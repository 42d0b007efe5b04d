"""The command line in this process: fast enough for thousands of runs."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from vhostsmith.cli import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Exit code, and the two streams."""

    code: int
    out: str
    err: str


def run_inside(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Done:
    """Run ``vhostsmith ARGUMENTS…``, with variables of the environment on top of the real one."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        code = run(list(arguments))
    return Done(code=code, out=_text(out), err=_text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
