"""Every program that looks for weak code by the name that settings give it, and the languages it reads."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from phasegate.collectors.scanners.interface import Scanner
from phasegate.settings import SastTool

LANGUAGES: Mapping[SastTool, tuple[str, ...]] = {"ruff": ("Python",), "bandit": ("Python",)}


def scanner(name: SastTool) -> Scanner:
    """The one called `name`; its module is imported when it is first asked for."""
    return cast(Scanner, importlib.import_module(f"phasegate.collectors.scanners.{name}").scan)
