"""An app that is away, comes back, or lives on a socket of its own."""

from __future__ import annotations

import dataclasses

import pytest

from servers import plans
from servers.conftest import EVERY, Machines, facts_of
from servers.echo import Echo
from servers.front import Flavour, Front, Wish, fronting
from servers.ground import Ground, own_certificate
from servers.targets import INSIDE
from vhostsmith.backend import BackendTls, parse_backend
from vhostsmith.model import Route

PATHS = (("/", "root", "/"), ("/jup/", "kept", "/jup/"), ("/app.v1/", "stripped", "/"))


@pytest.mark.parametrize("flavour", EVERY, ids=str)
def test_an_app_that_is_away_is_missed_on_its_path_alone_and_found_again_at_once(
    flavour: Flavour, ground: Ground, machine: Machines
) -> None:
    context, pem = own_certificate(ground.directory, "moody")
    with Echo("moody", tls=context if flavour.scheme == "https" else None) as moody:

        def plan(flavour: Flavour, ground: Ground) -> Wish:
            tls = BackendTls(mode="pin", name="localhost") if flavour.scheme == "https" else None
            address = parse_backend(f"{flavour.scheme}://127.0.0.1:{moody.port}")
            site = plans.proxy(
                flavour,
                Route(path="/", backend=ground.backend(flavour.scheme, "root")),
                Route(path="/moody/", backend=dataclasses.replace(address, tls=tls)),
            )
            return Wish(site=site, pins={f"127.0.0.1:{moody.port}": pem})

        with fronting(plan, flavour, ground, facts_of(flavour.server, machine)) as front:
            for _ in range(2):
                assert front.seen("/moody/x").backend == "moody"
                moody.stop()
                for _ in range(3):
                    assert front.ask("/moody/x").status in {502, 503}
                    assert front.seen("/x").backend == "root"
                moody.start()


def test_apps_on_sockets_are_told_apart(sockets: Front) -> None:
    for rest in INSIDE:
        for path, backend, inside in PATHS:
            seen = sockets.seen(path + rest)
            assert (seen.backend, seen.target) == (backend, inside + rest)


def test_websockets_of_apps_on_sockets_are_told_apart(sockets: Front) -> None:
    for path, backend, inside in PATHS:
        with sockets.websocket(f"{path}a%2Fb?c=%20") as (_, seen):
            assert (seen.backend, seen.target) == (backend, f"{inside}a%2Fb?c=%20")


def test_apps_on_sockets_are_told_the_public_name(sockets: Front) -> None:
    for path, *_ in PATHS:
        assert sockets.seen(path).values("Host") == [sockets.host]


def test_targets_that_look_like_another_apps_stay_with_the_root(sockets: Front) -> None:
    seen = sockets.seen("/jup/../x")
    assert (seen.backend, seen.target) == ("root", "/jup/../x")
