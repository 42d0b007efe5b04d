"""``./dev test`` installs with the real apt-get and dpkg, and leaves the machine as it was.

All of it happens on overlays in a private mount namespace, with packages made here.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

DEV = shlex.quote(str(Path(__file__).resolve().parents[2] / "dev"))
LOOK = """
echo ----
ls /usr/sbin | grep policy-rc
stat --format='%F %a %u:%g %s %y' /usr/sbin/policy-rc.d
cat /usr/sbin/policy-rc.d
echo ----
"""
POLICIES = {
    "own": "cd /usr/sbin && printf 'exit 0 # \\001' >policy-rc.d && chmod 4751 policy-rc.d",
    "link": "ln -sf /nowhere/at/all /usr/sbin/policy-rc.d",
    "none": "rm -f /usr/sbin/policy-rc.d",
}
ASK_POLICY = "/usr/sbin/policy-rc.d vhostsmith-x start; echo answered: $?"

OVERLAYS = """
stage=$1
mount -t tmpfs tmpfs "$stage"
for place in usr etc var; do
    mkdir -p "$stage/$place/upper" "$stage/$place/work"
    layers=lowerdir=/$place,upperdir=$stage/$place/upper,workdir=$stage/$place/work
    mount -t overlay overlay -o "$layers" "/$place"
done
trap : INT TERM # to tell what is left when ./dev was interrupted
eval "$2"
"""


pytestmark = pytest.mark.needs("mount namespaces", "apt-get", "dpkg-deb")


class Archive:
    """A directory of packages, and an apt-get that knows no other source."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.index = ""
        self.stage = directory / "stage"
        for name in ("stage", "state/lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True)
        (directory / "sources.list").write_text(f"deb [trusted=yes] file:{directory} ./\n")
        (directory / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{directory}/sources.list"; Dir::Etc::sourceparts "-";\n'
            f'Dir::State "{directory}/state"; Dir::State::status "/var/lib/dpkg/status";\n'
            f'Dir::Cache "{directory}/cache"; APT::Sandbox::User "root";\n'
        )

    def add(self, name: str, version: str, *, more: str = "", postinst: str = "") -> Path:
        """Put a package into it."""
        tree = self.directory / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example>\n"
            f"Description: made by a test\n{more}"
        )
        (tree / "DEBIAN/control").write_text(control)
        script = tree / "DEBIAN/postinst"
        script.write_text(f"#!/bin/sh\n{postinst}\n")
        script.chmod(0o755)
        deb = self.directory / f"{name}_{version}.deb"
        subprocess.run(("dpkg-deb", "--build", tree, deb), check=True, capture_output=True)
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        filename = f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
        self.index += control + filename + "\n"
        (self.directory / "Packages").write_text(self.index)
        return deb

    def start(self, script: str) -> subprocess.Popen[str]:
        """Run a script where nothing that it installs outlives it."""
        command = ("unshare", "--mount", "sh", "-uc", OVERLAYS, "sh", self.stage, script)
        return subprocess.Popen(
            command,
            env=os.environ | {"APT_CONFIG": str(self.directory / "apt.conf")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *script: str) -> str:
        """Run it to its end, and return what was said."""
        said, _ = self.start("\n".join(script)).communicate(timeout=60)
        return said


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def install(*packages: str) -> str:
    return f'{DEV} install-packages {" ".join(packages)}; echo "exit code $?"'


def looks(said: str) -> tuple[str, str, str]:
    """Split what was said into the first look at the policy, what came between, and the last."""
    _, before, between, after, _ = said.split("----\n")
    return before, between, after


def test_packages_are_installed_while_starts_are_refused(archive: Archive) -> None:
    archive.add("vhostsmith-x", "1.0", postinst=ASK_POLICY)
    said = archive.run(POLICIES["own"], install("vhostsmith-x"), "dpkg-query -s vhostsmith-x")
    assert "answered: 101\n" in said
    assert "exit code 0\n" in said
    assert "Status: install ok installed\n" in said


@pytest.mark.parametrize("code", [0, 100])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_is_the_same_file_afterwards(archive: Archive, policy: str, code: int) -> None:
    archive.add("vhostsmith-x", "1.0", postinst=f"{ASK_POLICY}; exit {code}")
    before, between, after = looks(
        archive.run(POLICIES[policy], LOOK, install("vhostsmith-x"), LOOK)
    )
    assert "answered: 101\n" in between
    assert f"exit code {code}\n" in between
    assert after == before


@pytest.mark.parametrize(
    ("policy", "signum"),
    [("own", signal.SIGINT), ("own", signal.SIGTERM), ("none", signal.SIGINT)],
)
def test_an_interrupt_waits_for_dpkg_and_leaves_the_policy_as_it_was(
    archive: Archive, policy: str, signum: signal.Signals
) -> None:
    archive.add("vhostsmith-x", "1.0", postinst=f"echo slow; sleep 1; {ASK_POLICY}")
    running = archive.start(POLICIES[policy] + LOOK + install("vhostsmith-x") + LOOK)
    assert running.stdout is not None
    said = ""
    while not said.endswith("slow\n"):
        line = running.stdout.readline()
        assert line, said
        said += line
    os.killpg(running.pid, signum)
    said += running.communicate(timeout=30)[0]
    before, between, after = looks(said)
    assert "answered: 101\n" in between
    assert f"exit code {128 + signum}\n" in between
    assert after == before


@pytest.mark.parametrize("policy", ["own", "none"])
def test_what_a_killed_run_left_is_put_right_by_the_next(archive: Archive, policy: str) -> None:
    archive.add("vhostsmith-slow", "1.0", postinst=": >/var/tmp/begun; sleep 1; : >/var/tmp/ended")
    archive.add("vhostsmith-x", "1.0")
    killed = f"""
        {DEV} install-packages vhostsmith-slow &
        until [ -e /var/tmp/begun ]; do sleep 0.1; done
        kill -KILL $!
        until [ -e /var/tmp/ended ]; do sleep 0.1; done
        sleep 1
    """
    before, between, after = looks(
        archive.run(POLICIES[policy], LOOK, killed, install("vhostsmith-x"), LOOK)
    )
    assert "exit code 0\n" in between
    assert after == before


def test_a_package_that_would_change_what_is_there_is_left_out(archive: Archive) -> None:
    there = archive.add("vhostsmith-there", "1.0")
    archive.add("vhostsmith-there", "2.0")
    archive.add("vhostsmith-upgrades", "1.0", more="Depends: vhostsmith-there (>= 2.0)\n")
    archive.add("vhostsmith-removes", "1.0", more="Conflicts: vhostsmith-there\n")
    archive.add("vhostsmith-x", "1.0")
    said = archive.run(
        f"dpkg --install {there}",
        install("vhostsmith-upgrades", "vhostsmith-removes", "vhostsmith-absent", "vhostsmith-x"),
        "dpkg-query --show 'vhostsmith-*'",
    )
    assert "vhostsmith-upgrades is left out, for it would change what is there:" in said
    assert "vhostsmith-removes is left out, for it would change what is there:" in said
    assert "Unable to locate package vhostsmith-absent" in said
    assert said.endswith("exit code 0\nvhostsmith-there\t1.0\nvhostsmith-x\t1.0\n")


def test_where_nothing_can_be_installed_that_is_a_failure(archive: Archive) -> None:
    archive.add("vhostsmith-x", "1.0")
    before, between, after = looks(
        archive.run(POLICIES["own"], LOOK, install("vhostsmith-absent"), LOOK)
    )
    assert "exit code 1\n" in between
    assert after == before
