"""The errors that a user may see: what happened, where, what to do; each with its exit code."""

from __future__ import annotations


class VhostsmithError(Exception):
    """Something asked for was not done.

    ``what`` says what happened; ``where`` is ``file:line``, an option or an address; ``remedy`` is
    what the person can do next. The command line prints them and exits with ``exit_code``.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.remedy}" if self.remedy else text


class InputError(VhostsmithError):
    """What was typed, or stands in a site file, is refused; nothing was touched (exit code 2)."""

    exit_code = 2

    def at(self, where: str) -> InputError:
        """Return the same refusal, located at ``where`` unless it already names a place."""
        return InputError(self.what, where=self.where or where, remedy=self.remedy)


class TemplateError(VhostsmithError):
    """A template names something undefined, or is of a format that this version does not know."""


class MachineError(VhostsmithError):
    """The machine refused: a file, a program or a port."""


class BusyError(VhostsmithError):
    """Another run is at work, or a limit is reached: the same command works later."""

    exit_code = 75
