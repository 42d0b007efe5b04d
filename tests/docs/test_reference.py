"""The reference names all that there is, and nothing that is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from vhostsmith import model, site_file
from vhostsmith.backend import BackendTls, parse_backend
from vhostsmith.names import parse_name
from vhostsmith.operations import load
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind

DOCS = Path(__file__).parents[2] / "docs" / "reference"
TEMPLATES = (DOCS / "templates.md").read_text("utf-8")
SITE = model.Site(
    name=parse_name("www.example.com"),
    action=model.Proxy(
        routes=(
            model.Route(
                path="/",
                backend=replace(
                    parse_backend("https://127.0.0.1:8889"),
                    tls=BackendTls(mode="pin", name="localhost"),
                ),
            ),
        )
    ),
    certificate=model.CertificateSource(kind="acme"),
)


def seen_by(kind: Kind) -> dict[str, object]:
    server = SERVERS[kind]
    places = load.places(SITE, load.Directories(), server.newest)
    return dict(server.view(SITE, server.newest, places))


def documented() -> set[str]:
    return set(re.findall(r"`site\.(\w+)`", TEMPLATES))


def test_every_name_of_a_site_is_documented_and_no_other() -> None:
    assert documented() == {name for kind in get_args(Kind) for name in seen_by(kind)}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_name_of_a_route_is_documented(kind: Kind) -> None:
    routes = seen_by(kind)["routes"]
    assert isinstance(routes, list)
    names = set(re.findall(r"`(\w+)`", TEMPLATES.partition("### A route")[2]))
    assert set(routes[0]) <= names


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_packaged_templates_use_what_a_site_has(kind: Kind) -> None:
    texts = [text for _, text in load.template_sources(load.Directories(), kind).values()]
    used = {name for text in texts for name in re.findall(r"\bsite\.(\w+)", text)}
    assert used <= set(seen_by(kind))


def test_the_site_file_of_the_reference_is_one() -> None:
    text = (DOCS / "site-file.md").read_text("utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    example = example.replace('backend_tls = "pin"', 'backend_tls = "verify"')
    loaded = site_file.load(parse_name("jupyter.example.com"), example, file="example.toml")
    assert loaded.server == "apache"
    assert loaded.site.file_name == "jupyter"
