"""A real terminal in which a trial runs: keys are typed into it, and it can be closed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from trial.desk import Desk

_SHOWN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A pseudo-terminal; ``keys`` is the person's end of it."""

    keys: int
    process: subprocess.Popen[bytes]
    screen: bytearray = field(default_factory=bytearray)

    def type(self, keys: bytes) -> None:
        os.write(self.keys, keys)

    def await_shown(self, text: bytes) -> str:
        """Read the screen until it shows a text; AssertionError when it ends before."""
        deadline = time.monotonic() + _SHOWN_S
        while text not in self.screen:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.screen!r}"
            with contextlib.suppress(BlockingIOError):
                self.screen.extend(os.read(self.keys, 4096))
            time.sleep(0.01)
        return self.screen.decode()

    def close(self) -> None:
        """Hang up: the kernel sends SIGHUP to whoever runs there."""
        os.close(self.keys)

    def wait(self) -> int:
        return self.process.wait(timeout=20)


@contextlib.contextmanager
def terminal(desk: Desk, *arguments: str) -> Iterator[Terminal]:
    """Run vhostsmith in a terminal of its own; it is killed if it still runs afterwards."""
    keys, screen = os.openpty()
    os.set_blocking(keys, False)
    try:
        process = desk.start(
            *arguments, stdin=screen, stdout=screen, stderr=screen, under=("setsid", "--ctty")
        )
    finally:
        os.close(screen)
    try:
        yield Terminal(keys=keys, process=process)
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            os.close(keys)
