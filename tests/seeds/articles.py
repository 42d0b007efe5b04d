"""The articles' own files, word for word, and what a real Apache makes of them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from vhostsmith.scratch import Scratch, configure, running, scratch
from vhostsmith.servers.base import ServerFacts

# What the article enables with a2enmod; ssl brings socache_shmcb along.
MODULES = ("ssl", "socache_shmcb", "rewrite", "proxy", "proxy_http", "proxy_wstunnel")


def verbatim(name: str) -> str:
    """Return a file of the article: its first line says where it is from."""
    return Path(__file__).with_name(name).read_text("utf-8")


def asked(
    apache: ServerFacts, text: str, *arguments: str, modules: tuple[str, ...] = MODULES
) -> subprocess.CompletedProcess[str]:
    """Return what ``apache2 ARGUMENTS…`` (``-t``, ``-S``) says to a site."""
    with scratch(apache.layout.user) as made:
        configure(made, apache, text, modules)
        return subprocess.run(
            (apache.layout.binary, *arguments, "-f", f"{made.directory}/server.conf"),
            env={"APACHE_LOG_DIR": f"{made.directory}/logs", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )


@contextlib.contextmanager
def served(
    made: Scratch, apache: ServerFacts, text: str, modules: tuple[str, ...]
) -> Iterator[None]:
    """Run a site's text, with the log directory that Debian's Apache defines."""
    harness = configure(
        made, apache, f'Define APACHE_LOG_DIR "{made.directory}/logs"\n{text}', modules
    )
    with running(made, harness):
        yield
