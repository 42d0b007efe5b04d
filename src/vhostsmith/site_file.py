"""Site TOML -> Site: ``sites/NAME.toml``, the file that people edit and git can hold."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vhostsmith import model
from vhostsmith.backend import BackendTls, check_insecure, parse_backend, unresolved
from vhostsmith.errors import InputError
from vhostsmith.inventory import backend_name, docroot
from vhostsmith.names import Name, parse_name
from vhostsmith.servers.base import Kind

FORMAT = 1
_KEYS: Mapping[str, frozenset[str]] = {
    "": frozenset(
        [
            "format",
            "server",
            "aliases",
            "certificate",
            "tls",
            "limits",
            "access",
            "listen",
            "websocket",
            "file_name",
            "route",
            "docroot",
            "redirect",
            "refuse",
        ]
    ),
    "certificate": frozenset({"source", "cert", "key"}),
    "tls": frozenset({"guideline", "hsts_s"}),
    "limits": frozenset({"max_body", "timeout_s"}),
    "access": frozenset({"allow", "basic_auth"}),
    "listen": frozenset({"http_port", "https_port"}),
    "route": frozenset({"path", "backend", "backend_tls", "backend_ca", "backend_name", "prefix"}),
    "docroot": frozenset({"path", "php"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFile:
    """A parsed site file: the site, and the server that it stands on (None: not resolved yet)."""

    site: model.Site
    server: Kind | None


def load(name: Name, text: str, *, file: str) -> SiteFile:
    """Parse ``sites/NAME.toml``.

    Raises InputError with file and line, and with the nearest key for an unknown one.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Besides TOMLDecodeError: what int() says to thousands of digits, and nesting without end.
        line = re.search(r"at line (\d+)", str(error))
        raise InputError(
            f"not TOML: {error}", where=f"{file}:{line[1]}" if line else file
        ) from error
    reader = _Reader(source=text, file=file)
    if _has_huge_number(document):
        raise InputError("not TOML: a number of more than 64 bits", where=file)
    version = document.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(
            "'format' is missing or no number", where=f"{file}:1", remedy=f"format = {FORMAT}"
        )
    if version > FORMAT:
        raise InputError(
            f"written for format {version}, this version knows {FORMAT}", where=reader.at("format")
        )
    reader.check_keys(document, "")
    server = reader.choice(document, "server", ("apache", "nginx", None), None)
    try:
        return SiteFile(site=_site(name, document, reader), server=server)
    except InputError as error:
        raise error.at(file) from error


def _has_huge_number(value: Any) -> bool:
    """Whether there is an integer that TOML does not know (TOML 1.0, "Integer")."""
    match value:
        case dict():
            return any(map(_has_huge_number, value.values()))
        case list():
            return any(map(_has_huge_number, value))
        case int():
            return not -(1 << 63) <= value < 1 << 63
    return False


def _site(name: Name, document: Mapping[str, Any], reader: _Reader) -> model.Site:
    tls = reader.table(document, "tls")
    limits = reader.table(document, "limits")
    access = reader.table(document, "access")
    listen = reader.table(document, "listen")
    basic_auth = reader.text(access, "basic_auth", "")
    file_name = reader.text(document, "file_name", "")
    return model.Site(
        name=name,
        aliases=tuple(
            parse_name(text, where=reader.at("aliases"))
            for text in reader.texts(document, "aliases")
        ),
        action=_action_of(document, reader),
        certificate=_certificate(reader.table(document, "certificate"), name, reader),
        tls=model.Tls(
            guideline=reader.choice(tls, "guideline", ("modern", "intermediate"), "intermediate"),
            hsts_s=model.parse_seconds(
                tls.get("hsts_s", 0), "hsts_s", minimum=0, where=reader.at("hsts_s")
            ),
        ),
        limits=model.Limits(
            max_body=model.parse_size(
                str(limits.get("max_body", "0")), where=reader.at("max_body")
            ),
            timeout_s=model.parse_seconds(
                limits.get("timeout_s", 3600), "timeout_s", minimum=1, where=reader.at("timeout_s")
            ),
        ),
        access=model.Access(
            allow=tuple(
                model.parse_network(text, where=reader.at("allow"))
                for text in reader.texts(access, "allow")
            ),
            basic_auth=model.parse_file(basic_auth, "password file", where=reader.at("basic_auth"))
            if basic_auth
            else None,
        ),
        websocket=reader.choice(
            document, "websocket", ("auto", "native", "rewrite", "off"), "auto"
        ),
        http_port=model.parse_port(listen.get("http_port", 80), where=reader.at("http_port")),
        https_port=model.parse_port(listen.get("https_port", 443), where=reader.at("https_port")),
        file_name=model.parse_file_name(file_name, where=reader.at("file_name"))
        if file_name
        else None,
    )


def _action_of(document: Mapping[str, Any], reader: _Reader) -> model.Action:
    chosen = [key for key in ("route", "docroot", "redirect", "refuse") if key in document]
    if len(chosen) != 1:
        raise InputError("a site has exactly one of [[route]], docroot, redirect and refuse = true")
    match chosen[0]:
        case "docroot":
            table = reader.table(document, "docroot")
            return docroot(
                reader.text(table, "path", None),
                reader.text(table, "php", "") or None,
                reader.at("docroot"),
                reader.at("php"),
            )
        case "redirect":
            url = reader.text(document, "redirect", None)
            return model.Redirect(to=model.parse_redirect(url, where=reader.at("redirect")))
        case "refuse":
            if document["refuse"] is not True:
                raise InputError("'refuse' can only be true", where=reader.at("refuse"))
            return model.Refuse()
    routes = document["route"]
    if not isinstance(routes, list):
        raise InputError("a route is written [[route]]", where=reader.at("route"))
    return model.Proxy(routes=tuple(_route(each, reader) for each in routes))


def _route(table: Any, reader: _Reader) -> model.Route:
    if not isinstance(table, dict):
        raise InputError("a route is written [[route]]", where=reader.at("route"))
    reader.check_keys(table, "route")
    text = reader.text(table, "backend", None)
    where = reader.at("backend", text)
    if unresolved(text, where=where) is not None:
        raise InputError(
            f"the backend {text!r} names no scheme",
            where=where,
            remedy="write http:// or https://, as `up` does",
        )
    backend = parse_backend(text, where=where)
    mode = reader.choice(table, "backend_tls", ("verify", "pin", "insecure"), "verify")
    if backend.tls is None and table.keys() & {"backend_tls", "backend_ca", "backend_name"}:
        raise InputError(f"{text!r} does not speak TLS, so 'backend_tls' says nothing", where=where)
    if backend.tls is not None:
        ca = reader.text(table, "backend_ca", "")
        if ca and mode != "verify":
            raise InputError(
                f"'backend_ca' is for backend_tls = \"verify\", not {mode!r}",
                where=reader.at("backend_ca"),
            )
        name = reader.text(table, "backend_name", "")
        tls = BackendTls(
            mode=mode,
            ca=model.parse_file(ca, "CA file", where=reader.at("backend_ca")) if ca else None,
            name=backend_name(name, reader.at("backend_name")) if name else backend.tls.name,
        )
        backend = dataclasses.replace(backend, tls=tls)
        check_insecure(backend, where=where)
    path = reader.text(table, "path", "/")
    return model.Route(
        path=model.parse_route_path(path, where=reader.at("path", path)),
        backend=backend,
        prefix=reader.choice(table, "prefix", ("keep", "strip"), "keep"),
    )


def _certificate(table: Mapping[str, Any], name: Name, reader: _Reader) -> model.CertificateSource:
    default = "self-signed" if name.is_local else "acme"
    source = reader.choice(table, "source", ("acme", "self-signed", "files"), default)
    if source != "files":
        if table.keys() & {"cert", "key"}:
            raise InputError(
                "'cert' and 'key' need source = \"files\"", where=reader.at("certificate")
            )
        return model.CertificateSource(kind=source)
    cert, key = reader.text(table, "cert", None), reader.text(table, "key", None)
    return model.CertificateSource(
        kind="files",
        cert=model.parse_file(cert, "certificate", where=reader.at("cert")),
        key=model.parse_file(key, "key", where=reader.at("key")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Typed look-ups in a parsed document; the errors name the file and the line."""

    source: str
    file: str

    def at(self, key: str, value: str = "") -> str:
        """Where a key stands: the first of its lines that holds ``value``, else the first of them.

        A TOML parser keeps no lines.
        """
        quoted = rf"[\"']?{re.escape(key)}[\"']?"
        pattern = rf"\s*\[*\s*(?:[\w-]+\s*\.\s*)*{quoted}\s*[=.\]]|[^#]*[{{,]\s*{quoted}\s*="
        lines = [
            (number, line)
            for number, line in enumerate(self.source.splitlines(), start=1)
            if re.match(pattern, line)
        ]
        written = rf"[\"']{re.escape(value)}[\"']" if value else ""
        matching = [number for number, line in lines if re.search(written, line)]
        first = matching[:1] or [number for number, _ in lines[:1]]
        return f"{self.file}:{first[0]}" if first else self.file

    def check_keys(self, table: Mapping[str, Any], name: str) -> None:
        for key in sorted(table.keys() - _KEYS[name]):
            near = difflib.get_close_matches(key, sorted(_KEYS[name]), n=1)
            raise InputError(
                f"the key {key!r} is not known",
                where=self.at(key),
                remedy=f"did you mean {near[0]!r}?"
                if near
                else f"known: {', '.join(sorted(_KEYS[name]))}",
            )

    def table(self, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = document.get(key, {})
        if not isinstance(value, dict):
            raise InputError(f"{key!r} is not a table", where=self.at(key))
        self.check_keys(value, key)
        return value

    def text(self, table: Mapping[str, Any], key: str, default: str | None) -> str:
        value = table.get(key, default)
        if value is None:
            raise InputError(f"the key {key!r} is missing", where=self.file)
        if value == "" and key in table:
            raise InputError(f"{key!r} is empty", where=self.at(key))
        if not isinstance(value, str):
            raise InputError(f"{key!r} is not a text", where=self.at(key))
        return value

    def texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InputError(f"{key!r} is not a list of texts", where=self.at(key))
        return tuple(value)

    def choice(
        self, table: Mapping[str, Any], key: str, allowed: tuple[Any, ...], default: Any
    ) -> Any:
        value = table.get(key, default)
        if value not in allowed:
            known = ", ".join(repr(each) for each in allowed if each is not None)
            raise InputError(f"{key!r} is {value!r}, not one of {known}", where=self.at(key))
        return value
