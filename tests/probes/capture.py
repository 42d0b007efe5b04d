"""Captures what this machine's servers answer to the probe's questions, for a file beside this one.

    python tests/probes/capture.py debian-apache2 >tests/probes/apache/DISTRIBUTION.json
    python tests/probes/capture.py embedded-nginx=/usr/local/bin/nginx >tests/probes/nginx/NAME.json

Look through the result before sharing it: it holds host names and the names of sites.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

from vhostsmith import facts
from vhostsmith.host import Machine
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Completed, Layout, ServerFacts


class Recorder:
    """A host that passes questions on to the machine and keeps its answers."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.commands: dict[str, Any] = {}
        self.files: dict[str, Any] = {}
        self.directories: dict[str, Any] = {}
        self.nginx: dict[str, Any] = {}

    def run(self, *command: str) -> Completed | None:
        answer = self.machine.run(*command)
        self.commands[" ".join(command)] = answer and {
            "code": answer.code,
            "stdout": answer.stdout.splitlines(keepends=True),
            "stderr": answer.stderr.splitlines(keepends=True),
        }
        return answer

    def read_text(self, path: str) -> str | None:
        text = self.machine.read_text(path)
        self.files[path] = text and text.splitlines(keepends=True)
        return text

    def names_in(self, directory: str) -> tuple[str, ...]:
        names = self.machine.names_in(directory)
        self.directories[directory] = names
        return names

    def parse_nginx(self, path: str) -> Mapping[str, Any]:
        tree = self.machine.parse_nginx(path)
        self.nginx[path] = json.dumps(tree)
        return tree


class Replay:
    """A host that answers from a capture, and fails the test for a question that was not asked."""

    def __init__(self, capture: Mapping[str, Any]) -> None:
        self.capture = capture

    def run(self, *command: str) -> Completed | None:
        answer = self.capture["commands"][" ".join(command)]
        return answer and Completed(
            code=answer["code"], stdout="".join(answer["stdout"]), stderr="".join(answer["stderr"])
        )

    def read_text(self, path: str) -> str | None:
        lines = self.capture["files"][path]
        return lines and "".join(lines)

    def names_in(self, directory: str) -> tuple[str, ...]:
        return tuple(self.capture["directories"][directory])

    def parse_nginx(self, path: str) -> Mapping[str, Any]:
        tree: Mapping[str, Any] = json.loads(self.capture["nginx"][path])
        return tree


def as_plain(found: ServerFacts) -> Mapping[str, Any]:
    """Return facts as they stand in JSON."""
    plain: Mapping[str, Any] = json.loads(facts.dump((found,), listening=None))["servers"][0]
    return plain


def find_layout(text: str) -> Layout:
    """Return the layout of a name, or Debian's of nginx with another binary for ``name=/path``."""
    layouts = {layout.name: layout for server in SERVERS.values() for layout in server.layouts}
    name, equals, binary = text.partition("=")
    if not equals:
        return layouts[name]
    return dataclasses.replace(
        layouts["debian-nginx"], name=name, binary=binary, control=binary, config=""
    )


def main() -> None:
    """Print the capture of the layout that the argument names."""
    layout = find_layout(sys.argv[1])
    recorder = Recorder()
    found = SERVERS[layout.kind].probe(recorder, layout)
    if found is None:
        sys.exit(f"{layout.name} is not installed here")
    document = {
        "commands": recorder.commands,
        "files": recorder.files,
        "directories": recorder.directories,
        "nginx": recorder.nginx,
        "expected": as_plain(found),
    }
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
