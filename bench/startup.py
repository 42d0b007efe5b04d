"""How long a command takes to start, as a multiple of the interpreter's own start.

``python bench/startup.py`` runs each command and ``python -c pass`` in turn, whole processes with
everything that they load, and compares pair by pair: what else the machine does meanwhile slows
both. It prints the medians and exits 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FACTS = Path(__file__).resolve().parent.parent / "tests/golden/facts/apache-2.4.71-event.json"
NOTHING = (sys.executable, "-c", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A command line, and how many times ``python -c pass`` it may take."""

    title: str
    arguments: tuple[str, ...]
    times: float


GOALS = (
    Goal(title="vhostsmith --help", arguments=("--help",), times=6),
    Goal(
        title="vhostsmith render --facts FILE NAME http://127.0.0.1:8889",
        arguments=(
            "render",
            "--facts",
            str(FACTS),
            "jupyter.example.com",
            "http://127.0.0.1:8889",
        ),
        times=11,
    ),
)


def seconds(command: Sequence[str]) -> float:
    """Return how long a process takes from its start to its end; raises CalledProcessError."""
    # As it is installed: with its bytecode kept, and none of the tracing that a variable asks for.
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def paired(command: Sequence[str], pairs: int) -> tuple[float, float, float]:
    """Return the medians of ``python -c pass`` and of the command, and that of their ratios.

    Who goes first changes from pair to pair. The first pair fills the caches and does not count.
    """
    nothing, something = [], []
    for number in range(pairs + 1):
        if number % 2:
            nothing.append(seconds(NOTHING))
            something.append(seconds(command))
        else:
            something.append(seconds(command))
            nothing.append(seconds(NOTHING))
    ratios = [long / short for long, short in zip(something[1:], nothing[1:], strict=True)]
    return (
        statistics.median(nothing[1:]),
        statistics.median(something[1:]),
        statistics.median(ratios),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line per goal; return 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=41, help="runs of each command (default: 41)")
    pairs = max(parser.parse_args(arguments).pairs, 1)
    print(f"{pairs} pairs, medians, {sys.executable}")
    print(f"{'python':>8} {'command':>9} {'times':>6} {'goal':>5}")
    missed = 0
    for goal in GOALS:
        nothing, something, ratio = paired(
            (sys.executable, "-m", "vhostsmith", *goal.arguments), pairs
        )
        is_missed = ratio > goal.times
        missed += is_missed
        print(
            f"{nothing * 1000:6.1f}ms {something * 1000:7.1f}ms {ratio:6.2f} {goal.times:5.0f}"
            f"  {goal.title}{'  MISSED' if is_missed else ''}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
