"""An app that redirects or sets cookies as if nobody stood before it is put right."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest

from servers.front import Front

# What the app writes, and where the client ends up; {b} is the backend's URL, {h} the public host.
ROOT = (
    ("{b}/x%2Fy?a=%20", "/x%2Fy?a=%20"),
    ("{b}/", "/"),
    ("http://{h}/x", "/x"),
    ("https://{h}/x", "/x"),
    ("/x", "/x"),
    ("x", "/at/x"),
    ("?y", "/at/here?y"),
)
KEPT = (
    ("{b}/jup/x%2Fy?a=%20", "/jup/x%2Fy?a=%20"),
    ("{b}/jup/", "/jup/"),
    ("http://{h}/jup/x", "/jup/x"),
    ("https://{h}/jup/x", "/jup/x"),
    ("/jup/x", "/jup/x"),
    ("x", "/jup/at/x"),
)
STRIPPED = (
    ("{b}/x%2Fy?a=%20", "/app.v1/x%2Fy?a=%20"),
    ("{b}/", "/app.v1/"),
    ("http://{h}/x", "/app.v1/x"),
    ("https://{h}/x", "/app.v1/x"),
    ("/x", "/app.v1/x"),
    ("/", "/app.v1/"),
    ("x", "/app.v1/at/x"),
    ("/app.v1/x", "/app.v1/x"),
    ("https://{h}/app.v1/x", "/app.v1/x"),
    ("http://{h}/app.v1/x", "/app.v1/x"),
)
ELSEWHERE = (
    "https://elsewhere.test/x",
    "http://elsewhere.test/jup/",
    "//elsewhere.test/x",
    "http://{h}.elsewhere.test/x",
    "http://127.0.0.1:1/x",
    "mailto:someone@example.com",
)


def test_redirects_of_an_app_at_the_root_stay_on_https(mounts: Front) -> None:
    for location, end in ROOT:
        assert _ends_up(mounts, "/", "root", location) == f"https://{mounts.host}{end}"


def test_redirects_of_an_app_at_a_kept_path_stay_on_https(mounts: Front) -> None:
    for location, end in KEPT:
        assert _ends_up(mounts, "/jup/", "kept", location) == f"https://{mounts.host}{end}"


def test_redirects_of_an_app_at_a_stripped_path_lead_back_to_it(mounts: Front) -> None:
    for location, end in STRIPPED:
        found = _ends_up(mounts, "/app.v1/", "stripped", location)
        assert found == f"https://{mounts.host}{end}"


def test_redirects_of_an_app_with_a_base_path_lead_back_to_its_public_path(based: Front) -> None:
    for path, name, base in (
        ("/", "root", "/base/"),
        ("/jup/", "kept", "/in/ner/jup/"),
        ("/app.v1/", "stripped", "/other/"),
    ):
        for written in (
            f"{{b}}{base}x",
            f"{base}x",
            f"http://{{h}}{base}x",
            f"https://{{h}}{base}x",
        ):
            assert _ends_up(based, path, name, written) == f"https://{based.host}{path}x"
        reply = based.ask(path, ("Echo", f"answer 200 Set-Cookie: a=b; Path={base}"))
        assert reply.values("Set-Cookie") == [f"a=b; Path={path}"]


@pytest.mark.parametrize("path", ["/", "/jup/", "/app.v1/"])
def test_redirects_to_elsewhere_are_left_alone(mounts: Front, path: str) -> None:
    for location in ELSEWHERE:
        written = location.format(h=mounts.host)
        reply = mounts.ask(path, ("Echo", f"answer 302 Location: {written}"))
        assert reply.values("Location") == [written]


def test_redirects_for_an_alias_stay_on_it(names: Front) -> None:
    for name in ("site.test", "www.site.test"):
        host = f"{name}:{names.scratch.https_port}"
        for location in (f"http://{host}/x", f"https://{host}/x", "/x", _own_url(names, "root")):
            reply = names.ask("/", ("Echo", f"answer 302 Location: {location}"), host=host)
            end = urljoin(f"https://{host}/", reply.values("Location")[0])
            assert end == f"https://{host}/x"


def test_redirects_for_a_name_under_a_wildcard_are_put_right_by_nginx_alone(names: Front) -> None:
    """ProxyPassReverse of Apache knows no patterns; the app is told that it is on HTTPS."""
    host = f"x.apps.test:{names.scratch.https_port}"
    reply = names.ask("/", ("Echo", f"answer 302 Location: http://{host}/x"), host=host)
    scheme = "http" if names.is_apache else "https"
    assert reply.values("Location") == [f"{scheme}://{host}/x"]


def test_cookies_of_a_stripped_path_come_back_to_it(mounts: Front) -> None:
    cookies = (
        ("a=b; Path=/; HttpOnly", "a=b; Path=/app.v1/; HttpOnly"),
        ("a=b; Path=/x", "a=b; Path=/app.v1/x"),
        ("a=b; path=/app.v1/", "a=b; path=/app.v1/"),
        ("a=b; Secure", "a=b; Secure"),
    )
    for sent, wanted in cookies:
        reply = mounts.ask("/app.v1/", ("Echo", f"answer 200 Set-Cookie: {sent}"))
        assert [c.lower() for c in reply.values("Set-Cookie")] == [wanted.lower()]


def test_cookies_of_other_paths_are_left_alone(mounts: Front) -> None:
    for path in ("/", "/jup/"):
        for cookie in ("a=b; Path=/; HttpOnly", "a=b; Path=/jup/; SameSite=Lax"):
            reply = mounts.ask(path, ("Echo", f"answer 200 Set-Cookie: {cookie}"))
            assert reply.values("Set-Cookie") == [cookie]


def _own_url(front: Front, name: str) -> str:
    scheme = front.flavour.scheme
    return f"{scheme}://127.0.0.1:{front.ground.echoes[scheme, name].port}/x"


def _ends_up(front: Front, path: str, name: str, location: str) -> str:
    """Return the URL that a browser goes to when the app answers with ``location``."""
    backend = _own_url(front, name).removesuffix("/x")
    written = location.format(b=backend, h=front.host)
    reply = front.ask(f"{path}at/here", ("Echo", f"answer 302 Location: {written}"))
    assert reply.status == 302
    (found,) = reply.values("Location")
    return urljoin(f"https://{front.host}{path}at/here", found)
