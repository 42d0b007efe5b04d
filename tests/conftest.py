"""For every test: what it may ask of the machine, and the account of what did not run.

``@pytest.mark.needs("root", "apache2")`` skips a test where the machine lacks one of the things.
Whatever does not run for this or another reason is listed after pytest's own closing line; where
``CI`` is ``1`` or ``true`` a list that is not empty is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator, Sequence

import pytest

# A normal user's PATH on Debian leaves out where the servers are.
PROGRAM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

NOT_REACHED = "that the run stopped before"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'needs(*what): what it cannot run without: "root", "mount namespaces", a program',
    )
    config.pluginmanager.register(NotRun(config), "not-run")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for what in mark.args:
            if not is_here(what):
                pytest.skip(f"needs {what}, which this machine does not offer")


def is_here(what: str) -> bool:
    """Whether the machine offers one of the things that a test can name with ``needs``."""
    if what == "root":
        return os.geteuid() == 0
    if what == "mount namespaces":
        unshare = ("unshare", "--mount", "true")
        return is_here("root") and subprocess.run(unshare, check=False).returncode == 0
    return shutil.which(what, path=PROGRAM_PATH) is not None


class NotRun:
    """Collects every test that was selected and did not run, whatever the reason."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.reasons: dict[str, str] = {}
        self.deselected = 0

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.deselected += len(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.reasons[report.nodeid] = reason_of(report)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.reasons[item.nodeid] = NOT_REACHED

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        expected_failure = str(getattr(report, "wasxfail", "[NOTRUN]"))
        if report.skipped and expected_failure.startswith("[NOTRUN]"):
            self.reasons[report.nodeid] = reason_of(report)
        elif report.when == "call" or report.failed:
            self.reasons.pop(report.nodeid, None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        count = len(self.reasons) + self.deselected
        is_failure = bool(count) and os.environ.get("CI") in {"1", "true"}
        yield
        if self.config.option.collectonly:
            return
        if is_failure and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        reporter.write_line(f"did not run: {count}" + (", a failure under CI" * is_failure))
        for nodeid, reason in self.reasons.items():
            if reason != NOT_REACHED:
                reporter.write_line(f"  {nodeid}: {reason}")
        if not_reached := list(self.reasons.values()).count(NOT_REACHED):
            reporter.write_line(f"  {not_reached} {NOT_REACHED}")
        if self.deselected:
            reporter.write_line(f"  {self.deselected} deselected by the arguments of this run")


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Make one line of the words given to ``pytest.skip``."""
    if isinstance(report.longrepr, tuple):
        text = report.longrepr[2].removeprefix("Skipped: ")
    else:
        text = str(getattr(report, "wasxfail", report.longrepr)).removeprefix("[NOTRUN] ")
    return " ".join(text.split())


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here, as pytest reads only this conftest before it looks at the command line.
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/*.case where they differ; the run still fails",
    )
