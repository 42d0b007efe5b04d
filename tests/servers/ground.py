"""What stands behind the sites: backends with and without TLS, and files that a server may read."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from servers.echo import Echo
from vhostsmith.backend import Backend, BackendTls, Scheme, parse_backend
from vhostsmith.certs.selfsigned import self_signed
from vhostsmith.names import parse_name

NAMES = ("root", "kept", "stripped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Backends by scheme and name, and a directory that everybody may read.

    ``pins`` are the certificates of the backends with TLS, by the backend's authority.
    """

    directory: str
    echoes: Mapping[tuple[Scheme, str], Echo]
    sockets: Mapping[str, Echo]
    pins: Mapping[str, str]

    def backend(self, scheme: Scheme, name: str, base: str = "") -> Backend:
        """Return a backend as a site names it; with TLS it is pinned."""
        found = parse_backend(f"{scheme}://127.0.0.1:{self.echoes[scheme, name].port}{base}")
        if scheme == "http":
            return found
        return dataclasses.replace(found, tls=BackendTls(mode="pin", name="localhost"))

    def every_echo(self) -> tuple[Echo, ...]:
        return (*self.echoes.values(), *self.sockets.values())


@contextlib.contextmanager
def laid() -> Iterator[Ground]:
    """Start the backends; all is gone afterwards."""
    with contextlib.ExitStack() as held:
        directory = held.enter_context(tempfile.TemporaryDirectory(prefix="vhostsmith-tests-"))
        os.chmod(directory, 0o755)
        echoes: dict[tuple[Scheme, str], Echo] = {}
        pins = {}
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


def own_certificate(
    directory: str, name: str, subject: str = "localhost"
) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS context with a new self-signed certificate, and the certificate."""
    pair = self_signed((parse_name(subject),), now=datetime.now(tz=UTC), days=2)
    path = Path(directory, f"{name}-backend.pem")
    path.write_bytes(pair.cert_pem + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    path.unlink()
    return context, pair.cert_pem.decode()
