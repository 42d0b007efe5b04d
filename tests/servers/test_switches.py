"""Without any one of its protections a site fails the check that looks at it."""

from __future__ import annotations

import re

import pytest

from servers import plans
from servers.apache_proxy_switches import PROXY_SWITCHES
from servers.apache_site_switches import SITE_SWITCHES
from servers.conftest import Machines, facts_of
from servers.front import Flavour, fronting
from servers.ground import Ground
from servers.nginx_switches import NGINX
from servers.switches import Switch
from vhostsmith.operations import load
from vhostsmith.servers.base import Kind

TABLES: dict[Kind, tuple[Switch, ...]] = {
    "apache": (*PROXY_SWITCHES, *SITE_SWITCHES),
    "nginx": NGINX,
}
# PHP itself drops what would become HTTP_PROXY (https://httpoxy.org/): nobody could notice.
UNSEEN = ("fastcgi_param HTTP_PROXY",)
ROWS = [(kind, switch) for kind, switches in TABLES.items() for switch in switches]
PHP = (plans.php, plans.limited_php)
# Lines that say what a client may make an app believe, or whom the server believes.
TELLING = re.compile(
    r"^\s*(?:RequestHeader|proxy_set_header|fastcgi_param HTTP|SSLProxy|proxy_ssl_verify|"
    r"proxy_hide|fastcgi_hide|Header|add_header|RewriteRule|return|Require|deny|allow)\b.*",
    re.MULTILINE,
)


@pytest.mark.parametrize(("kind", "switch"), ROWS, ids=str)
def test_without_this_the_check_fails(
    kind: Kind, switch: Switch, ground: Ground, machine: Machines, request: pytest.FixtureRequest
) -> None:
    if switch.plan in PHP:
        request.getfixturevalue("fpm")
    flavour = switch.flavour or Flavour(server=kind)
    facts = facts_of(flavour.server, machine)
    with (
        fronting(switch.plan, flavour, ground, facts, switch.off) as front,
        pytest.raises(AssertionError),
    ):
        switch.check(front)


@pytest.mark.parametrize("kind", TABLES)
def test_every_line_that_protects_is_in_the_table(kind: Kind, ground: Ground) -> None:
    nowhere = load.Directories(config=f"{ground.directory}/none", state=f"{ground.directory}/none")
    missing = []
    for name, (_, text) in load.template_sources(nowhere, kind).items():
        texts = [s.text for s in TABLES[kind] if name.partition("/")[2] == s.template]
        missing += [
            f"{name}: {line.strip()}"
            for line in TELLING.findall(text)
            if not any(known in line for known in (*texts, *UNSEEN))
        ]
    assert missing == []
