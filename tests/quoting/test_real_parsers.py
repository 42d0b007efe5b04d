"""What the model accepts, the real parsers read back as exactly that and nothing more."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import crossplane
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vhostsmith.errors import InputError
from vhostsmith.model import parse_file
from vhostsmith.servers import apache, nginx
from vhostsmith.servers.base import Server
from vhostsmith.wire import Door, Request, ask

_AWKWARD = st.text(
    alphabet=st.sampled_from("ab /\\\"'$%{}<>;#&*?[]()|~=,:!^`ü中🂡 \u202f\u00a0\u200b\t\n\r\0")
)
_PATHS = st.one_of(_AWKWARD, st.text()).map(lambda text: "/" + text)
_BATCH = st.lists(_PATHS, min_size=1, max_size=60)
_SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def accepted(server: Server, texts: list[str]) -> list[tuple[str, str]]:
    """Return (value, quoted) for the texts that the model and the server's quoting let through."""
    found = []
    for text in texts:
        try:
            value = parse_file(text, "file")
            found.append((value, server.quote(value)))
        except InputError:
            continue
    return found


@given(_BATCH)
@_SLOW
def test_apache_reads_back_each_quoted_value(apache_program: str, texts: list[str]) -> None:
    values = accepted(apache.SERVER, texts)
    with tempfile.TemporaryDirectory() as directory:
        mpm = Path(apache.DEBIAN.modules or "", "mod_mpm_event.so")
        lines = [
            f'ServerRoot "{directory}"',
            f'DefaultRuntimeDir "{directory}"',
            f'ErrorLog "{directory}/error.log"',
            "ServerName read.invalid",
            f"LoadModule mpm_event_module {mpm}",
            *(f"Define V{number}_ {quoted}" for number, (_, quoted) in enumerate(values)),
        ]
        config = Path(directory, "httpd.conf")
        config.write_text("\n".join(lines) + "\n", "utf-8")
        done = subprocess.run(
            [apache_program, "-t", "-f", str(config), "-D", "DUMP_RUN_CFG"],
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    read = [
        line.removeprefix(b"Define: ").partition(b"=")[2].decode()
        for line in done.stdout.splitlines()
        if line.startswith(b"Define: V")
    ]
    assert sorted(read) == sorted(value for value, _ in values)


@given(_BATCH)
@_SLOW
def test_nginx_reads_back_each_quoted_value(nginx_program: str, texts: list[str]) -> None:
    values = accepted(nginx.SERVER, texts)
    locations = "".join(
        f"location = /{number} {{ return 200 {quoted}; }}\n"
        for number, (_, quoted) in enumerate(values)
    )
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "nginx.conf")
        config.write_text(_NGINX.format(directory=directory, locations=locations), "utf-8")
        socket_path = f"{directory}/socket"
        with running(nginx_program, directory, socket_path):
            read = [
                ask(Door(socket_path=socket_path), _request(number)).body.decode()
                for number in range(len(values))
            ]
    assert read == [value for value, _ in values]


@given(_BATCH)
def test_crossplane_reads_back_each_quoted_value(texts: list[str]) -> None:
    values = accepted(nginx.SERVER, texts)
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "nginx.conf")
        config.write_text("".join(f"root {quoted};\n" for _, quoted in values), "utf-8")
        parsed = crossplane.parse(str(config), single=True, check_ctx=False)["config"][0]["parsed"]
    assert [(d["directive"], d["args"]) for d in parsed] == [
        ("root", [value]) for value, _ in values
    ]


@pytest.mark.parametrize(
    ("server", "text"),
    [(apache.SERVER, "/srv/${HOME}"), (nginx.SERVER, "/srv/$host"), (nginx.SERVER, "/srv/$")],
)
def test_a_value_that_no_quoting_can_save_is_refused(server: Server, text: str) -> None:
    with pytest.raises(InputError, match=r"\$"):
        server.quote(text)


def _request(number: int) -> Request:
    return Request(target=f"/{number}", headers=(("Host", "read.invalid"),))


_NGINX = """daemon off; pid "{directory}/pid"; error_log "{directory}/error.log";
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path "{directory}/a"; proxy_temp_path "{directory}/b";
    fastcgi_temp_path "{directory}/c"; uwsgi_temp_path "{directory}/d";
    scgi_temp_path "{directory}/e";
    server {{
        listen "unix:{directory}/socket";
{locations}
    }}
}}
"""


def _listens(socket_path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(socket_path) == 0


@contextlib.contextmanager
def running(program: str, directory: str, socket_path: str) -> Iterator[None]:
    """Run nginx as whoever runs the tests, until its socket is gone again."""
    command = [
        program,
        "-e",
        f"{directory}/error.log",
        "-p",
        directory,
        "-c",
        f"{directory}/nginx.conf",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while not _listens(socket_path):
            assert process.poll() is None, Path(directory, "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.chmod(directory, 0o755)  # a worker of root's nginx runs as nobody
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)
