"""Whatever way the package is installed, it finds its templates and renders the same text."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
WAYS = ("wheel", "sdist", "wheel from the sdist", "editable checkout")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what the command says; the test fails where the command does."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, into: Path) -> Path:
    run(sys.executable, "-m", "build", kind, "--outdir", into, source)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--wheel", CHECKOUT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--sdist", CHECKOUT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("unpacked")
    run("tar", "--extract", "--file", sdist, "--directory", directory)
    (top,) = directory.iterdir()
    return top


@pytest.fixture(scope="module")
def wheel_from_sdist(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--wheel", unpacked, tmp_path_factory.mktemp("wheel-from-sdist"))


def files_in(directory: Path, prefix: str = "") -> dict[str, bytes]:
    """Every file below it, caches aside: its path from there, and what it holds."""
    return {
        f"{prefix}{path.relative_to(directory)}": path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and not any(map(is_cache, path.relative_to(directory).parts))
    }


def is_cache(part: str) -> bool:
    return part == "__pycache__" or (part.startswith(".") and part.endswith("_cache"))


def files_in_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_and_its_templates_and_nothing_more(wheel: Path) -> None:
    expected = files_in(CHECKOUT / "src")
    expected |= files_in(CHECKOUT / "templates", "vhostsmith/templates/")
    held = {name: text for name, text in files_in_wheel(wheel).items() if ".dist-info/" not in name}
    assert sorted(held) == sorted(expected)
    assert held == expected
    kinds = {Path(name).suffix for name in held}
    assert kinds <= {".py", ".typed", ".json", ".toml", ".html", ".j2"}


def test_the_sdist_holds_what_a_checkout_holds(unpacked: Path) -> None:
    expected = {"PKG-INFO": (unpacked / "PKG-INFO").read_bytes()}
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "dev", ".gitignore"):
        expected[name] = (CHECKOUT / name).read_bytes()
    for name in (".ci", "src", "templates", "tests", "docs", "bench"):
        expected |= files_in(CHECKOUT / name, f"{name}/")
    held = files_in(unpacked)
    assert sorted(held) == sorted(expected)
    assert held == expected
    assert os.access(unpacked / "dev", os.X_OK)


def test_the_wheel_from_the_sdist_is_the_wheel(wheel: Path, wheel_from_sdist: Path) -> None:
    assert files_in_wheel(wheel_from_sdist) == files_in_wheel(wheel)


def environment_with(tmp_path: Path, *what: str | Path) -> Path:
    """Make an environment with that installed, which borrows the dependencies of this one."""
    directory = tmp_path / "environment"
    venv.create(directory, with_pip=False)
    python = directory / "bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", *what)
    places = {"base": str(directory), "platbase": str(directory)}
    borrowed = Path(sysconfig.get_path("purelib", vars=places)) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib"))
    return directory


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_install_finds_the_templates(
    way: str, wheel: Path, sdist: Path, wheel_from_sdist: Path, tmp_path: Path
) -> None:
    ways: dict[str, tuple[str | Path, ...]] = {
        "wheel": (wheel,),
        "sdist": (sdist,),
        "wheel from the sdist": (wheel_from_sdist,),
        "editable checkout": ("--editable", CHECKOUT),
    }
    environment = environment_with(tmp_path, *ways[way])
    found = run(environment / "bin/python", "-c", "import vhostsmith as v; print(v.__file__)")
    home = CHECKOUT / "src" if way == "editable checkout" else environment
    assert Path(found.strip()).is_relative_to(home)

    render = ("render", "jupyter.example.com", "http://127.0.0.1:8889")
    apache = run(environment / "bin/vhostsmith", *render, "--server", "apache", cwd=tmp_path)
    nginx = run(environment / "bin/vhostsmith", *render, "--server", "nginx", cwd=tmp_path)
    assert '    ServerName "jupyter.example.com"\n' in apache
    assert "    server_name jupyter.example.com;\n" in nginx.replace('"', "")
