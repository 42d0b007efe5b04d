"""What a protection is: a text of a template without which some check must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from servers.front import Flavour, Front, Plan
from vhostsmith.templating import Sources

Check = Callable[[Front], None]


@dataclass(frozen=True, slots=True)
class Switch:
    """``text`` of ``template`` protects what ``check`` looks at on a site of ``plan``.

    Switched off, ``replacement`` stands in the text's place; without one, every line goes that
    holds the text. Positional, as the tables are long.
    """

    template: str
    text: str
    plan: Plan
    check: Check
    replacement: str | None = None
    flavour: Flavour | None = None

    def __str__(self) -> str:
        return f"{self.template}: {self.text}"

    def off(self, sources: Sources) -> Sources:
        """Return the templates without it; AssertionError when they do not have it."""
        (name,) = (name for name in sources if name.partition("/")[2] == self.template)
        file, text = sources[name]
        assert self.text in text, f"{file} does not hold {self.text!r}"
        if self.replacement is not None:
            return {**sources, name: (file, text.replace(self.text, self.replacement))}
        lines = text.splitlines(keepends=True)
        return {**sources, name: (file, "".join(x for x in lines if self.text not in x))}
