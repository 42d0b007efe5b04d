"""``probe``: the facts of this machine."""

from __future__ import annotations

from vhostsmith import facts
from vhostsmith.host import Machine
from vhostsmith.operations import load


def probe_as_json() -> str:
    """Return the facts of every installed server, and which of them listens, as JSON."""
    return facts.dump(load.probe_machine(Machine()), listening=load.listening_kind())
