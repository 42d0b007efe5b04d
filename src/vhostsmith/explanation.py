"""``render --explain``: before each directive, why it is there and where it is documented."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

_WIDTH = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a directive stands in a site, and the URL of its documentation."""

    why: str
    source: str


def load(text: str) -> Mapping[str, Explanation]:
    """Parse a table of explanations; a key is a directive, or a directive and its first words."""
    return {
        key: Explanation(why=row["why"], source=row["source"])
        for key, row in tomllib.loads(text).items()
    }


def annotate(text: str, table: Mapping[str, Explanation]) -> str:
    """Return the text with comments that explain each directive where it stands first."""
    said: set[str] = set()
    lines: list[str] = []
    in_map = False
    for line in text.splitlines():
        key = None if in_map else key_of(line, table)
        if key is not None and key not in said:
            said.add(key)
            indent = line[: len(line) - len(line.lstrip())]
            if lines and lines[-1].startswith(f"{indent}#"):
                lines.append(f"{indent}#")  # the template's own comment stays one of its own
            lines += _comment(table[key], indent=indent)
        in_map = line.startswith("map ") or (in_map and not line.startswith("}"))
        lines.append(line)
    return "\n".join(lines) + "\n"


def key_of(line: str, table: Mapping[str, Explanation]) -> str | None:
    """Return the longest key of the table that begins the line; None for what is no directive."""
    words = line.replace(";", " ").split()
    if not words or words[0].startswith(("#", "</", "}")):
        return None
    for length in range(len(words), 0, -1):
        key = " ".join(words[:length])
        if key in table:
            return key
    return None


def _comment(explanation: Explanation, *, indent: str) -> list[str]:
    width = _WIDTH - len(indent)
    why = textwrap.wrap(explanation.why, width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in (*why, explanation.source)]
