"""The options that describe a site, the same for every command that takes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--server",
        type=click.Choice(["apache", "nginx"]),
        help="Default: the one that listens on 80 or 443, else the one installed, else apache.",
    ),
    click.option("--alias", multiple=True, metavar="NAME", help="Another name of the site."),
    click.option(
        "--route",
        multiple=True,
        metavar="/PATH=BACKEND",
        help="Send a path to a backend of its own.",
    ),
    click.option(
        "--strip/--keep",
        default=False,
        help="Take the path of a --route off before the backend sees it (default: keep).",
    ),
    click.option(
        "--docroot", metavar="DIR", help="Serve the files of a directory instead of a backend."
    ),
    click.option(
        "--php",
        metavar="SOCKET",
        help="With --docroot: run *.php by the PHP-FPM on this unix socket.",
    ),
    click.option(
        "--redirect-to", metavar="URL", help="Send everything to the same path below this URL."
    ),
    click.option(
        "--catch-all", is_flag=True, help="Refuse every name that no other site has (without NAME)."
    ),
    click.option(
        "--scheme",
        type=click.Choice(["http", "https"]),
        help="What a bare port speaks (default: it is asked).",
    ),
    click.option(
        "--backend-ca",
        metavar="FILE",
        help="The CA that an HTTPS backend's certificate must come from.",
    ),
    click.option(
        "--backend-pin",
        is_flag=True,
        help="Accept exactly the self-signed certificate that the backend shows now.",
    ),
    click.option(
        "--backend-insecure", is_flag=True, help="Do not verify the backend (this machine only)."
    ),
    click.option(
        "--backend-name",
        metavar="NAME",
        help="The DNS name in the backend's certificate (default: looked up there).",
    ),
    click.option("--cert", metavar="FILE", help="The certificate, followed by its chain."),
    click.option("--key", metavar="FILE", help="Its private key."),
    click.option("--chain", metavar="FILE", hidden=True),
    click.option(
        "--acme", is_flag=True, help="A certificate of a public CA (default for public names)."
    ),
    click.option(
        "--self-signed", is_flag=True, help="A self-signed certificate (default for local names)."
    ),
    click.option(
        "--tls",
        type=click.Choice(["modern", "intermediate"]),
        default="intermediate",
        show_default=True,
        help="Mozilla's guideline.",
    ),
    click.option(
        "--hsts",
        metavar="SECONDS",
        default="0",
        show_default=True,
        help="How long browsers remember to use HTTPS only.",
    ),
    click.option(
        "--websocket",
        type=click.Choice(["auto", "native", "rewrite", "off"]),
        default="auto",
        show_default=True,
        help="How WebSockets are passed on.",
    ),
    click.option(
        "--max-body",
        metavar="SIZE",
        default="0",
        show_default=True,
        help="The largest upload, as 512m; 0: any.",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        default="3600",
        show_default=True,
        help="How long a quiet connection may live.",
    ),
    click.option("--allow", multiple=True, metavar="CIDR", help="Let in only this network."),
    click.option("--basic-auth", metavar="FILE", help="Ask for a password of this htpasswd file."),
    click.option(
        "--http-port",
        metavar="PORT",
        default="80",
        show_default=True,
        help="Where HTTP is redirected from.",
    ),
    click.option(
        "--https-port",
        metavar="PORT",
        default="443",
        show_default=True,
        help="Where HTTPS is served.",
    ),
    click.option(
        "--file-name", metavar="STEM", help="The site's file, without .conf (default: the name)."
    ),
    click.option(
        "--facts",
        metavar="FILE",
        help="Facts that `vhostsmith probe` printed, instead of this machine's.",
    ),
    click.option(
        "--server-version", metavar="VERSION", help="Write for this version of the server."
    ),
)


def site_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add NAME, BACKEND and the options of a site to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    command = click.argument("backend", required=False)(command)
    return click.argument("name", required=False)(command)
