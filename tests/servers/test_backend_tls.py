"""HTTPS backends are verified as the site says, pages and WebSockets alike."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers import plans
from servers.certificates import Authority, server_context
from servers.conftest import SECURE, Machines, facts_of
from servers.echo import Echo
from servers.front import Flavour, Front, Plan, Wish, fronting
from servers.ground import Ground, own_certificate
from vhostsmith.backend import Backend, BackendTls, parse_backend
from vhostsmith.model import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Backends and how each is verified; ``wrong`` are those that must not be let in."""

    right: Mapping[str, Backend]
    wrong: Mapping[str, Backend]
    pins: Mapping[str, str]
    ca_bundle: str

    def backends(self) -> Mapping[str, Backend]:
        return {**self.right, **self.wrong}


@pytest.fixture(scope="module")
def vault(ground: Ground) -> Iterator[Vault]:
    ours, theirs = Authority("ours"), Authority("theirs")
    ca = _readable(ground, ours, "ours")
    with contextlib.ExitStack() as held:

        def backend(
            authority: Authority, name: str, tls: BackendTls, *, old: bool = False
        ) -> Backend:
            context = server_context(authority.issue(name, is_expired=old), ground.directory)
            echo = held.enter_context(Echo(name, tls=context))
            found = parse_backend(f"https://127.0.0.1:{echo.port}")
            return dataclasses.replace(found, tls=tls)

        pins = {}

        def pinned(*, rightly: bool) -> Backend:
            context, pem = own_certificate(ground.directory, "vault")
            _, other = own_certificate(ground.directory, "vault")
            echo = held.enter_context(Echo("vault", tls=context))
            pins[f"127.0.0.1:{echo.port}"] = pem if rightly else other
            found = parse_backend(f"https://127.0.0.1:{echo.port}")
            return dataclasses.replace(found, tls=BackendTls(mode="pin", name="localhost"))

        by_ca = BackendTls(mode="verify", ca=ca, name="app.test")
        by_machine = BackendTls(mode="verify", name="site.test")
        yield Vault(
            right={
                "pinned": pinned(rightly=True),
                "pinned-too": pinned(rightly=True),
                "by-ca": backend(ours, "app.test", by_ca),
                "by-machine": backend(ours, "site.test", by_machine),
                "insecure": backend(theirs, "x.test", BackendTls(mode="insecure"), old=True),
            },
            wrong={
                "other-pin": pinned(rightly=False),
                "other-ca": backend(theirs, "app.test", by_ca),
                "expired": backend(ours, "app.test", by_ca, old=True),
                "unknown-ca": backend(theirs, "site.test", by_machine),
                "other-name": backend(ours, "other.test", by_machine),
            },
            pins=pins,
            ca_bundle=ca,
        )


@pytest.fixture(scope="module", params=SECURE, ids=str)
def several(
    request: pytest.FixtureRequest, vault: Vault, ground: Ground, machine: Machines
) -> Iterator[Front]:
    """All of them in one site."""
    facts = facts_of(request.param.server, machine)
    with fronting(_plan(vault, vault.backends()), request.param, ground, facts) as front:
        yield front


def test_the_right_backends_of_a_site_are_let_in(several: Front, vault: Vault) -> None:
    for name in vault.right:
        assert several.ask(f"/{name}/x").status == 200, (name, several.log())
        assert _upgrade(several, name) == 101, (name, several.log())


def test_the_wrong_backends_of_a_site_are_not(several: Front, vault: Vault) -> None:
    for name in vault.wrong:
        assert several.ask(f"/{name}/x").status in {500, 502}, name
        assert _upgrade(several, name) in {500, 502}, name


@pytest.mark.parametrize("flavour", SECURE, ids=str)
def test_a_single_right_backend_is_let_in(
    flavour: Flavour, vault: Vault, ground: Ground, machine: Machines
) -> None:
    facts = facts_of(flavour.server, machine)
    for name, backend in vault.right.items():
        with fronting(_plan(vault, {name: backend}), flavour, ground, facts) as front:
            assert _upgrade(front, name) == 101, (name, front.log())
            assert front.ask(f"/{name}/x").status == 200, (name, front.log())


@pytest.mark.parametrize("flavour", SECURE, ids=str)
def test_a_single_wrong_backend_is_not(
    flavour: Flavour, vault: Vault, ground: Ground, machine: Machines
) -> None:
    facts = facts_of(flavour.server, machine)
    for name, backend in vault.wrong.items():
        with fronting(_plan(vault, {name: backend}), flavour, ground, facts) as front:
            assert front.ask(f"/{name}/x").status in {500, 502}, name
            assert _upgrade(front, name) in {500, 502}, name


def test_an_app_with_another_certificate_than_the_pinned_one_is_not_let_in(
    mispinned: Front,
) -> None:
    assert_kept_out(mispinned, "/", "root")


def test_two_apps_with_each_others_pins_are_not_let_in(mispinned_both: Front) -> None:
    assert_kept_out(mispinned_both, "/", "root")
    assert_kept_out(mispinned_both, "/jup/", "kept")


def test_an_app_that_is_not_verified_may_show_what_it_likes(careless: Front) -> None:
    assert careless.seen("/").backend == "outdated"
    with careless.websocket("/ws") as (_, seen):
        assert seen.backend == "outdated"


def test_an_app_that_an_authority_vouches_for_is_let_in(vouched: Front) -> None:
    assert vouched.seen("/").backend == "vouched"
    with vouched.websocket("/ws") as (_, seen):
        assert seen.backend == "vouched"


def test_an_app_is_asked_for_by_a_name(vouched: Front) -> None:
    """By nginx for the one that it compares, by Apache for the public one."""
    names = vouched.ground.echoes["https", "vouched"].names
    before = len(names)
    assert vouched.ask("/").status == 200
    assert set(names[before:]) <= {"site.test" if vouched.is_apache else "app.test"}
    assert names[-1] is not None


def test_of_an_authoritys_certificate_for_another_name_only_nginx_thinks_ill(
    ground: Ground, machine: Machines
) -> None:
    """Apache could compare the public name alone."""
    for flavour in SECURE:

        def plan(flavour: Flavour, ground: Ground) -> Wish:
            tls = BackendTls(mode="verify", ca=ground.authority, name="other.test")
            route = Route(path="/", backend=ground.judged("vouched", tls))
            return Wish(site=plans.proxy(flavour, route))

        with fronting(plan, flavour, ground, facts_of(flavour.server, machine)) as front:
            assert front.ask("/").status == (200 if front.is_apache else 502)


def assert_kept_out(front: Front, path: str, name: str) -> None:
    before = len(front.ground.echoes["https", name].seen)
    assert front.ask(f"{path}x").status in {500, 502}
    with front.talk() as conversation:
        reply = conversation.upgrade(f"{path}ws", (("Host", front.host),))
        assert reply.status in {500, 502}
    assert len(front.ground.echoes["https", name].seen) == before


def _plan(vault: Vault, backends: Mapping[str, Backend]) -> Plan:
    def plan(flavour: Flavour, ground: Ground) -> Wish:
        routes = (Route(path=f"/{name}/", backend=backend) for name, backend in backends.items())
        return Wish(site=plans.proxy(flavour, *routes), pins=vault.pins, ca_bundle=vault.ca_bundle)

    return plan


def _readable(ground: Ground, authority: Authority, name: str) -> str:
    path = Path(ground.directory, f"{name}.pem")
    path.write_bytes(authority.pem)
    os.chmod(path, 0o644)
    return str(path)


def _upgrade(front: Front, name: str) -> int:
    with front.talk() as conversation:
        reply = conversation.upgrade(f"/{name}/ws", (("Host", front.host),))
        if reply.status == 101:
            conversation.leave()
        return reply.status
