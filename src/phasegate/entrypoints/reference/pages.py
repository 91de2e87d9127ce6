"""All pages of the reference by file name: the one place that gathers the definitions they are made from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

import click

import phasegate
from phasegate.entrypoints.cli import app
from phasegate.entrypoints.reference.commands import commands
from phasegate.entrypoints.reference.facts import facts_page
from phasegate.entrypoints.reference.failures import failures, subclasses
from phasegate.entrypoints.reference.rules_page import rules_page
from phasegate.entrypoints.reference.schema import evidence_schema
from phasegate.entrypoints.reference.settings_page import settings_page
from phasegate.entrypoints.reference.workflows import gates_page, steps_page, workflow_page
from phasegate.evidence import manifest
from phasegate.gates.catalog import CATALOG
from phasegate.ledger.schema import KINDS, VERSIONS
from phasegate.workflow.default import DEFAULT

FOLDER = "docs/reference"

NOT_OURS = ("phasegate.collectors.pytest_reporter",)
"""Read by the user's interpreter, not by ours."""


def pages() -> dict[str, bytes]:
    """Each file of the reference, relative to its folder, with its content."""
    texts = {
        "cli.md": commands(command_groups()),
        "errors.md": failures(subclasses(), {module.__name__: inspect.getsource(module) for module in modules()}),
        "workflow.md": workflow_page(DEFAULT),
        "steps.md": steps_page(DEFAULT),
        "gates.md": gates_page(CATALOG, DEFAULT),
        "facts.md": facts_page(KINDS, VERSIONS),
        "settings.md": settings_page(),
        "rules.md": rules_page(DEFAULT),
    }
    return {name: text.encode() for name, text in texts.items()} | {
        "evidence.schema.json": evidence_schema(manifest.schema())
    }


def modules() -> Iterator[ModuleType]:
    """Every module of phasegate, imported, in the order of their names."""
    found = pkgutil.walk_packages(phasegate.__path__, "phasegate.")
    for name in sorted(module.name for module in found):
        if not name.startswith(NOT_OURS) and not name.endswith("__main__"):
            yield importlib.import_module(name)


def command_groups() -> Mapping[str, Mapping[str, click.Command]]:
    """The commands under their headings; one whose module is not there is left out, and a test says so."""
    return {title: dict(_members(names)) for title, names in app.COMMANDS.items()}


def _members(names: Mapping[str, str]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(app.phasegate)
    for name, module in names.items():
        full = f"phasegate.entrypoints.cli.{module}"
        try:
            command = app.phasegate.get_command(context, name)
        except ModuleNotFoundError as missing:
            if missing.name != full:
                raise
            continue
        if command is not None:
            yield name, command
