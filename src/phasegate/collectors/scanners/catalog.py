"""Every program that looks for weak code or known holes by the name that settings give it, and what it reads."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from phasegate.collectors.scanners.interface import Audit, Scanner
from phasegate.dependencies.packages import Ecosystem
from phasegate.settings import DepsTool, SastTool, SecretsTool

LANGUAGES: Mapping[SastTool, tuple[str, ...]] = {"ruff": ("Python", "Jupyter"), "bandit": ("Python",)}


def scanner(name: SastTool | SecretsTool) -> Scanner:
    """The one called `name`; its module is imported when it is first asked for."""
    return cast(Scanner, importlib.import_module(f"phasegate.collectors.scanners.{name}").scan)


AUDITS: Mapping[DepsTool, tuple[Ecosystem, ...]] = {
    "pip-audit": ("PyPI",), "npm-audit": ("npm",), "govulncheck": ("Go",),
}  # fmt: skip


def audit(name: DepsTool) -> Audit:
    """The one called `name`."""
    module = name.replace("-", "_")
    return cast(Audit, importlib.import_module(f"phasegate.collectors.scanners.{module}").audit)
