"""The parts of the page below the glance, each left out where there is nothing to say."""

from __future__ import annotations

from phasegate.report.blocks import (
    Bar,
    Bars,
    Block,
    Cited,
    Code,
    Column,
    Command,
    Doc,
    Entries,
    Entry,
    Quiet,
    Say,
    Section,
    Strong,
    Table,
    Words,
    cite,
    codes,
    joined,
    words,
)
from phasegate.report.values import Asked, Chosen, Closed, Deferred, Figure, Report, Spent
from phasegate.report.words import Local, counted, difference, duration, moment, money, percent, rough

NAMED = 6
"""How many tests are named in a row."""

UNDONE_SHOWN = 5
"""How many changes that were put back are shown one by one."""

BARS_SHOWN = 8

WAITED_FOR = {
    "overloaded": "overload",
    "rate_limited": "rate limit",
    "usage_limit": "usage limit",
    "network": "network",
    "api_error": "errors of the API",
    "denied": "no valid key, or nothing paid",
}
"""What a wait that followed such an ending waited out."""

OUTCOMES = {
    "": "has not ended",
    "complete": "is complete",
    "waiting": "ended: the rest waits for you",
    "limit": "stopped at a limit",
    "stopped": "was stopped",
    "failed": "failed",
}
"""What became of a drive."""

HOW_ENDED = {
    "ended": "ended by itself",
    "died": "died",
    "silent": "fell silent and was stopped",
    "stopped": "stopped by phasegate",
    "overloaded": "refused: overloaded",
    "rate_limited": "refused: rate limit",
    "usage_limit": "refused: usage limit",
    "network": "lost the network",
    "api_error": "refused: an error of the API",
    "denied": "refused: no valid key, or nothing paid",
}


def questions(report: Report, local: Local) -> Section | None:
    """What a person is asked, each with the commands that answer it."""
    if not report.questions:
        return None
    asked = Entries(tuple(_question(report, each, local) for each in report.questions))
    return Section("questions", "Questions for you", (asked,), "wait")


def _question(report: Report, asked: Asked, local: Local) -> Entry:
    until = local(report.window.until_at)
    when = Cited(f"asked {moment(local(asked.asked_at), until)}", (asked.ref,) if asked.ref else ())
    about = f"phase {asked.phase}{', ' + asked.title if asked.title else ''}" if asked.phase else "no phase"
    rows = [words(Code(asked.question), Quiet(f" · {about} · "), when)]
    rows += [words(Quiet("about the note: "), asked.about)] if asked.about else []
    rows += [words(Quiet("yes means: "), asked.default)] if asked.default else []
    rows += [words(Doc(asked.report, "what was tried and what stands open"))] if asked.report else []
    commands = (
        Command(f"phasegate answer approve {asked.question}", "yes"),
        Command(f'phasegate answer reject {asked.question} "WHAT INSTEAD"', "no"),
    )
    return Entry(words(Strong(asked.text)), tuple(rows), commands, "wait")


def waiting(report: Report, local: Local) -> Section | None:
    """Deferred phases and held changes."""
    entries = [_deferred(report, phase, local) for phase in report.deferred]
    entries += [
        Entry(words(Code(held.path), " ", _cited("is held", held.ref), " by the rule ", Code(held.rule),
                    f": {held.why}."),
              commands=(Command(f"phasegate answer settle {_quoted(held.path)}", "accept it as it is"),), tone="wait")
        for held in report.held
    ]  # fmt: skip
    if not entries:
        return None
    return Section("waiting", "Deferred and held", (Entries(tuple(entries)),), "wait")


def _deferred(report: Report, phase: Deferred, local: Local) -> Entry:
    when = Cited(moment(local(phase.at), local(report.window.until_at)), (phase.ref,))
    took = words(Quiet(", "), cite(phase.seconds, duration), Quiet(" taken")) if phase.seconds.value else ()
    loops = words(Quiet(", "), cite(phase.loops, tail=" loops" if phase.loops.value != 1 else " loop"))
    rows = [words(Quiet("deferred "), when, took, loops)]
    rows += [words(Doc(phase.report, "what was tried, on what evidence"))] if phase.report.path else []
    return Entry(words(Strong(f"Phase {_named(phase)}"), f": {phase.why}"), tuple(rows), tone="wait")


def _named(phase: Closed | Deferred) -> str:
    return f"{phase.phase}, {phase.title}" if phase.title else phase.phase


def closed(report: Report, local: Local) -> Section | None:
    """The phases that closed, each with what it closed on."""
    if not (report.closed or report.still_open or report.attempts):
        return None
    blocks: list[Block] = []
    if report.closed:
        blocks.append(_closed_table(report, local))
        doubts = tuple(Entry(words(Strong(f"Phase {phase.phase}: "), "; ".join(phase.doubts)), tone="bad")
                       for phase in report.closed if phase.doubts)  # fmt: skip
        blocks += [Entries(doubts)] if doubts else []
    blocks += [Entries(tuple(map(_attempts, report.attempts)))] if report.attempts else []
    if report.still_open:
        blocks.append(Say(words(Quiet("Still open: "), ", ".join(report.still_open), ".")))
    return Section("closed", "Phases closed", tuple(blocks), "good")


def _attempts(chosen: Chosen) -> Entry:
    """What became of several attempts at a phase, and where the work of those that were not taken is kept."""
    said = "one attempt was chosen" if chosen.winner else "no attempt passed"
    kept = (
        (words(Quiet("the others' differences, kept beside the ledger: "), codes(chosen.kept)),) if chosen.kept else ()
    )
    title = words(Strong(f"Phase {chosen.phase}: "), _cited(said, chosen.ref), f": {chosen.why}")
    return Entry(title, kept, tone="plain" if chosen.winner else "wait")


def _closed_table(report: Report, local: Local) -> Table:
    """One row a phase; commits are a drive's, so without one there is no column for them."""
    committed = any(phase.commit for phase in report.closed)
    columns = [Column("Phase"), Column("Closed", True), Column("Tests", True), Column("Changed lines", True),
               Column("Files", True), Column("Took", True)]  # fmt: skip
    columns += [Column("Commit")] if committed else []
    rows = []
    for phase in report.closed:
        commit = words(Cited(phase.commit[:10], (phase.commit_ref,)) if phase.commit else Quiet("none"))
        manifest = words(Doc(phase.manifest, "manifest") if phase.manifest.path else Quiet("none"))
        rows.append((*_closed_row(report, phase, local), *([commit] if committed else []), manifest))
    return Table((*columns, Column("Evidence")), tuple(rows))


def _closed_row(report: Report, phase: Closed, local: Local) -> tuple[Words, ...]:
    return (
        words(Strong(phase.phase), f" {phase.title} ", Quiet(f"· {phase.kind}")),
        words(Cited(moment(local(phase.at), local(report.window.until_at)), (phase.ref,))),
        words(cite(phase.tests)) if phase.tests.value is not None else _none(phase.tests),
        words(cite(phase.changed_coverage, percent)) if phase.changed_coverage.value is not None
        else _none(phase.changed_coverage),
        words(cite(phase.files)),
        words(cite(phase.seconds, duration)),
    )  # fmt: skip


def _none(figure: Figure) -> Words:
    """An unknown figure that nobody asked for is no doubt: a dash with its reason."""
    asked_for_none = figure.why.startswith(("its kind asks", "no executable line"))
    return words(Cited("—" if asked_for_none else "unknown", figure.refs, figure.more, figure.why))


def proof(report: Report, local: Local) -> Section | None:
    """Tests and coverage, before and after."""
    rows = [*_test_rows(report), *_coverage_row(report)]
    if not rows:
        return None
    columns = (Column(""), Column("Before", True), Column("After", True), Column("Change", True))
    blocks: list[Block] = [Table(columns, tuple(rows)), *_named_tests(report)]
    after = report.tests.after
    if after is not None and not after.complete:
        blocks.append(Say(words(f"The newest test run did not end: {after.why_incomplete}."), "bad"))
    if report.no_coverage:
        blocks.append(Say(words(f"Coverage is unknown: {report.no_coverage.rstrip('.')}."), "bad"))
    return Section("proof", "Tests and coverage", tuple(blocks))


def _test_rows(report: Report) -> list[tuple[Words, ...]]:
    before, after = report.tests.before, report.tests.after
    if before is None and after is None:
        return []
    nothing = Figure(None, why="no test run is recorded")
    pairs = [
        ("Tests passing", before.passed if before else nothing, after.passed if after else nothing),
        ("Tests red", before.red if before else nothing, after.red if after else nothing),
    ]
    skipped = ("Tests skipped", before.skipped if before else nothing, after.skipped if after else nothing)
    if skipped[1].value or skipped[2].value:
        pairs.append(skipped)
    return [(words(name), words(cite(was)), words(cite(now)), _change(was, now)) for name, was, now in pairs]


def _coverage_row(report: Report) -> list[tuple[Words, ...]]:
    nothing = Figure(None, report.no_coverage_refs, why=report.no_coverage or "no coverage is recorded")
    was = report.coverage_before.percent if report.coverage_before else nothing
    now = report.coverage_after.percent if report.coverage_after else nothing
    if was.value is None and now.value is None and not report.no_coverage:
        return []
    return [(words("Statements covered"), words(cite(was, percent)), words(cite(now, percent)), _change(was, now, 1))]


def _change(was: Figure, now: Figure, places: int = 0) -> Words:
    if was.value is None or now.value is None:
        return words(Quiet("unknown"))
    return words(difference(was.value, now.value, places=places))


def _named_tests(report: Report) -> list[Block]:
    """Which tests turned, by name."""
    tests, entries = report.tests, []
    for ids, label, tone in (
        (tests.newly_red, "Red now, not before", "bad"),
        (tests.newly_green, "Green now, red before", "good"),
        (tests.still_red, "Red as before", "plain"),
    ):
        if ids:
            entries.append(Entry(words(Strong(f"{label}: {len(ids)}"), " ", codes(ids, NAMED)), tone=tone))  # type: ignore[arg-type]
    if tests.newly_green is None and tests.before and tests.after:
        entries.append(Entry(words(Quiet("Which tests turned is unknown: one of the two runs did not end."))))
    return [Entries(tuple(entries))] if entries else []


def refused(report: Report) -> Section | None:
    """What was refused, by rule, and what was put back."""
    blocks: list[Block] = []
    if report.refused:
        columns = (Column("Rule"), Column("Refused", True), Column("Most telling case", prose=True))
        rows = tuple(
            (words(Code(rule.rule)), words(cite(rule.count)),
             words(Code(rule.telling.target), Quiet(f" {rule.telling.tool}"), _times(rule.telling.count),
                   Quiet(f": {rule.telling.reason}")))
            for rule in report.refused
        )  # fmt: skip
        blocks.append(Table(columns, rows))
    if report.put_back_count.value:
        blocks += _put_back(report)
    others = _other_hands(report)
    blocks += [Say(others)] if others else []
    return Section("refused", "Refused and put back", tuple(blocks)) if blocks else None


def _times(count: Figure) -> Words:
    return words(Quiet(f", {counted(count.value, 'time')}")) if count.value != 1 else ()


def _put_back(report: Report) -> list[Block]:
    count = report.put_back_count
    said = words(cite(count, tail=" changes were" if count.value != 1 else " change was"), " put back.")
    shown = report.put_back[-UNDONE_SHOWN:]
    entries = Entries(tuple(
        Entry(words(Code(back.path), " ", _cited("was put back", back.ref), Quiet(" by the rule "), Code(back.rule)),
              commands=(Command(back.command, "brings back what it held"),) if back.command else ())
        for back in shown
    ))  # fmt: skip
    left = len(report.put_back) - len(shown)
    more = [Say(words(Quiet(f"And {left} more: phasegate log show --kind ChangePutBack")))] if left > 0 else []
    return [*([Say(said)] if count.value != 1 else []), entries, *more]


def _other_hands(report: Report) -> Words:
    parts = []
    if report.boxes_put_back.value:
        parts.append(words("Boxes of the plan were put back ", cite(report.boxes_put_back, _often), "."))
    if report.secrets.value:
        parts.append(words("Secrets were refused or taken out of the record ", cite(report.secrets, _often), "."))
    return joined(parts, " ")


def _often(count: float) -> str:
    return counted(count, "time")


def driving(report: Report) -> Section | None:
    """Drives, what their clients used, how they ended, and what was waited out."""
    if not report.drives and not report.use.launches.value:
        return None
    blocks: list[Block] = [Entries(tuple(
        Entry(words(Code(drive.drive), Quiet(" on "), Code(drive.branch), " ",
                    Cited(OUTCOMES[drive.outcome], drive.refs), f": {drive.said}" if drive.said else ""))
        for drive in report.drives
    ))]  # fmt: skip
    blocks.append(Table((Column("Used"), Column("", True)), tuple(_used(report))))
    if report.waits:
        rows = tuple((words(WAITED_FOR.get(wait.what, wait.what)), words(cite(wait.count)),
                      words(cite(wait.seconds, duration))) for wait in report.waits)  # fmt: skip
        blocks.append(Table((Column("Waited out"), Column("Times", True), Column("Time", True)), rows))
    if report.endings:
        rows = tuple((words(HOW_ENDED[end.how]), words(cite(end.count)), words(Quiet(end.said)))
                     for end in report.endings)  # fmt: skip
        blocks.append(
            Table((Column("Client processes"), Column("Count", True), Column("The last one said", prose=True)), rows)
        )
    return Section("driving", "Cost, waits and restarts", tuple(blocks))


def _used(report: Report) -> list[tuple[Words, ...]]:
    use = report.use
    rows: list[tuple[Words, ...]] = [
        (words("Cost"), words(cite(use.cost_usd, money))),
        (words("Tokens", Quiet(", all")), words(cite(use.tokens, rough))),
        (words("Tokens", Quiet(", written by the model")), words(cite(use.output_tokens, rough))),
        (words("Tokens", Quiet(", read from the cache")), words(cite(use.cached_tokens, rough))),
        (words("Turns"), words(cite(use.turns))),
        (words("Client processes started"), words(cite(use.launches))),
    ]
    if use.silent.value:
        rows.append((words("Ended before they said what it cost"), words(cite(use.silent))))
    if report.recoveries.value:
        rows.append((words("Went on after an interruption"), words(cite(report.recoveries))))
    return rows


def time(report: Report) -> Section | None:
    """Where the time went."""
    if not report.steps:
        return None
    blocks: list[Block] = [_bars("By step", report.steps)]
    if report.phases:
        blocks.append(_bars("By phase", report.phases))
    return Section("time", "Where the time went", tuple(blocks))


def _bars(title: str, spent: tuple[Spent, ...]) -> Bars:
    longest = max((each.seconds.value or 0 for each in spent), default=0) or 1
    made = tuple(
        Bar(words(f"{each.name} {each.title}".rstrip()),
            (each.seconds.value or 0) / longest, cite(each.seconds, duration), counted(each.times.value, "visit"))
        for each in spent[:BARS_SHOWN]
    )  # fmt: skip
    return Bars(title, made)


def errors(report: Report) -> Section | None:
    """Errors that are open."""
    if not report.errors:
        return None
    entries = tuple(
        Entry(words(error.text, Quiet(" · "), _cited(error.severity, error.ref),
                    Quiet(f", phase {error.phase}" if error.phase else ""),
                    *((Quiet(", "), Code(error.place)) if error.place else ())), tone="bad")
        for error in report.errors
    )  # fmt: skip
    return Section("errors", "Errors open", (Entries(entries),), "bad")


def waivers(report: Report) -> Section | None:
    """Exceptions that end soon."""
    if not report.ending_waivers:
        return None
    entries = tuple(
        Entry(words(Code(ends.subject), Quiet(f" {ends.what}, answered for by {ends.owner}, until "),
                    Cited(ends.until, (ends.ref,) if ends.ref else ())))
        for ends in report.ending_waivers
    )  # fmt: skip
    return Section("waivers", "Exceptions that end soon", (Entries(entries),))


def _cited(text: str, ref: str) -> Cited:
    return Cited(text, (ref,) if ref else ())


def _quoted(path: str) -> str:
    """A path as a shell reads it as one word."""
    plain = path and all(char.isalnum() or char in "@%+=:,./-_" for char in path)
    return path if plain else "'" + path.replace("'", "'\"'\"'") + "'"
