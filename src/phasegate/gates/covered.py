"""Open when tests run enough of the changed lines and leave no more of everything unrun than at the start."""

from __future__ import annotations

from phasegate.evidence.items import CoverageSeen, per_cent
from phasegate.gates.interface import Moment, Verdict, failed, passed, some, unknown
from phasegate.settings import Settings, matches

ROUNDING = 0.05
"""Per cent that the total may fall: less than one shows in a report with one decimal."""


def gate(moment: Moment) -> Verdict:
    """Statement coverage of changed lines per file, and of everything against the phase's start."""
    found = moment.coverage(moment.subject)
    if found is None:
        return unknown("no coverage is recorded for this tree", remedy="Run `phasegate check tests`.")
    evidence, seen = found
    if not isinstance(seen, CoverageSeen):
        return unknown(
            seen.why, remedy="Install what is missing, then `phasegate check tests`.", evidence=(evidence.id,)
        )
    if seen.unmeasured:
        return unknown(
            f"the report does not say what ran in changed files: {some(seen.unmeasured)}",
            remedy="Let a test import them, then `phasegate check tests`.",
            evidence=(evidence.id,),
        )
    short = short_of(seen, moment.settings)
    fallen = _fallen(seen, moment)
    if short or fallen:
        return failed(
            *short,
            *(excluded(seen) if short else ()),
            *fallen,
            remedy="Test the lines named, then `phasegate check tests`.",
            evidence=(evidence.id,),
        )
    return passed(
        f"{per_cent(seen.changed_percent, 0)} of the changed lines and {per_cent(seen.percent)} of all statements are "
        "covered",
        *([seen.said] if seen.said else []),
        evidence=(evidence.id,),
    )


def short_of(seen: CoverageSeen, settings: Settings) -> list[str]:
    """The demands on changed lines that are not met; a path with a demand of its own is judged by itself."""
    reasons, covered, missing = [], 0, []
    for file in seen.changed:
        own = next((want for glob, want in settings.coverage.paths.items() if matches(file.path, (glob,))), None)
        if own is None:
            covered += file.covered
            missing += [f"{file.path}:{line}" for line in file.missing]
        elif 100.0 * file.covered < own * (file.covered + len(file.missing)):
            lines = [str(line) for line in file.missing]
            reasons.append(f"{file.path}: changed lines {some(lines)} are not covered, {own:g} % is demanded")
    want = settings.coverage.changed_lines
    if 100.0 * covered < want * (covered + len(missing)):
        have = 100.0 * covered / (covered + len(missing))
        reasons.append(f"{per_cent(have, 0)} of the changed lines are covered, {want:g} % is demanded: {some(missing)}")
    return reasons


def excluded(seen: CoverageSeen) -> list[str]:
    """Why a line that a report does not show as missing is counted as missing."""
    lines = [f"{file.path}:{line}" for file in seen.changed for line in file.excluded]
    said = "no test runs them, and leaving them out (`pragma: no cover`, `istanbul ignore`, coverage settings)"
    return [f"{some(lines)}: {said} does not count for changed lines"] if lines else []


def _fallen(seen: CoverageSeen, moment: Moment) -> list[str]:
    """The total against the phase's start, or against the demand on a new project when nothing was measured then."""
    before = moment.coverage(moment.phase.subject)
    have = f"{per_cent(seen.percent)} of all statements are covered"
    if before and isinstance(before[1], CoverageSeen) and before[1].total:
        more = newly_unrun(before[1], seen)
        return (
            [f"{have}, {more} more are not than at the phase's start ({per_cent(before[1].percent)})"] if more else []
        )
    want = moment.settings.coverage.new_project
    return [f"{have}, {want:g} % is demanded of a new project"] if seen.total and seen.percent < want else []


def newly_unrun(before: CoverageSeen, now: CoverageSeen) -> int:
    """How many more statements no test runs, where a smaller share is run as well; else 0.

    Taking out statements that tests ran makes the share smaller, and leaves nothing unrun that was not.
    """
    return max(0, now.missing - before.missing) if now.percent < before.percent - ROUNDING else 0
