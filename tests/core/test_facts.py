"""What servers say about themselves, as facts, and facts as JSON."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhostsmith import facts
from vhostsmith.errors import InputError
from vhostsmith.servers import SERVERS, apache_probe, nginx_probe
from vhostsmith.servers.base import Completed, DefaultServer

PROBES = Path(__file__).parent.parent / "probes"
CAPTURES = sorted(PROBES.glob("*/*.json"))


def capture_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("capture", PROBES / "capture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def captured(path: Path) -> Any:
    return json.loads(path.read_text())


def as_text(server: Any) -> str:
    return json.dumps({"format": 1, "listening": None, "servers": [server]})


# Probes


def test_there_are_captures_of_each_kind_of_server() -> None:
    assert {path.parent.name for path in CAPTURES} == set(SERVERS)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_answers_of_a_real_server_are_these_facts(path: Path) -> None:
    capture = captured(path)
    ((expected,), _) = facts.load(as_text(capture["expected"]), where=path.name)
    found = SERVERS[expected.kind].probe(capture_module().Replay(capture), expected.layout)
    assert found == expected


@pytest.mark.parametrize("answer", [None, Completed(code=1, stdout="", stderr="not today")])
def test_a_server_that_does_not_answer_is_not_installed(answer: Completed | None) -> None:
    class Nobody(capture_module().Replay):  # type: ignore[misc]
        def run(self, *_: str) -> Completed | None:
            return answer

    for server in SERVERS.values():
        for layout in server.layouts:
            assert server.probe(Nobody({}), layout) is None


def test_an_apache_with_a_broken_configuration_is_still_an_apache() -> None:
    capture = captured(PROBES / "apache/debian-12.json")
    broken = {"code": 1, "stdout": [], "stderr": ["AH00526: Syntax error\n"]}
    for question in ("-M", "-S"):
        capture["commands"][f"/usr/sbin/apache2ctl {question}"] = broken
    found = SERVERS["apache"].probe(
        capture_module().Replay(capture), SERVERS["apache"].newest.layout
    )
    assert found is not None
    assert found.version == (2, 4, 71)
    assert found.modules == ()
    assert found.default_servers == ()


def test_what_was_captured_is_what_a_person_would_read_in_it() -> None:
    found = captured(PROBES / "apache/debian-12.json")["expected"]
    assert (found["version"], found["mpm"], found["ipv6"]) == ("2.4.71", "event", True)
    assert "ssl" in found["available"]
    assert "ssl" not in found["modules"]
    assert "mpm_event" in found["modules"]
    found = captured(PROBES / "nginx/debian-12.json")["expected"]
    # Built with 3.0.22, running with 3.0.19: what counts is what runs.
    assert (found["version"], found["openssl"]) == ("1.22.1", "3.0.19")
    assert "http_v2" in found["modules"]
    assert "http_geoip" not in found["modules"]  # =dynamic: not there until it is loaded
    found = captured(PROBES / "nginx/embedded-1.31.json")["expected"]
    assert (found["version"], found["openssl"]) == ("1.31.3", "3.3.7")


def test_the_first_or_the_marked_server_answers_for_unknown_names() -> None:
    def answering(path: str) -> dict[str, str]:
        found = captured(PROBES / path)["expected"]["default_servers"]
        return {each["address"]: each["name"] for each in found}

    assert answering("apache/debian-12-sites.json") == {
        "*:80": "b.example.com",
        "*:*": "any.example.com",
        "127.0.0.1:80": "local.example.com",
        "[::1]:8443": "d.example.com",
    }
    assert answering("nginx/debian-12-sites.json") == {
        "*:80": "b.example.com",
        "[::]:80": "a.example.com",
        "127.0.0.1:8080": "",
        "unix:/run/x.sock": "sock",
        "*:8443": "late.example.com",
        "127.0.0.2:80": "ssl.example.com",
        "[::1]:80": "late.example.com",
    }


@given(st.text())
def test_a_probe_makes_something_of_any_text(text: str) -> None:
    assert apache_probe.parse_server_version(text) is None or "Apache/" in text
    assert nginx_probe.parse_openssl(text) is None or "OpenSSL" in text
    apache_probe.parse_default_servers(text)
    assert apache_probe.parse_available((text,)) in {(), (text[4:-3],)}
    assert apache_probe.parse_mpm(text) is None or "MPM" in text


def test_versions_are_read_with_what_distributions_add() -> None:
    version = apache_probe.parse_server_version
    assert version("Server version: Apache/2.4.62 (Red Hat Enterprise Linux)") == (2, 4, 62)
    assert version("Server version: Apache/2.4.58 (Unix)") == (2, 4, 58)
    assert nginx_probe.parse_server_version("nginx version: nginx/1.18.0 (Ubuntu)") == (1, 18, 0)
    assert nginx_probe.parse_openssl("built with OpenSSL 1.1.1w  11 Sep 2023") == (1, 1, 1)
    assert nginx_probe.parse_openssl("built with BoringSSL") is None


def test_an_include_that_includes_itself_is_read_once() -> None:
    include = {"directive": "include", "line": 1, "args": ["a"], "includes": [0]}
    server = {
        "directive": "server",
        "line": 3,
        "args": [],
        "block": [{"directive": "listen", "line": 4, "args": ["443", "ssl"]}],
    }
    http = {"directive": "http", "line": 2, "args": [], "block": [server]}
    payload = {"config": [{"file": "a", "parsed": [include, http]}]}
    assert nginx_probe.parse_default_servers(payload) == (
        DefaultServer(address="*:443", name="", where="a:4"),
    )
    assert nginx_probe.parse_default_servers({}) == ()


# JSON


def test_facts_come_back_from_json_as_they_were() -> None:
    known = tuple(server.newest for server in SERVERS.values())
    assert facts.load(facts.dump(known, listening="nginx"), where="f") == (known, "nginx")
    assert facts.load(facts.dump((), listening=None), where="f") == ((), None)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kind", "caddy", "'kind' is 'caddy', not apache or nginx"),
        ("kind", [], "'kind' is [], not apache or nginx"),
        ("kind", "nginx", "'layout.kind' is not 'nginx'"),
        ("version", "2.4", None),
        ("version", None, None),
        ("version", "2.4.x", "'2.4.x' is not a version"),
        ("version", 2.4, "'version' is not a printable text"),
        ("openssl", "3", "'3' is not a version"),
        ("modules", "ssl", "'modules' is not a list"),
        ("modules", [1], "'modules' is not a printable text: 1"),
        ("available", ["a\nb"], "'available' is not a printable text"),
        ("mpm", 1, "'mpm' is not a printable text"),
        ("ipv6", 1, "'ipv6' is not true or false"),
        ("default_servers", [1], "a default server is not a table"),
        ("default_servers", [{}], "the key 'address' is missing"),
        ("layout", "debian", "'layout' is not a table"),
        ("layout", {}, "the key 'binary' is missing"),
        ("speed", 1, "the key 'speed' is not known"),
    ],
)
def test_facts_that_are_none_are_refused_with_the_key(
    key: str, value: Any, said: str | None
) -> None:
    server = captured(PROBES / "apache/debian-12.json")["expected"] | {key: value}
    if said is None:
        facts.load(as_text(server), where="facts.json")
        return
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        facts.load(as_text(server), where="facts.json")
    assert refused.value.where == "facts.json"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("binary", None, "'layout.binary' is not a printable text"),
        ("proven", "yes", "'layout.proven' is not true or false"),
        ("modules", 1, "'layout.modules' is not a printable text"),
        ("shell", "/bin/sh", "the key 'shell' is not known"),
    ],
)
def test_a_layout_that_is_none_is_refused_with_the_key(key: str, value: Any, said: str) -> None:
    server = captured(PROBES / "apache/debian-12.json")["expected"]
    server["layout"][key] = value
    with pytest.raises(InputError, match=re.escape(said)):
        facts.load(as_text(server), where="facts.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5000, "not JSON"),
        ("[]", "not facts of format 1"),
        ('{"format": 2, "servers": []}', "not facts of format 1"),
        ('{"format": 1}', "'servers' is not a list"),
        ('{"format": 1, "servers": [1]}', "a server is not a table"),
        ('{"format": 1, "servers": [], "listening": []}', "'listening' is []"),
        ('{"format": 1, "servers": [], "listening": "caddy"}', "'listening' is 'caddy'"),
    ],
)
def test_a_file_that_holds_no_facts_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        facts.load(text, where="facts.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
def test_nothing_but_a_refusal_comes_of_values_in_the_wrong_place(data: st.DataObject) -> None:
    server = captured(PROBES / "apache/debian-12.json")["expected"]
    place = data.draw(st.sampled_from([server, server["layout"], server["default_servers"][0]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    with contextlib.suppress(InputError):
        ((loaded,), _) = facts.load(as_text(server), where="facts.json")
        assert facts.load(facts.dump((loaded,), listening=None), where="f") == ((loaded,), None)
