"""What the README says is what happens: each command line of it runs, here or elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vhostsmith.cli import run
from vhostsmith.demo import start_demo

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]
COMMANDS = [command for block in BLOCKS for command in block]
BY_HAND = next(block for block in BLOCKS if "apachectl configtest" in block)

# Where the other command lines run.
ELSEWHERE = {
    "./dev try": "tests/development/test_dev.py",
    "./dev test": "tests/development/test_dev.py",
    "vhostsmith render jupyter.example.com 8889": "test_the_first_command_prints_a_virtual_host",
    "vhostsmith try jupyter.localhost 8889": "test_the_second_command_shows_a_site",
    (
        "python3 -m venv /opt/vhostsmith && /opt/vhostsmith/bin/pip install ."
        " && ln -s /opt/vhostsmith/bin/vhostsmith /usr/local/bin/"
    ): "tests/packaging/test_root_install.py",
}


def test_every_command_line_is_run_somewhere() -> None:
    assert set(COMMANDS) == set(ELSEWHERE) | set(BY_HAND)
    for place in ELSEWHERE.values():
        assert place in globals() or (ROOT / place).is_file()


def test_the_first_command_prints_a_virtual_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", "jupyter.example.com", "8889"]) == 0
    assert "jupyter.example.com" in capsys.readouterr().out


@pytest.mark.needs("apache2")
def test_the_second_command_shows_a_site() -> None:
    # The port of the README may be taken on this machine; the site is the same on another.
    with start_demo() as demo:
        command = [sys.executable, "-m", "vhostsmith", "try", "jupyter.localhost", str(demo.port)]
        done = subprocess.run([*command, "--once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "https://jupyter.localhost:" in done.stdout


@pytest.mark.needs("mount namespaces", "apache2", "ip")
def test_by_hand_it_works_on_a_stock_apache() -> None:
    run_by_hand("apachectl start", "apachectl stop", *BY_HAND)


@pytest.mark.needs("mount namespaces", "nginx", "ip")
def test_by_hand_it_works_on_a_stock_nginx() -> None:
    how_to = (ROOT / "docs/how-to.md").read_text("utf-8").partition("## nginx by hand")[2]
    commands = [line.strip() for line in how_to.partition("\n## ")[0].splitlines() if line.strip()]
    run_by_hand("nginx", "nginx -s stop", *commands)


def run_by_hand(*arguments: str) -> None:
    binaries = str(Path(sys.executable).parent)
    done = subprocess.run(
        [
            *("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"),
            *(sys.executable, str(Path(__file__).parent / "by_hand.py"), *arguments),
        ],
        env={"PATH": f"{binaries}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "websocket pass" in done.stdout


@pytest.mark.parametrize(
    ("kind", "facts"), [("apache", "apache-2.4.71-event"), ("nginx", "nginx-1.22.1")]
)
def test_the_examples_are_what_render_prints(
    kind: str, facts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["render", "jupyter.example.com", "https://127.0.0.1:8889", "--backend-pin"]
    arguments += ["--backend-name", "localhost"]
    assert run([*arguments, "--facts", str(ROOT / f"tests/golden/facts/{facts}.json")]) == 0
    printed = capsys.readouterr().out
    assert (ROOT / f"docs/examples/{kind}.conf").read_text("utf-8") == printed
    if kind == "apache":
        [excerpt] = re.findall(r"```apache\n(.*?)```", README, re.DOTALL)
        assert excerpt in printed


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert os.path.exists(page.parent / target), f"{page}: {target}"
