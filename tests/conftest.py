"""What holds for every test: nothing of the developer is read or touched, and a missing real client is said aloud."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

OF_THE_DEVELOPER = ("AI_AGENT", "ANTHROPIC_", "CLAUDE", "GIT_", "GNUPGHOME", "PHASEGATE_", "SSH_", "XDG_")
OF_THE_TESTS = ("PHASEGATE_CLAUDE", "PHASEGATE_TIER")
BARE_PYTEST = ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
"""The pytest of a test's own project needs none of our plugins; loading them takes longer than its tests."""

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

# Somebody else's pull request must not go red by chance; chance searches at home and before a release.
settings.register_profile("phasegate", deadline=None, print_blob=True)
settings.register_profile("phasegate-ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("phasegate-ci" if IN_CI and "PHASEGATE_TIER" not in os.environ else "phasegate")


@pytest.fixture(scope="session", autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without settings, keys or ledgers; a session or git hook around the tests leaves no trace."""
    home = tmp_path_factory.mktemp("nobody")
    sources = where_packages_come_from()
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(OF_THE_DEVELOPER) and name not in OF_THE_TESTS:
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # hundreds of processes would compile what one can keep
        patch.setenv(*BARE_PYTEST)
        for name, place in sources.items():
            patch.setenv(name, place)
        yield home


def where_packages_come_from() -> dict[str, str]:
    """Caches and registries belong to the machine: a test that installs something finds them, also without its home."""
    home = os.path.expanduser("~")
    config = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = {
        "NPM_CONFIG_USERCONFIG": f"{home}/.npmrc",
        "PIP_CONFIG_FILE": f"{config}/pip/pip.conf",
        "UV_CONFIG_FILE": f"{config}/uv/uv.toml",
    }
    found = {name: path for name, path in files.items() if name not in os.environ and os.path.exists(path)}
    return {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache", **found}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a client, a clock or a disk."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test of the real client that does not run has failed."""
    report = yield
    if IN_CI and _missed(report):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"CI must have the real client. {why}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of the real client did not run, where nobody can overlook it."""
    missed = [report for report in terminalreporter.stats.get("skipped", ()) if _missed(report)]
    if missed:
        terminalreporter.section("THE REAL CLIENT WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(missed)} tests of the real Claude Code did not run, because its binary is absent. "
            "`uv sync` installs it; PHASEGATE_CLAUDE names another.",
            red=True,
        )


def _missed(report: pytest.TestReport) -> bool:
    """Whether a test of the real client did not run for want of it; what only a release runs is not missed."""
    later = isinstance(report.longrepr, tuple) and "PHASEGATE_TIER=release runs it" in report.longrepr[2]
    skipped = report.skipped and not hasattr(report, "wasxfail")
    return skipped and "real_client" in report.keywords and not later
