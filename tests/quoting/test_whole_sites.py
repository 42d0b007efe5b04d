"""Any site that the model accepts is read back with its names, files and targets, and no more."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vhostsmith import model
from vhostsmith.backend import Backend, BackendTls, parse_backend
from vhostsmith.errors import InputError
from vhostsmith.names import Name, parse_name
from vhostsmith.operations import load
from vhostsmith.rendering import render_site
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind, Places


def _parses(text: str) -> bool:
    try:
        model.parse_file(text, "file")
    except InputError:
        return False
    return "$" not in text


def _is_network(text: str) -> bool:
    try:
        model.parse_network(text)
    except InputError:
        return False
    return True


_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda label: label[2:4] != "--"
)
_segment = st.from_regex(r"[A-Za-z0-9._~@+-]{1,8}", fullmatch=True).filter(
    lambda part: part not in {".", ".."}
)
_files = st.text(min_size=1, max_size=30).map(lambda text: "/" + text).filter(_parses)
_names: st.SearchStrategy[Name] = st.tuples(
    st.lists(_label, min_size=1, max_size=4), st.sampled_from(["", "*."])
).map(lambda drawn: parse_name(f"{drawn[1]}{'.'.join(drawn[0])}.example"))
_paths = st.lists(_segment, max_size=3).map(
    lambda parts: model.parse_route_path("/" + "/".join(parts))
)
_ports = st.integers(min_value=1, max_value=65535)
_tls = st.one_of(
    st.just(BackendTls(mode="pin", name="localhost")),
    st.just(BackendTls(mode="insecure")),
    _files.map(lambda ca: BackendTls(mode="verify", ca=ca, name="localhost")),
)
_backends = st.one_of(
    _ports.map(lambda port: parse_backend(str(port))),
    st.builds(lambda port, base: parse_backend(f"http://[::1]:{port}{base}"), _ports, _paths),
    _segment.map(lambda name: parse_backend(f"unix:/run/{name.replace('~', '')}x.sock")),
    st.builds(
        lambda port, tls: Backend(scheme="https", host="127.0.0.1", port=port, tls=tls),
        _ports,
        _tls,
    ),
)
_routes = st.builds(
    model.Route, path=_paths, backend=_backends, prefix=st.sampled_from(["keep", "strip"])
)
_actions: st.SearchStrategy[model.Action] = st.one_of(
    st.lists(_routes, min_size=1, max_size=4, unique_by=lambda route: route.path).map(
        lambda routes: model.Proxy(routes=tuple(routes))
    ),
    _files.filter(lambda text: not set("*?[]") & set(text) and "/." not in text).map(
        lambda text: model.Docroot(path=text, php="/run/php.sock")
    ),
    _names.filter(lambda name: not name.is_wildcard).map(
        lambda name: model.Redirect(to=f"https://{name.text}:8443")
    ),
)


def _site(names: list[Name], action: model.Action, access: model.Access, **rest: Any) -> model.Site:
    guarded = model.Access() if isinstance(action, model.Redirect) else access
    return model.Site(
        name=names[0], aliases=tuple(names[1:]), action=action, access=guarded, **rest
    )


_sites = st.builds(
    _site,
    st.lists(_names, min_size=1, max_size=3, unique_by=lambda name: name.text),
    action=_actions,
    certificate=st.builds(
        lambda cert, key: model.CertificateSource(kind="files", cert=cert, key=key), _files, _files
    ),
    access=st.builds(
        model.Access,
        allow=st.lists(st.ip_addresses().map(str).filter(_is_network), max_size=2).map(tuple),
        basic_auth=st.none() | _files,
    ),
    websocket=st.sampled_from(["auto", "rewrite", "off"]),
)


def _render(kind: Kind, site: model.Site) -> str:
    return render_site(
        site,
        SERVERS[kind].newest,
        Places(
            certificate=site.certificate.cert or "",
            key=site.certificate.key or "",
            challenges="/challenges",
            pins="/pins",
            logs="/logs",
            ca_bundle="/ca.pem",
            trusted=True,
        ),
        sources=load.template_sources(load.Directories(config="/nowhere"), kind),
        guideline_text=load.guideline_text(),
    )


def _flat(directives: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for directive in directives:
        yield directive["directive"], tuple(directive["args"])
        yield from _flat(directive.get("block", []))


@given(_sites)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_crossplane_finds_the_names_files_and_targets_of_any_site(site: model.Site) -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "site.conf")
        config.write_text(_render("nginx", site), "utf-8")
        payload = crossplane.parse(str(config), single=True, check_ctx=False)
    assert payload["errors"] == []
    found = list(_flat(payload["config"][0]["parsed"]))
    args = [each for name, each in found if name == "server_name"]
    assert args == [tuple(name.text for name in site.names)] * 2
    used: dict[str, set[str | None]] = {
        "root": {"/challenges"},
        "ssl_certificate": {site.certificate.cert},
    }
    if isinstance(site.action, model.Docroot):
        used["root"] |= {site.action.path}
    if site.access.basic_auth:
        used["auth_basic_user_file"] = {site.access.basic_auth}
    for directive, values in used.items():
        assert {each[0] for name, each in found if name == directive} == values
    targets = [each for name, each in found if name == "proxy_pass"]
    assert len(targets) == len(site.routes)
    assert len([name for name, _ in found if name == "server" and not _]) == 2


@given(_sites)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_apache_finds_the_names_of_any_site(apache_program: str, site: model.Site) -> None:
    facts = SERVERS["apache"].newest
    needed, _ = SERVERS["apache"].missing(site, facts)
    with tempfile.TemporaryDirectory() as directory:
        replaced = {f'"{path}"': '"/dev/null"' for path in _needed_files(site)}
        text = _render("apache", site)
        for quoted, null in replaced.items():
            text = text.replace(quoted, null)
        Path(directory, "site.conf").write_text(text.replace('"/logs/', f'"{directory}/'), "utf-8")
        loaded = ("mpm_event", "authn_core", "authz_core", "authz_host", "setenvif", *needed)
        lines = [
            f'ServerRoot "{directory}"',
            f'DefaultRuntimeDir "{directory}"',
            f'ErrorLog "{directory}/error.log"',
            "ServerName read.invalid",
            "LogFormat %h combined",
            *(f"LoadModule {m}_module {facts.layout.modules}/mod_{m}.so" for m in loaded),
            *(
                f"<VirtualHost *:{port}>\nServerName other.invalid\n</VirtualHost>"
                for port in (80, 443)
            ),
            f'Include "{directory}/site.conf"',
        ]
        Path(directory, "httpd.conf").write_text("\n".join(lines), "utf-8")
        done = subprocess.run(
            [apache_program, "-t", "-f", f"{directory}/httpd.conf", "-D", "DUMP_VHOSTS"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    main = site.name.text.replace("*.", "_wildcard.", 1)
    assert done.stdout.count(f" namevhost {main} (") == 2
    wild = [name.text for name in site.names if name.is_wildcard]
    exact = [name.text for name in site.aliases if not name.is_wildcard]
    found = [line.split()[-1] for line in done.stdout.splitlines() if "alias " in line]
    assert sorted(found) == sorted(2 * (wild + exact))


def _needed_files(site: model.Site) -> list[str]:
    """The files that Apache wants to see at its configtest."""
    files = [site.certificate.cert or "", site.certificate.key or ""]
    return [SERVERS["apache"].quote(file)[1:-1] for file in files]
