"""Every test runner by the name that settings give it; its module is imported when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from phasegate.collectors.interface import Runner
from phasegate.settings import Runner as Name

RUNNERS: Mapping[Name, str] = {
    "pytest": "pytest_runner",
    "go": "go_test",
    "jest": "jest_runner",
    "vitest": "vitest_runner",
    "mocha": "mocha_runner",
    "node": "node_runner",
    "junit": "junit_runner",
    "unittest": "unittest_runner",
}


def runner(name: Name) -> Runner:
    """The runner called `name`."""
    return cast(Runner, importlib.import_module(f"phasegate.collectors.{RUNNERS[name]}"))
