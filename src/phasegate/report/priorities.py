"""What to look at first: whatever waits for a person, then what is doubtful, then what is unusual."""

from __future__ import annotations

from collections.abc import Iterator

from phasegate.report.values import Figure, Look, LookKind, Report, figure

MANY_FILES = 30
MANY_LINES = 400
"""From how many changed files or executable lines on a phase deserves a closer look."""

ENDED_WELL = ("complete", "waiting")


def first_looks(report: Report) -> tuple[Look, ...]:
    """The most pressing first; every kind once."""
    return tuple(look for look in _looks(report) if look.count.value)


def _looks(report: Report) -> Iterator[Look]:
    failed = [drive for drive in report.drives if drive.outcome in ("failed", "limit", "stopped")]
    yield _of("drive_failed", [(drive.drive, drive.refs[-1]) for drive in failed if not drive.attempt_of])
    yield _of("questions", [(asked.question, asked.ref) for asked in report.questions])
    yield _of("held", [(held.path, held.ref) for held in report.held])
    yield _of("deferred", [(phase.phase, phase.ref) for phase in report.deferred])
    yield from _red(report)
    yield _of("unproven", [(phase.phase, phase.ref) for phase in report.closed if phase.doubts])
    yield from _incomplete(report)
    yield _of("errors", [(error.text, error.ref) for error in report.errors])
    yield Look("failed_hooks", report.failed_hooks, ())
    yield from (Look("retried", case.count, (case.target, case.rule)) for case in report.retried[:1])
    yield _of(
        "large", [(phase.phase, phase.ref) for phase in report.closed if _large(phase.files, phase.changed_lines)]
    )
    yield _of("waivers", [(waiver.waiver, waiver.ref) for waiver in report.ending_waivers])


def _of(what: LookKind, found: list[tuple[str, str]]) -> Look:
    return Look(what, figure(len(found), [ref for _, ref in found]), tuple(name for name, _ in found))


def _red(report: Report) -> Iterator[Look]:
    """Tests that were not red before."""
    anew, after = report.tests.newly_red, report.tests.after
    if anew and after is not None:
        yield Look("red", figure(len(anew), after.red.refs), anew)


def _incomplete(report: Report) -> Iterator[Look]:
    """The newest test run did not end, or coverage is not known any more."""
    after = report.tests.after
    if after is not None and not after.complete:
        yield Look("incomplete", figure(1, after.collected.refs), (after.why_incomplete,))
    if report.no_coverage:
        yield Look("no_coverage", figure(1, report.no_coverage_refs), (report.no_coverage,))


def _large(files: Figure, lines: Figure) -> bool:
    return (files.value or 0) >= MANY_FILES or (lines.value or 0) >= MANY_LINES
