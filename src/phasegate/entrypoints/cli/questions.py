"""What `init` says it found, and the three questions it asks at most; every one has a default."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import rich_click as click
from msgspec import Struct

from phasegate.adoption.finding import Found
from phasegate.adoption.survey import Survey, named
from phasegate.agents.claude_command import Scope
from phasegate.collectors.interface import NoTestCommand
from phasegate.collectors.suites import command_of
from phasegate.entrypoints import surveying
from phasegate.entrypoints.cli import output
from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import CoverageSeen, NoCoverage, TestsSeen, per_cent
from phasegate.gates.interface import some
from phasegate.ledger.facts import BaselineTaken
from phasegate.plain import line
from phasegate.settings import Settings, Tests
from phasegate.wiring import RealDesk
from phasegate.workspace import git


class Wishes(Struct, frozen=True):
    """What was said on the command line; `yes` takes every default, `silent` asks nothing; `there`: it is set up."""

    scope: Scope | None
    yes: bool
    silent: bool
    baseline: bool | None
    there: bool


class Meeting(Struct, frozen=True):
    """What was found and what was answered."""

    survey: Survey
    scope: Scope | None
    suites: Mapping[str, Tests]
    baseline: bool


class Known(Struct, frozen=True):
    """The baseline in numbers and in words; None is unknown."""

    tests: int | None
    red: tuple[str, ...]
    flaky: tuple[str, ...]
    coverage_percent: float | None
    secrets: int
    broken_references: int
    lines: tuple[str, ...]


def met(where: git.Place, wishes: Wishes) -> Meeting:
    """Look at the repository, say what is there, and ask what is not clear; nothing is written."""
    survey = surveying.surveyed(where)
    if wishes.there:
        return Meeting(survey, wishes.scope, {}, bool(wishes.baseline))
    for text in described(survey):
        output.progress(f"phasegate: {text}")
    if wishes.yes or wishes.silent or not sys.stdin.isatty():
        baseline = wishes.yes if wishes.baseline is None else wishes.baseline
        return Meeting(survey, wishes.scope, named(survey.suites), baseline)
    suites = _asked_suites(survey.suites)
    scope = wishes.scope or _asked_scope()
    baseline = _asked_baseline() if wishes.baseline is None else wishes.baseline
    return Meeting(survey, scope, named(suites), baseline)


def described(survey: Survey) -> Iterator[str]:
    """The survey in a few lines."""
    if survey.languages:
        yield "written in " + ", ".join(f"{each.name} ({each.files} files)" for each in survey.languages[:4])
    for found in survey.suites:
        yield f"tests by {_named(found)}: {found.why}"
    for unread in survey.unread:
        yield f"not usable in {unread.directory or 'the root'}: {unread.what}: {unread.why}. {unread.remedy}"
    if not survey.suites and not survey.unread:
        yield "no tests were found"
    if survey.hook_managers:
        yield f"git hooks are managed by {', '.join(survey.hook_managers)}; phasegate leaves them as they are"
    if survey.agents:
        yield f"there are settings of {', '.join(survey.agents)}"


def _named(found: Found) -> str:
    return f"{found.suite.runner} in {found.suite.directory}" if found.suite.directory else found.suite.runner


def _asked_suites(suites: tuple[Found, ...]) -> tuple[Found, ...]:
    """The first question, asked only where there is more than one suite to choose from."""
    if len(suites) < 2:
        return suites
    for number, found in enumerate(suites, 1):
        click.echo(f"  {number}  {_named(found)}", err=True)
    wanted = click.prompt("Which of these suites count? (numbers, or all)", default="all", err=True)
    numbers = {int(word) for word in str(wanted).replace(",", " ").split() if word.isdecimal()}
    return tuple(found for number, found in enumerate(suites, 1) if number in numbers) or suites


def _asked_scope() -> Scope:
    team = click.confirm("Share the hooks with a team, in git? (else they are yours alone)", default=False, err=True)
    return "team" if team else "me"


def _asked_baseline() -> bool:
    text = "Run the tests now, so that it is known what is red, flaky and covered before anything changes?"
    return bool(click.confirm(text, default=True, err=True))


def about_suites(where: git.Place, settings: Settings) -> Iterator[str]:
    """One line for each suite that cannot be run yet."""
    suites = settings.all_suites()
    for name, tests in suites.items():
        try:
            command_of(where.root, tests)
        except NoTestCommand as unknown:
            failure = surveying.why_nothing_runs(where, suites, unknown)
            yield f"{f'The suite {name}' if name else 'Tests'}: {failure.message} {failure.hint}"


def known(desk: RealDesk, taken: BaselineTaken, why_not: str) -> Known:
    """The baseline as recorded."""
    evidence = desk.state().evidence
    tests = evidence[taken.tests].seen if taken.tests else None
    coverage = evidence[taken.coverage].seen if taken.coverage else None
    counted = {
        each.scanner: each.total
        for id in taken.findings.values()
        if isinstance(each := evidence[id].seen, FindingsSeen)
    }
    complete = isinstance(tests, TestsSeen) and tests.complete
    red = tuple(test.id for test in tests.red) if isinstance(tests, TestsSeen) and complete else ()
    percent = coverage.percent if isinstance(coverage, CoverageSeen) and coverage.total else None
    number = tests.collected if isinstance(tests, TestsSeen) and complete else None
    secrets, broken = counted.get("secrets", 0), counted.get("references", 0)
    lines = [
        _told(number, red, taken.flaky, why_not) + (_none_passes(tests) if isinstance(tests, TestsSeen) else ""),
        f"Statements covered: {per_cent(percent)}." if percent is not None else f"Coverage is unknown{_why(coverage)}.",
        f"Known from before: {_several(secrets, 'possible secret')} and {_several(broken, 'broken link')}.",
    ]
    return Known(number, red, taken.flaky, percent, secrets, broken, tuple(lines))


def _told(number: int | None, red: tuple[str, ...], flaky: tuple[str, ...], why_not: str) -> str:
    """What the tests said, in one line."""
    if number is None:
        return f"Baseline: what the tests say is unknown: {line(why_not, 600)}"
    if not number:
        return (
            "Baseline: no test was found. Write the first one, or say under [tests] in phasegate.toml what runs them."
        )
    return f"Baseline: {number} tests, {_count(red, 'red')}, {_count(flaky, 'flaky')}."


def _none_passes(tests: TestsSeen) -> str:
    """What stands in the way of all of them: one reason, more often than not."""
    if not tests.complete or not tests.red or tests.passed:
        return ""
    return f" As none passes, they show nothing yet; the first says: {line(tests.red[0].message, 300) or 'no reason'}"


def _count(ids: tuple[str, ...], what: str) -> str:
    return f"{len(ids)} {what} ({some(ids, 2)})" if ids else f"none {what}"


def _several(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _why(coverage: object) -> str:
    return f": {line(coverage.why, 300)}" if isinstance(coverage, NoCoverage) else ""
