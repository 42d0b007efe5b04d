"""The README's lines for root, word for word, where nobody has installed anything yet."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
EMPTIED = ("/opt", "/usr/local", "/root")

# $1: the commands; $2: a directory to prepare in; then what must be seen in the emptied places.
CLEAN_ROOT = f"""
commands=$1 stage=$2
shift 2
mount -t tmpfs tmpfs "$stage"
for place in {" ".join(EMPTIED)} /usr/local/bin; do mkdir -p "$stage$place"; done
for seen in "$@"; do
    mkdir -p "$(dirname "$stage$seen")"
    if [ -d "$seen" ]; then mkdir -p "$stage$seen"; else : >"$stage$seen"; fi
    mount --bind "$seen" "$stage$seen"
done
for place in {" ".join(EMPTIED)}; do mount --rbind "$stage$place" "$place"; done
eval "$commands"
cd /
vhostsmith --version
vhostsmith render jupyter.example.com http://127.0.0.1:8889
"""


def lines_for_root() -> str:
    text = (CHECKOUT / "README.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for line in "".join(blocks).splitlines() if "/opt/vhostsmith" in line]
    assert lines, "README.md has no lines that install into /opt/vhostsmith"
    return "\n".join(lines)


def what_pip_reads() -> list[str]:
    """Find the files and directories by which this machine's pip is told where packages are."""
    pip = (sys.executable, "-m", "pip", "config")
    debug = subprocess.run((*pip, "debug"), capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^ +(/.+), exists: True$", debug, re.MULTILINE)
    listed = subprocess.run((*pip, "list"), capture_output=True, text=True, check=True).stdout
    for word in " ".join(shlex.split(listed.replace("=", " "))).split():
        url = urlsplit(word)
        if url.scheme in {"", "file"} and url.path.startswith("/"):
            found.append(unquote(url.path))
    return [path for path in found if Path(path).exists()]


def kept_visible(paths: list[str]) -> list[str]:
    """Choose what to show in the emptied places: these files, and directories with all around them.

    An index may link to files that lie beside it, so all of the directory right below the emptied
    place is shown.
    """
    shown = []
    for path in map(Path, paths):
        for place in EMPTIED:
            if path.is_relative_to(place) and path != Path(place):
                top = Path(place, path.relative_to(place).parts[0])
                shown.append(str(path if path.is_file() else top))
    return list(dict.fromkeys(shown))


@pytest.mark.needs("mount namespaces", "/usr/bin/python3")
def test_the_lines_for_root_work_where_nothing_was_installed(tmp_path: Path) -> None:
    asked = ("/usr/bin/python3", "-c", "import ensurepip; ensurepip.version()")
    if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs python3-venv of the distribution, which is not installed")
    source, stage = tmp_path / "vhostsmith", tmp_path / "stage"
    caches = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(CHECKOUT, source, symlinks=True, ignore=caches)
    stage.mkdir()
    seen = kept_visible([*what_pip_reads(), str(source)])
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    environment["PATH"] = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment["HOME"] = "/root"
    clean = ("unshare", "--mount", "--", "sh", "-eu", "-c", CLEAN_ROOT, "sh")
    done = subprocess.run(
        (*clean, lines_for_root(), str(stage), *seen),
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nvhostsmith 0." in f"\n{done.stdout}"
    named = r'^ +(ServerName|server_name) "?jupyter\.example\.com'
    assert re.search(named, done.stdout, re.MULTILINE)
