"""ServerFacts <-> JSON: what ``probe`` prints and ``render --facts`` reads."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from vhostsmith.errors import InputError
from vhostsmith.servers.base import (
    DefaultServer,
    Kind,
    Layout,
    ServerFacts,
    Version,
    parse_version,
    show_version,
)

FORMAT = 1
# A log that begins with a pipe would be a program that Apache runs as root.
_PATHS = frozenset({"binary", "control", "sites", "logs", "ca_bundle", "modules"})
_KINDS = ("apache", "nginx")


def dump(facts: tuple[ServerFacts, ...], *, listening: Kind | None) -> str:
    """Return the JSON of a machine's servers; ``listening`` is the one on port 80 or 443."""
    document = {
        "format": FORMAT,
        "listening": listening,
        "servers": [_plain(each) for each in facts],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def load(text: str, *, where: str) -> tuple[tuple[ServerFacts, ...], Kind | None]:
    """Parse what :func:`dump` wrote; raises InputError with the key that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=where) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(
            f"not facts of format {FORMAT}",
            where=where,
            remedy="vhostsmith probe > FILE makes them",
        )
    servers = document.get("servers")
    if not isinstance(servers, list):
        raise InputError("'servers' is not a list", where=where)
    listening = document.get("listening")
    if listening not in (None, *_KINDS):
        raise InputError(f"'listening' is {listening!r}, not apache, nginx or null", where=where)
    return tuple(_facts(each, where) for each in servers), listening


def _plain(facts: ServerFacts) -> dict[str, Any]:
    plain = asdict(facts)
    for key in ("version", "openssl"):
        plain[key] = show_version(plain[key]) if plain[key] else None
    return plain


def _facts(plain: Any, where: str) -> ServerFacts:
    if not isinstance(plain, dict):
        raise InputError("a server is not a table of facts", where=where)
    values = dict(plain)
    _known(values, {f.name for f in fields(ServerFacts)}, where)
    for key in ("version", "openssl"):
        if values[key] is not None:
            values[key] = _version(values[key], key, where)
    for key in ("modules", "available"):
        values[key] = tuple(_text(each, key, where) for each in _list(values[key], key, where))
    if values["kind"] not in _KINDS:
        raise InputError(f"'kind' is {values['kind']!r}, not apache or nginx", where=where)
    if not isinstance(values["ipv6"], bool):
        raise InputError("'ipv6' is not true or false", where=where)
    values["default_servers"] = tuple(
        DefaultServer(**_strings(each, DefaultServer, where))
        for each in _list(values["default_servers"], "default_servers", where)
    )
    if values["mpm"] is not None:
        _text(values["mpm"], "mpm", where)
    values["layout"] = _layout(values["layout"], where)
    if values["layout"].kind != values["kind"]:
        raise InputError(f"'layout.kind' is not {values['kind']!r} as 'kind' is", where=where)
    return ServerFacts(**values)


def _layout(plain: Any, where: str) -> Layout:
    if not isinstance(plain, dict):
        raise InputError("'layout' is not a table", where=where)
    _known(plain, {f.name for f in fields(Layout)}, where)
    for key, value in plain.items():
        if key == "proven":
            if not isinstance(value, bool):
                raise InputError("'layout.proven' is not true or false", where=where)
        elif not (key == "modules" and value is None):
            text = _text(value, f"layout.{key}", where)
            if key in _PATHS and not text.startswith("/"):
                raise InputError(f"'layout.{key}' is not an absolute path: {text!r}", where=where)
    return Layout(**plain)


def _strings(plain: Any, kind: type[DefaultServer], where: str) -> dict[str, str]:
    if not isinstance(plain, dict):
        raise InputError("a default server is not a table", where=where)
    _known(plain, {f.name for f in fields(kind)}, where)
    return {key: _text(value, key, where) for key, value in plain.items()}


def _known(values: dict[str, Any], names: set[str], where: str) -> None:
    for key in sorted(values.keys() - names):
        raise InputError(f"the key {key!r} is not known", where=where)
    for key in sorted(names - values.keys()):
        raise InputError(f"the key {key!r} is missing", where=where)


def _version(value: Any, key: str, where: str) -> Version:
    try:
        return parse_version(_text(value, key, where))
    except InputError as error:
        raise error.at(where) from error


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise InputError(f"{key!r} is not a printable text: {value!r}", where=where)
    return value


def _list(value: Any, key: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{key!r} is not a list", where=where)
    return value
