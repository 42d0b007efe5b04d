"""What stands behind the sites: backends with and without TLS, and files that a server may read."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from servers.certificates import Authority, server_context
from servers.echo import Echo
from vhostsmith.backend import Backend, BackendTls, Scheme, parse_backend
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.names import parse_name

NAMES = ("root", "kept", "stripped")
# Two more with TLS: one whose certificate has expired, one whose comes from an authority.
OUTDATED, VOUCHED = "outdated", "vouched"
# Says what PHP was told, and what it read.
TELL = """<?php
header('Content-Type: application/json');
header('Strict-Transport-Security: max-age=5');
echo json_encode(['file' => basename(__FILE__), 'server' => $_SERVER, 'get' => $_GET,
    'size' => strlen(file_get_contents('php://input'))]);
"""
FILES = {
    "index.html": "<h1>home</h1>",
    "a b ü%25.txt": "odd",
    "style.css": "b {}",
    "sub/index.html": "<h1>sub</h1>",
    "empty/readme.txt": "no index here",
    ".env": "HIDDEN",
    ".git/config": "HIDDEN",
    "sub/.htaccess": "HIDDEN",
    "sub/.deep/file.txt": "HIDDEN",
    ".well-known/security.txt": "Contact: mailto:a@example.com",
    ".well-known/.env": "HIDDEN",
    "../outside.txt": "HIDDEN",
    "index.php": TELL,
    "page.php": TELL,
    "sub/page.php": TELL,
    ".hidden.php": TELL,
    "upload.jpg": TELL,
    "page.php.bak": "HIDDEN",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Backends by scheme and name, and a directory that everybody may read.

    ``pins`` are the certificates of the backends with TLS, by the backend's authority.
    """

    directory: str
    echoes: Mapping[tuple[Scheme, str], Echo]
    sockets: Mapping[str, Echo]
    pins: Mapping[str, str]

    @property
    def password_file(self) -> str:
        """Users and passwords, one alone: ana, secret."""
        return f"{self.directory}/passwords"

    @property
    def authority(self) -> str:
        """The certificate of the authority that vouches for one of the backends."""
        return f"{self.directory}/authority.pem"

    @property
    def docroot(self) -> str:
        return f"{self.directory}/www"

    @property
    def php_socket(self) -> str:
        return f"{self.directory}/php.sock"

    def backend(self, scheme: Scheme, name: str, base: str = "") -> Backend:
        """Return a backend as a site names it; with TLS it is pinned."""
        found = parse_backend(f"{scheme}://127.0.0.1:{self.echoes[scheme, name].port}{base}")
        if scheme == "http":
            return found
        return dataclasses.replace(found, tls=BackendTls(mode="pin", name="localhost"))

    def judged(self, name: str, tls: BackendTls) -> Backend:
        """Return a backend with TLS that is verified in another way."""
        found = parse_backend(f"https://127.0.0.1:{self.echoes['https', name].port}")
        return dataclasses.replace(found, tls=tls)

    def every_echo(self) -> tuple[Echo, ...]:
        return (*self.echoes.values(), *self.sockets.values())


@contextlib.contextmanager
def laid() -> Iterator[Ground]:
    """Start the backends; all is gone afterwards."""
    with contextlib.ExitStack() as held:
        directory = held.enter_context(tempfile.TemporaryDirectory(prefix="vhostsmith-tests-"))
        os.chmod(directory, 0o755)
        digest = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
        _write(Path(directory, "passwords"), f"ana:{{SHA}}{digest}\n")
        for name, text in FILES.items():
            _write(Path(directory, "www", name), text)
        echoes: dict[tuple[Scheme, str], Echo] = {}
        pins = {}
        authority = Authority("ground")
        _write(Path(directory, "authority.pem"), authority.pem.decode())
        context = server_context(authority.issue("app.test"), directory)
        echoes["https", VOUCHED] = held.enter_context(Echo(VOUCHED, tls=context))
        context, _ = own_certificate(directory, OUTDATED, age=timedelta(days=9))
        echoes["https", OUTDATED] = held.enter_context(Echo(OUTDATED, tls=context))
        for name in NAMES:
            echoes["http", name] = held.enter_context(Echo(name))
            context, pem = own_certificate(directory, name)
            echo = held.enter_context(Echo(name, tls=context))
            echoes["https", name] = echo
            pins[f"127.0.0.1:{echo.port}"] = pem
        yield Ground(
            directory=directory,
            echoes=echoes,
            sockets={
                name: held.enter_context(Echo(name, socket_path=f"{directory}/{name}.sock"))
                for name in NAMES
            },
            pins=pins,
        )


def _write(path: Path, text: str) -> None:
    """Write a file that everybody may read."""
    for directory in reversed(path.parents):
        if not directory.exists():
            directory.mkdir(mode=0o755)
    path.write_text(text, "utf-8")
    os.chmod(path, 0o644)


def own_certificate(
    directory: str, name: str, *, age: timedelta = timedelta()
) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS context with a self-signed certificate for two days, and that."""
    pair = self_signed((parse_name("localhost"),), now=datetime.now(tz=UTC) - age, days=2)
    path = Path(directory, f"{name}-backend.pem")
    path.write_bytes(pair.cert_pem + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    path.unlink()
    return context, pair.cert_pem.decode()
