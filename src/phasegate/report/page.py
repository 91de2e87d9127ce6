"""A report as one page: the headline, the glance, what to look at first; then part by part (`sections.py`)."""

from __future__ import annotations

from phasegate.report import sections
from phasegate.report.blocks import (  # fmt: skip
    Cited,
    Code,
    Command,
    Entries,
    Entry,
    Page,
    Quiet,
    Say,
    Section,
    Tile,
    Tone,
    cite,
    codes,
    joined,
    words,
)
from phasegate.report.values import Closed, Figure, Look, Report
from phasegate.report.words import (
    Local,
    counted,
    difference,
    duration,
    listed,
    money,
    percent,
    rough,
    stretch,
)

BECAUSE = {
    "asked": "",
    "drive": "since the drive began",
    "run": "since the run began",
    "ledger": "since the ledger began",
}

ENDED = {
    "limit": "The drive stopped at a limit",
    "failed": "The drive failed",
    "stopped": "The drive was stopped",
    "waiting": "The drive ended: what is left waits for you",
    "complete": "The drive is complete",
}


def page(report: Report, local: Local) -> Page:
    """`report` as a page; `local` is the reader's clock."""
    since, until = local(report.window.since_at), local(report.window.until_at)
    parts = (
        _first(report), sections.questions(report, local), sections.waiting(report, local),
        sections.closed(report, local), sections.proof(report, local), sections.refused(report),
        sections.driving(report), sections.time(report), sections.errors(report), sections.waivers(report),
    )  # fmt: skip
    return Page(
        "What happened", stretch(since, until), BECAUSE[report.window.because], headline(report), _tone(report),
        _tiles(report), tuple(part for part in parts if part is not None),
    )  # fmt: skip


# -- in one sentence --------------------------------------------------------------------------------------------------


def headline(report: Report) -> str:
    """What closed and what waits."""
    if not report.window.events:
        return "Nothing was recorded in this time."
    return f"{_closed(report)} {_waits(report)}"


def _closed(report: Report) -> str:
    done, planned = len(report.closed), int(report.planned.value or 0)
    before = int(report.closed_before.value or 0)
    if not done:
        return "No phase closed."
    if not planned:
        return f"{counted(done, 'phase')} closed."
    if done + before >= planned:
        return f"All {counted(planned, 'phase')} of the plan are closed." if planned > 1 else "The phase is closed."
    if before:
        return f"{counted(done, 'phase')} closed, {done + before} of {planned} in all."
    return f"{done} of {counted(planned, 'phase')} closed."


def _waits(report: Report) -> str:
    waiting = []
    if report.deferred:
        waiting.append(counted(len(report.deferred), "deferred phase"))
    if report.questions:
        waiting.append(counted(len(report.questions), "question"))
    if report.held:
        waiting.append(counted(len(report.held), "held change"))
    if not waiting:
        return "Nothing waits for you."
    alone = len(waiting) == 1 and waiting[0].startswith("1 ")
    return f"{listed(waiting)} {'waits' if alone else 'wait'} for you.".capitalize()


def _tone(report: Report) -> Tone:
    if any(drive.outcome == "failed" for drive in report.drives) or report.tests.newly_red:
        return "bad"
    if report.deferred or report.questions or report.held:
        return "wait"
    return "good" if report.closed else "plain"


# -- at a glance ------------------------------------------------------------------------------------------------------


def _tiles(report: Report) -> tuple[Tile, ...]:
    return (_tile_phases(report), _tile_waiting(report), _tile_tests(report), _tile_coverage(report),
            _tile_cost(report), _tile_time(report))  # fmt: skip


def _tile_phases(report: Report) -> Tile:
    refs = tuple(phase.ref for phase in report.closed)
    parts = [words("of ", cite(report.planned, tail=" phases" if report.planned.value != 1 else " phase"))]
    parts = parts if report.planned.value else []
    parts += [words(cite(report.closed_before), " before")] if report.closed_before.value else []
    parts += [words(f"{len(report.deferred)} deferred")] if report.deferred else []
    parts += [words(f"{len(report.still_open)} open")] if report.still_open else []
    return Tile("Closed", Cited(str(len(report.closed)), refs), joined(parts), "good" if refs else "plain")


def _tile_waiting(report: Report) -> Tile:
    asked = tuple(question.ref for question in report.questions)
    held = tuple(change.ref for change in report.held)
    count = len(asked) + len(held)
    parts = [counted(len(asked), "question")] if asked else []
    parts += [counted(len(held), "held change")] if held else []
    note = listed(parts) if parts else "nothing"
    return Tile("Waits for you", Cited(str(count), asked + held), words(note), "wait" if count else "plain")


def _tile_tests(report: Report) -> Tile:
    before, after = report.tests.before, report.tests.after
    if after is None:
        return Tile("Tests", Cited("unknown", why="no test run is recorded"), words("no run recorded"))
    parts = [words(cite(after.red), " red")]
    if before is not None and before.passed.value is not None and after.passed.value is not None:
        parts.insert(0, words(difference(before.passed.value, after.passed.value), " passing"))
    tone: Tone = "bad" if report.tests.newly_red or not after.complete else "plain"
    note = parts[0] if after.complete else words("the run did not end")
    return Tile("Tests passing", cite(after.passed), words(note, *(words(", ", part) for part in parts[1:])), tone)


def _tile_coverage(report: Report) -> Tile:
    before, after = report.coverage_before, report.coverage_after
    if after is None or after.percent.value is None:
        why = report.no_coverage or "none recorded"
        return Tile(
            "Coverage",
            Cited("unknown", report.no_coverage_refs, why=why),
            words(Quiet(why)),
            "bad" if report.no_coverage else "plain",
        )
    note = "of statements"
    if before is not None and before.percent.value is not None:
        points = difference(before.percent.value, after.percent.value, places=1)
        note = f"{points} points"
    return Tile("Coverage", cite(after.percent, percent), words(note))


def _tile_cost(report: Report) -> Tile:
    use = report.use
    if use.cost_usd.value is None:
        return Tile(
            "Cost",
            cite(use.cost_usd),
            words(Quiet("only a drive sees it" if not use.launches.value else "no client said")),
        )
    return Tile("Cost", cite(use.cost_usd, money), words(cite(use.tokens, rough), " tokens"))


def _tile_time(report: Report) -> Tile:
    waited = sum(wait.seconds.value or 0 for wait in report.waits)
    note = f"{duration(waited)} of it waiting" if waited else "in steps of the workflow"
    return Tile("Time taken", cite(report.worked, duration), words(note))


# -- first ------------------------------------------------------------------------------------------------------------


def _first(report: Report) -> Section:
    entries = tuple(_look(report, look) for look in report.first)
    if not entries:
        return Section("first", "Look at this first", (Say(words("Nothing needs a look."), "good"),), "good")
    return Section("first", "Look at this first", (Entries(entries, ranked=True),))


def _look(report: Report, look: Look) -> Entry:
    """One line, and the command that goes on from there."""
    return _pressing(report, look) or _doubtful(report, look) or _unusual(report, look)


def _cited(look: Look, text: str) -> Cited:
    return Cited(text, look.count.refs, look.count.more)


def _pressing(report: Report, look: Look) -> Entry | None:
    count = look.count.value
    match look.what:
        case "drive_failed":
            drive = next(drive for drive in reversed(report.drives) if drive.drive == look.which[-1])
            said = f": {drive.said.rstrip('.')}." if drive.said else "."
            tone: Tone = "bad" if drive.outcome == "failed" else "wait"
            return Entry(words(_cited(look, ENDED[drive.outcome]), said), tone=tone)
        case "questions":
            about = sorted({f"phase {asked.phase}" for asked in report.questions if asked.phase})
            rest = f", about {listed(about)}" if about else ""
            title = words(_cited(look, counted(count, "question")), f" {_wait(count)} for your answer{rest}.")
            return Entry(title, commands=(Command("phasegate report --answer", "one key a question"),), tone="wait")
        case "held":
            title = words(_cited(look, counted(count, "change")), f" {_is(count)} held, and no gate opens until you "
                          "undo or accept it: ", codes(look.which), ".")  # fmt: skip
            return Entry(title, tone="wait")
        case "deferred":
            why = "; ".join(phase.why.rstrip(".") for phase in report.deferred[:2])
            return Entry(words(_cited(look, _phases(look.which)), f" {_is(count)} deferred: {why}."), tone="wait")
        case _:
            return None


def _doubtful(report: Report, look: Look) -> Entry | None:
    count = look.count.value
    match look.what:
        case "red":
            was = "was" if count == 1 else "were"
            title = words(_cited(look, counted(count, "test")), f" {_is(count)} red that {was} not before: ",
                          codes(look.which), ".")  # fmt: skip
            return Entry(title, tone="bad")
        case "unproven":
            doubts = tuple(words(Quiet(f"phase {phase.phase}: {'; '.join(phase.doubts)}"))
                           for phase in report.closed if phase.doubts)  # fmt: skip
            return Entry(words(_cited(look, _phases(look.which)), " closed on weak evidence."), doubts, tone="bad")
        case "incomplete":
            return Entry(words(_cited(look, "The newest test run"), f" did not end: {look.which[0]}."), tone="bad")
        case "no_coverage":
            return Entry(words(_cited(look, "Coverage"), f" is unknown: {look.which[0].rstrip('.')}."), tone="bad")
        case "errors":
            first = look.which[0].rstrip(".")
            return Entry(words(_cited(look, counted(count, "error")), f" {_is(count)} open: {first}."), tone="bad")
        case _:
            return None


def _unusual(report: Report, look: Look) -> Entry:
    count = look.count.value
    match look.what:
        case "failed_hooks":
            title = words(_cited(look, counted(count, "hook call")), " failed on phasegate's side.")
            return Entry(title, commands=(Command("phasegate log show --kind HookFailed"),), tone="bad")
        case "retried":
            target, rule = look.which
            return Entry(words("The agent tried ", _cited(look, f"{counted(count, 'time')}"), " on ", Code(target),
                               f", which the rule {rule} refused."))  # fmt: skip
        case "large":
            large = [phase for phase in report.closed if phase.phase in look.which]
            shown = tuple(words(_size(phase)) for phase in large)
            commits = tuple(Command(f"git show {phase.commit[:12]}") for phase in large if phase.commit)
            return Entry(words(_cited(look, _phases(look.which)), " made a large difference."), shown, commits[:3])
        case "waivers":
            soonest = report.ending_waivers[0]
            ends = "today" if not soonest.days else f"in {counted(soonest.days, 'day')}"
            what = counted(count, "exception")
            return Entry(words(_cited(look, what), f" {'ends' if count == 1 else 'end'} soon, the first {ends}."))
        case _:
            raise AssertionError(f"no words for {look.what}")


def _size(phase: Closed) -> Quiet:
    def said(figure: Figure, thing: str) -> str:
        return f"{'at least ' if figure.least else ''}{counted(figure.value, thing)}"

    lines = f", {said(phase.changed_lines, 'executable line')}" if phase.changed_lines.value else ""
    return Quiet(f"phase {phase.phase}: {said(phase.files, 'file')}{lines}")


def _phases(ids: tuple[str, ...]) -> str:
    return f"{'Phase' if len(ids) == 1 else 'Phases'} {listed(ids)}"


def _is(count: float | None) -> str:
    return "is" if count == 1 else "are"


def _wait(count: float | None) -> str:
    return "waits" if count == 1 else "wait"
