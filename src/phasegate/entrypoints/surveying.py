"""Looks over a repository for what tests it, the environments of tox and nox too; and says why nothing there can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from phasegate.adoption.finding import Unread
from phasegate.adoption.look import Look
from phasegate.adoption.survey import Survey, survey
from phasegate.collectors.interface import NoTestCommand
from phasegate.entrypoints.adopting_tox import provided
from phasegate.settings import Tests
from phasegate.workspace import git, listing


def surveyed(where: git.Place) -> Survey:
    """What is in the work tree; nothing of it is run."""
    seen = survey(Look(listing.paths(where), listing.reader(where.root)))
    answers = [provided(where.root, found) for found in seen.suites]
    refused = tuple(why_not for _, why_not in answers if why_not is not None)
    return replace(seen, suites=tuple(found for found, _ in answers), unread=(*seen.unread, *refused))


def why_nothing_runs(where: git.Place, suites: Mapping[str, Tests], failure: NoTestCommand) -> NoTestCommand:
    """`failure` in the words of what is there, where the settings name no suite and pytest was only a guess."""
    if any(suite != Tests() for suite in suites.values()):
        return failure
    seen = surveyed(where)
    told = list(_told(seen.unread))
    if told:
        return NoTestCommand(f"{'. '.join(why for why, _ in told[:2])}.", hint=told[0][1])
    if not seen.suites and not any(language.name == "Python" for language in seen.languages):
        return NoTestCommand(
            "No tests were found, and phasegate.toml names no suite.",
            hint='Write the first one, or name under [tests] what runs them: "junit" takes what writes JUnit.',
        )
    return failure


def _told(unread: tuple[Unread, ...]) -> Iterator[tuple[str, str]]:
    for each in unread:
        place = f" in {each.directory}" if each.directory else ""
        yield f"phasegate cannot run {each.what}{place}: {each.why}", each.remedy
