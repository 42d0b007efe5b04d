"""The tests are accounted for: what did not run is listed last, and is a failure under CI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ALL_RUN = """
import pytest

def test_passes(): pass

def test_fails_as_expected(): pytest.xfail("known")
"""
SOME_DO_NOT = """
import pytest

@pytest.mark.needs("sh", "no-such-program")
def test_needs(): pass

def test_skips(): pytest.skip("for a reason\\n   on two lines")

@pytest.mark.xfail(run=False, reason="it hangs")
def test_hangs(): pass

@pytest.mark.parametrize("case", [])
def test_has_no_cases(case): pass

def test_passes(): pass
"""
THEIR_NAMES = [
    "did not run: 5",
    "  test_one.py::test_needs: needs no-such-program, which this machine does not offer",
    "  test_one.py::test_skips: for a reason on two lines",
    "  test_one.py::test_hangs: it hangs",
    "  test_one.py::test_has_no_cases[NOTSET]: got empty parameter set for (case)",
    "  test_two.py: could not import 'no_such_module': No module named 'no_such_module'",
]


def pytest_on(directory: Path, text: str, *arguments: str, ci: str = "") -> tuple[int, list[str]]:
    """Run it; the exit code, and what is said after pytest's own closing line."""
    shutil.copy(CHECKOUT / "tests/conftest.py", directory)
    (directory / "test_one.py").write_text(text)
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", *arguments),
        cwd=directory,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    _, after = re.split(r"^=+ .* in .*s =+$", done.stdout, flags=re.MULTILINE)
    return done.returncode, after.strip("\n").splitlines()


@pytest.mark.parametrize("ci", ["", "1", "true"])
def test_nothing_is_listed_when_all_ran(tmp_path: Path, ci: str) -> None:
    assert pytest_on(tmp_path, ALL_RUN, ci=ci) == (0, ["did not run: 0"])


def test_each_reason_not_to_run_is_listed(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text("import pytest; pytest.importorskip('no_such_module')")
    code, lines = pytest_on(tmp_path, SOME_DO_NOT)
    assert sorted(lines) == sorted(THEIR_NAMES)
    assert code == 0


@pytest.mark.parametrize("ci", ["1", "true"])
def test_a_list_that_is_not_empty_is_a_failure_under_ci(tmp_path: Path, ci: str) -> None:
    code, lines = pytest_on(tmp_path, SOME_DO_NOT, ci=ci)
    assert lines[0] == "did not run: 4, a failure under CI"
    assert code == 1


def test_deselected_tests_did_not_run_either(tmp_path: Path) -> None:
    code, lines = pytest_on(tmp_path, ALL_RUN, "-k", "passes", ci="1")
    assert lines == [
        "did not run: 1, a failure under CI",
        "  1 deselected by the arguments of this run",
    ]
    assert code == 1


def test_tests_that_a_stopped_run_never_reached_are_counted(tmp_path: Path) -> None:
    text = "def test_fails(): assert False\ndef test_comes_later(): pass\n"
    code, lines = pytest_on(tmp_path, text, "-x")
    assert lines == ["did not run: 1", "  1 that the run stopped before"]
    assert code == 1
