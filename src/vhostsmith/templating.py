"""The Jinja environment over given sources.

Every text that a person chose goes through the server's own quoting.

A template is found by name in ``sources``, a mapping of names to (file, text): who wins among
several places is decided by whoever builds it. Templates run in Jinja's sandbox and every undefined
name is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vhostsmith.errors import TemplateError
from vhostsmith.names import literal

FORMAT = 1
_MARK = re.compile(r"\{# vhostsmith-templates: ([0-9]+) #\}\n")

# What a template's own expressions raise: a division by zero, an include of itself, a wrong type.
_FAULTS = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError),
    *(RuntimeError, TypeError, ValueError),
)

Sources = Mapping[str, tuple[str, str]]


def environment(sources: Sources, quote: Callable[[str], str]) -> jinja2.Environment:
    """Return an environment whose filter ``quote`` writes an argument by the server's own rules."""

    def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        if name not in sources:
            return None
        file, text = sources[name]
        return _checked(text, file), file, lambda: True

    made = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the output is no HTML: `quote` does what is needed
        auto_reload=False,
    )
    made.filters["quote"] = quote
    made.filters["regex"] = literal
    return made


def render(made: jinja2.Environment, name: str, context: Mapping[str, Any]) -> str:
    """Return the text of a template; raises TemplateError with its file and line."""
    try:
        return made.get_template(name).render(context)
    except jinja2.TemplateSyntaxError as error:
        place = f"{error.filename or error.name}:{error.lineno}"
        raise TemplateError(f"the template cannot be read: {error.message}", where=place) from error
    except jinja2.TemplateNotFound as error:
        raise TemplateError(
            f"the template {error.name} is nowhere to be found", where=_place(error)
        ) from error
    except (jinja2.UndefinedError, jinja2.exceptions.SecurityError) as error:
        raise TemplateError(str(error.message), where=_place(error)) from error
    except _FAULTS as error:
        what = f"the template cannot be followed: {str(error) or type(error).__name__}"
        raise TemplateError(what, where=_place(error)) from error


def undefined(what: str) -> Exception:
    """Return what a function that templates call raises for a name that there is not."""
    import jinja2

    return jinja2.UndefinedError(what)


def _checked(text: str, file: str) -> str:
    """Refuse a template of another format; the mark's line is not part of the text."""
    match = _MARK.match(text)
    if not match:
        raise TemplateError(
            "the first line is not a template's mark",
            where=f"{file}:1",
            remedy=f"it begins with {{# vhostsmith-templates: {FORMAT} #}}",
        )
    if int(match[1]) != FORMAT:
        raise TemplateError(
            f"written for templates of format {match[1]}, this version knows {FORMAT}",
            where=f"{file}:1",
        )
    return text


def _place(error: Exception) -> str | None:
    """The last line of a template that the error passed through."""
    import traceback

    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith(".j2")]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None
