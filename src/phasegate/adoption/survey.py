"""The whole of what is found when phasegate comes to a repository, and the names its suites get."""

from __future__ import annotations

import re

from msgspec import Struct

from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.languages import Language, languages
from phasegate.adoption.look import Look
from phasegate.adoption.suites import suites
from phasegate.adoption.surroundings import AGENTS, HOOK_MANAGERS, INTEGRATION, found
from phasegate.settings import Tests


class Survey(Struct, frozen=True):
    """What is there: nothing of it was run."""

    languages: tuple[Language, ...]
    suites: tuple[Found, ...]
    unread: tuple[Unread, ...]
    hook_managers: tuple[str, ...]
    agents: tuple[str, ...]
    integration: tuple[str, ...]


def survey(look: Look) -> Survey:
    """Look at everything once."""
    tests = suites(look)
    return Survey(
        languages(look), tests.found, tests.unread,
        found(look, HOOK_MANAGERS), found(look, AGENTS), found(look, INTEGRATION),
    )  # fmt: skip


def named(chosen: tuple[Found, ...]) -> dict[str, Tests]:
    """The chosen suites as settings have them: "" for an only one, else short names that tell them apart."""
    if len(chosen) == 1:
        return {"": chosen[0].suite}
    names: dict[str, Tests] = {}
    for each in chosen:
        base = _slug(each.suite.directory) or _slug(each.language)
        taken = f"{base[:30]}-{each.suite.runner}" if base in names else base
        while taken in names:
            taken = f"{taken[:36]}-{len(names)}"
        names[taken] = each.suite
    return names


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
