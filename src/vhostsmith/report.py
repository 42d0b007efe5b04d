"""What the command line prints and ``--json`` serialises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was verified from the client's side.

    ``name`` is a word (``tls``, ``redirect``, ``page``, ``websocket``); ``detail`` says what was
    seen; ``remedy`` is what to do when it is not a pass.
    """

    name: str
    outcome: Outcome
    detail: str
    remedy: str | None = None
