"""The configuration around a single site's text, for a server that is nobody's but ours."""

from __future__ import annotations

from dataclasses import dataclass

from vhostsmith.servers.base import ServerFacts

# What every site needs besides the modules that it asks for itself; mod_unixd and mod_log_config
# are static on Debian and loadable elsewhere.
_APACHE_BASE = ("unixd", "log_config", "authn_core", "authz_core", "setenvif", "mime", "dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Harness:
    """The text of the main configuration file, and the command that runs it in the foreground."""

    text: str
    command: tuple[str, ...]


def apache_harness(
    facts: ServerFacts,
    *,
    directory: str,
    ports: tuple[int, int],
    addresses: tuple[str, ...],
    modules: tuple[str, ...],
    mime_types: str,
) -> Harness:
    """Return a configuration that includes ``site.conf`` and listens on ``addresses``.

    Modules are loaded from the layout's directory; one that is not there is compiled in.
    """
    wanted = (f"mpm_{facts.mpm or 'event'}", *_APACHE_BASE, *modules)
    load = [
        f'LoadModule {name}_module "{facts.layout.modules}/mod_{name}.so"'
        for name in dict.fromkeys(wanted)
        if name in facts.available
    ]
    listen = [f"Listen {address}:{port}" for port in ports for address in addresses]
    lines = [
        f'ServerRoot "{directory}"',
        f'DefaultRuntimeDir "{directory}/run"',
        f'PidFile "{directory}/run/pid"',
        f'ErrorLog "{directory}/logs/server-error.log"',
        "ServerName scratch.invalid",
        *load,
        f'TypesConfig "{mime_types}"',
        *listen,
        r'LogFormat "%h %l %u %t \"%r\" %>s %O" combined',
        "GracefulShutdownTimeout 1",
        f'Include "{directory}/site.conf"',
        "",
    ]
    command = (facts.layout.binary, "-f", f"{directory}/server.conf", "-DFOREGROUND")
    return Harness(text="\n".join(lines), command=command)


def nginx_harness(
    facts: ServerFacts,
    *,
    directory: str,
    ports: tuple[int, int],
    addresses: tuple[str, ...],
    modules: tuple[str, ...],
    mime_types: str,
) -> Harness:
    """Return a configuration that includes ``site.conf``; the site itself says where it listens."""
    del ports, addresses, modules
    log = f"{directory}/logs/server-error.log"
    temporary = "".join(
        f'    {kind}_temp_path "{directory}/run/{kind}";\n'
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = (
        f'daemon off;\nworker_processes 1;\npid "{directory}/run/pid";\nerror_log "{log}";\n'
        "events { worker_connections 512; }\n"
        "http {\n"
        f'    include "{mime_types}";\n'
        "    default_type application/octet-stream;\n"
        "    access_log off;\n"
        f"{temporary}"
        f'    include "{directory}/site.conf";\n'
        "}\n"
    )
    early_log = ("-e", log) if facts.version and facts.version >= (1, 19, 5) else ()
    command = (facts.layout.binary, *early_log, "-p", directory, "-c", f"{directory}/server.conf")
    return Harness(text=text, command=command)
