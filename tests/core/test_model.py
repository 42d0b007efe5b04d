"""The parts of a site, and what they owe each other."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhostsmith import model
from vhostsmith.backend import parse_backend
from vhostsmith.errors import InputError
from vhostsmith.names import parse_name

PATH_TEXTS = st.one_of(
    st.text(st.sampled_from("/ab.-_~%*?#;\\ \n\x00é") | st.characters(), max_size=30),
    st.text(st.sampled_from("/ab.-_~"), max_size=30).map(lambda text: f"/{text}"),
)


def site(**changes: Any) -> model.Site:
    values: dict[str, Any] = {
        "name": parse_name("a.test"),
        "action": model.Proxy(routes=(route("/"),)),
        "certificate": model.CertificateSource(kind="self-signed"),
    }
    return model.Site(**(values | changes))


def route(path: str, backend: str = "8889", prefix: model.Prefix = "keep") -> model.Route:
    return model.Route(path=path, backend=parse_backend(backend), prefix=prefix)


# Paths of routes


@given(PATH_TEXTS)
def test_a_route_path_has_slashes_at_both_ends_and_is_stable(text: str) -> None:
    with contextlib.suppress(InputError):
        path = model.parse_route_path(text)
        assert path.startswith("/")
        assert path.endswith("/")
        assert "//" not in path
        assert not {".", ".."} & set(path.split("/"))
        assert re.fullmatch(r"[A-Za-z0-9._~@+/-]+", path)
        assert model.parse_route_path(path) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", "/"),
        ("/jupyter", "/jupyter/"),
        ("/jupyter/", "/jupyter/"),
        ("/a/b.c", "/a/b.c/"),
        ("/.well-known/acme-challenges", "/.well-known/acme-challenges/"),
        ("/~alice", "/~alice/"),
    ],
)
def test_route_paths_have_one_form(text: str, path: str) -> None:
    assert model.parse_route_path(text) == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with '/'"),
        ("jupyter", "'jupyter' does not begin with '/'"),
        ("/a b", "' ' stands in it"),
        ("/a?b", "'?' stands in it"),
        ("/a%2Fb", "'%' stands in it"),
        ("/a\nb", r"'\n' stands in it"),
        ("/a//b", "'//' stands in it"),
        ("/a/../b", "a '.' or '..' segment"),
        ("/.", "a '.' or '..' segment"),
        ("/.well-known/acme-challenge", "kept for the certificate authority"),
        ("/.well-known/acme-challenge/x", "kept for the certificate authority"),
        ("/" + "a" * 1024, "at most 1024 characters"),
    ],
)
def test_a_refused_path_shows_the_offending_part(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        model.parse_route_path(text, where="--route")
    assert said in refused.value.what
    assert refused.value.where == "--route"


@pytest.mark.parametrize(
    ("path", "backend", "prefix", "target"),
    [
        ("/", "8889", "keep", "/"),
        ("/jup/", "8889", "keep", "/jup/"),
        ("/jup/", "8889", "strip", "/"),
        ("/jup/", "http://a:1/base", "keep", "/base/jup/"),
        ("/jup/", "http://a:1/base", "strip", "/base/"),
    ],
)
def test_the_target_path_is_what_the_backend_sees(
    path: str, backend: str, prefix: model.Prefix, target: str
) -> None:
    assert route(path, backend, prefix).target_path == target


@given(st.permutations(["/", "/a/", "/a/b/", "/c/"]))
def test_the_longest_path_comes_first_in_whatever_order_they_were_given(paths: list[str]) -> None:
    proxy = model.Proxy(routes=tuple(route(path) for path in paths))
    assert [each.path for each in proxy.routes] == ["/a/b/", "/a/", "/c/", "/"]


def test_a_proxy_has_routes_and_each_path_once() -> None:
    with pytest.raises(InputError, match="needs a backend"):
        model.Proxy(routes=())
    with pytest.raises(InputError, match="two routes for the path '/a/'"):
        model.Proxy(routes=(route("/a/"), route("/a/", "1")))


# Whole sites


def test_a_site_knows_its_names_its_routes_and_its_stem() -> None:
    made = site(aliases=(parse_name("b.test"), parse_name("*.a.test")))
    assert [name.text for name in made.names] == ["a.test", "b.test", "*.a.test"]
    assert [each.path for each in made.routes] == ["/"]
    assert made.stem == "a.test"
    assert site(file_name="x").stem == "x"
    assert site(action=model.Redirect(to="https://b.test")).routes == ()
    assert site().access.is_open
    assert not model.Access(allow=("192.0.2.7",)).is_open
    assert not model.Access(basic_auth="/x").is_open


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"name": parse_name("192.0.2.7"), "aliases": (parse_name("a.test"),)},
            "the address 192.0.2.7 cannot have aliases",
        ),
        ({"aliases": (parse_name("192.0.2.7"),)}, "'192.0.2.7' cannot be an alias"),
        ({"aliases": (parse_name("_"),)}, "'_' cannot be an alias"),
        ({"aliases": (parse_name("A.test"),)}, "the name a.test stands twice"),
        ({"aliases": (parse_name("b.test"),) * 2}, "the name b.test stands twice"),
        ({"name": parse_name("_")}, "only it has the name '_'"),
        ({"action": model.Refuse()}, "only it has the name '_'"),
        (
            {
                "name": parse_name("_"),
                "action": model.Refuse(),
                "aliases": (parse_name("a.test"),),
            },
            "the catch-all answers for every name",
        ),
        ({"http_port": 443}, "cannot share the port 443"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        site(**changes)


@pytest.mark.parametrize(
    ("url", "ports", "is_refused"),
    [
        ("https://a.test", {}, True),
        ("https://a.test/x", {}, True),
        ("https://b.test", {}, True),
        ("https://a.test:443", {}, True),
        ("http://a.test", {}, True),
        ("https://a.test:8443", {"https_port": 8443}, True),
        ("http://a.test:8080", {"http_port": 8080}, True),
        ("https://a.test", {"https_port": 8443}, False),
        ("https://a.test:8443", {}, False),
        ("https://c.a.test", {}, False),
        ("https://aa.test", {}, False),
    ],
)
def test_a_redirect_to_itself_is_refused(
    url: str, ports: dict[str, int], *, is_refused: bool
) -> None:
    changes = {
        "action": model.Redirect(to=url),
        "aliases": (parse_name("b.test"),),
        **ports,
    }
    if is_refused:
        with pytest.raises(InputError, match="would never end"):
            site(**changes)
    else:
        assert site(**changes).action == model.Redirect(to=url)


def test_the_catch_all_refuses() -> None:
    made = site(name=parse_name("_"), action=model.Refuse())
    assert made.stem == "000-catch-all"


def test_sites_are_values() -> None:
    assert site() == site()
    assert dataclasses.replace(site(), https_port=8443) != site()
    with pytest.raises(dataclasses.FrozenInstanceError):
        site().http_port = 81  # type: ignore[misc]
