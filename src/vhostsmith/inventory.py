"""Options -> Site: what a person typed, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vhostsmith import model
from vhostsmith.backend import Backend, BackendTls, parse_backend, parse_socket
from vhostsmith.errors import InputError
from vhostsmith.names import CATCH_ALL, Name, parse_name

ACTIONS = "BACKEND (8889, http://…, unix:…), --docroot DIR, --redirect-to URL, --catch-all"


def route_texts(backend: str | None, routes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return (path, backend text) for the BACKEND argument and each ``--route /path=BACKEND``."""
    found = [("/", backend)] if backend else []
    for text in routes:
        path, equals, target = text.partition("=")
        if not equals or not target:
            raise InputError(f"{text!r} is not /path=BACKEND", where="--route")
        found.append((model.parse_route_path(path, where="--route"), target))
    return tuple(found)


def refuse_empty(options: Mapping[str, Any]) -> None:
    """Refuse an option whose value is empty, as an unset variable of a script leaves it.

    Taken for an option that was not given, ``--basic-auth ""`` would open the site to everybody.
    """
    for key, value in options.items():
        if value == "" or (isinstance(value, tuple) and "" in value):
            where = "BACKEND" if key == "backend" else f"--{key.replace('_', '-')}"
            raise InputError("the value is empty", where=where)


_DEFAULTS = {
    "hsts": "0",
    "http_port": "80",
    "https_port": "443",
    "max_body": "0",
    "timeout": "3600",
    "tls": "intermediate",
    "websocket": "auto",
}
_NOT_OF_A_SITE = frozenset({"facts", "server", "server_version"})


def given(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that were given and that describe a site, as they are typed."""
    return tuple(
        f"--{key.replace('_', '-')}"
        for key, value in options.items()
        if value and value != _DEFAULTS.get(key) and key not in _NOT_OF_A_SITE
    )


def unasked(text: str) -> Backend:
    """Return the backend as far as its text says it: enough to refuse what cannot be one."""
    return parse_backend(text, where="BACKEND")


def wished_tls(options: Mapping[str, Any]) -> BackendTls | None:
    """Return how ``--backend-*`` says that HTTPS backends are judged; None leaves it to a look."""
    chosen = [
        name for name in ("backend_ca", "backend_pin", "backend_insecure") if options.get(name)
    ]
    if len(chosen) > 1:
        raise InputError("--backend-ca, --backend-pin and --backend-insecure exclude each other")
    name = options.get("backend_name")
    checked = backend_name(name, "--backend-name") if name else None
    if options.get("backend_ca"):
        ca = model.parse_file(options["backend_ca"], "CA file", where="--backend-ca")
        return BackendTls(mode="verify", ca=ca, name=checked)
    if options.get("backend_pin"):
        return BackendTls(mode="pin", name=checked)
    if options.get("backend_insecure"):
        return BackendTls(mode="insecure", name=checked)
    return None


def from_options(
    name: str | None, options: Mapping[str, Any], backends: Mapping[str, Backend]
) -> model.Site:
    """Return the site that was typed; ``backends`` maps each backend's text to what it is.

    Raises InputError with the option at fault.
    """
    if name is None and not options["catch_all"]:
        raise InputError(
            "a site needs a name", remedy="NAME BACKEND, as in: jupyter.example.com 8889"
        )
    site_name = parse_name(CATCH_ALL if name is None else name, where="NAME")
    if options["catch_all"] and not site_name.is_any:
        raise InputError(
            f"the catch-all answers for all other names, not for {site_name.text}",
            where="--catch-all",
            remedy="leave NAME away",
        )
    return model.Site(
        name=site_name,
        aliases=tuple(parse_name(text, where="--alias") for text in options["alias"]),
        action=_action(options, backends),
        certificate=_certificate_option(options, site_name),
        tls=model.Tls(
            guideline=options["tls"],
            hsts_s=model.parse_seconds(options["hsts"], "lifetime", minimum=0, where="--hsts"),
        ),
        limits=model.Limits(
            max_body=model.parse_size(options["max_body"], where="--max-body"),
            timeout_s=model.parse_seconds(
                options["timeout"], "time-out", minimum=1, where="--timeout"
            ),
        ),
        access=model.Access(
            allow=tuple(model.parse_network(text, where="--allow") for text in options["allow"]),
            basic_auth=model.parse_file(
                options["basic_auth"], "password file", where="--basic-auth"
            )
            if options["basic_auth"]
            else None,
        ),
        websocket=options["websocket"],
        http_port=model.parse_port(options["http_port"], where="--http-port"),
        https_port=model.parse_port(options["https_port"], where="--https-port"),
        file_name=model.parse_file_name(options["file_name"], where="--file-name")
        if options["file_name"]
        else None,
    )


def _action(options: Mapping[str, Any], backends: Mapping[str, Backend]) -> model.Action:
    routes = route_texts(options["backend"], options["route"])
    kinds = {
        "BACKEND or --route": bool(routes),
        "--docroot": bool(options["docroot"]),
        "--redirect-to": bool(options["redirect_to"]),
        "--catch-all": bool(options["catch_all"]),
    }
    chosen = [kind for kind, is_chosen in kinds.items() if is_chosen]
    if len(chosen) != 1:
        what = " and ".join(chosen) + " exclude each other" if chosen else "a site needs a backend"
        raise InputError(
            what,
            remedy=f"give one of: {ACTIONS}",
        )
    if options["strip"] and not options["route"]:
        raise InputError("it says how a --route is passed on, and there is none", where="--strip")
    if options["php"] and not options["docroot"]:
        raise InputError("--php needs --docroot")
    if options["docroot"]:
        return docroot(options["docroot"], options["php"], "--docroot", "--php")
    if options["redirect_to"]:
        return model.Redirect(
            to=model.parse_redirect(options["redirect_to"], where="--redirect-to")
        )
    if options["catch_all"]:
        return model.Refuse()
    prefix: model.Prefix = "strip" if options["strip"] else "keep"
    return model.Proxy(
        routes=tuple(
            model.Route(path=path, backend=backends[text], prefix="keep" if path == "/" else prefix)
            for path, text in routes
        )
    )


def docroot(path: str, php: str | None, path_at: str, php_at: str) -> model.Docroot:
    """Return the action of a directory, with or without PHP; ``*_at`` locate the two texts."""
    socket = parse_socket(php.removeprefix("unix:"), where=php_at) if php else None
    return model.Docroot(path=model.parse_docroot(path, where=path_at), php=socket)


def _certificate_option(options: Mapping[str, Any], name: Name) -> model.CertificateSource:
    cert, key = options["cert"], options["key"]
    if options.get("chain"):
        raise InputError(
            "neither server takes the chain in a file of its own",
            where="--chain",
            remedy=f"cat {cert or 'cert.pem'} {options['chain']} > fullchain.pem,"
            " and give it as --cert",
        )
    if bool(cert) != bool(key):
        raise InputError("--cert and --key need each other")
    if sum((bool(cert), options["acme"], options["self_signed"])) > 1:
        raise InputError("--cert, --acme and --self-signed exclude each other")
    if cert:
        return model.CertificateSource(
            kind="files",
            cert=model.parse_file(cert, "certificate", where="--cert"),
            key=model.parse_file(key, "key", where="--key"),
        )
    if options["acme"]:
        return model.CertificateSource(kind="acme")
    if options["self_signed"] or name.is_local:
        return model.CertificateSource(kind="self-signed")
    return model.CertificateSource(kind="acme")


def backend_name(text: str, where: str) -> str:
    """Return a DNS name that a backend's certificate can carry."""
    name = parse_name(text, where=where)
    if name.kind != "dns":
        raise InputError(
            f"{text!r} is not a DNS name; neither server compares addresses or wildcards",
            where=where,
        )
    return name.text
