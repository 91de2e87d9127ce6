"""A night told as facts: six phases, refusals, a deferral, questions, waits and costs, as a ledger would have them."""

from __future__ import annotations

from collections.abc import Sequence

from phasegate.evidence.items import ChangedFile, CoverageSeen, Evidence, NoCoverage, RedTest, Seen, TestsSeen
from phasegate.ledger import driving as d
from phasegate.ledger import facts as f
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.fold import fold
from phasegate.ledger.log import Log
from phasegate.ledger.schema import draft
from phasegate.ledger.state import State
from phasegate.ledger.waivers import WaiverGiven
from phasegate.store.memory import MemoryLog
from phasegate.workflow.plan import Phase, Task

EVENING = 1_795_301_880_000
"""2026-11-21, 22:58 UTC."""

MINUTE = 60_000
TREE = "/home/me/invoices.drive"
RUN, DRIVE = "run-7c1e09b2d4", "drive-5a02c7f1e8"
AGENT = Actor("agent", "claude", "session-1")
OLD_RED = ("tests/test_dates.py::test_leap_day", "tests/test_export.py::test_umlauts")


class Teller:
    """Records facts at the minutes of a night that the story names."""

    def __init__(self, log: Log, begin_ms: int = EVENING) -> None:
        self.log = log
        self.now = begin_ms
        self.count = 0

    def says(self, *facts: Fact, after: float = 1.0) -> None:
        """`facts`, `after` minutes later."""
        self.now += int(after * MINUTE)
        drafts = [draft(fact) for fact in facts]
        self.log.append(drafts, actor=AGENT, expected={}, now_ms=self.now)

    def id(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}-{self.count:010x}"

    def saw(self, seen: Seen, subject: str, phase: str = "", *, after: float = 1.0) -> str:
        """An observation of phasegate's own."""
        id = self.id("ev")
        self.says(f.EvidenceRecorded(Evidence(id, seen, subject, "recorded", "pytest 9", phase, RUN)), after=after)
        return id

    def enters(self, step: str, phase: str, *, after: float = 1.0, loop: bool = False) -> None:
        self.says(f.StepEntered(RUN, step, "", "", phase, "", loop), after=after)

    def refuses(self, tool: str, rule: str, reason: str, paths: Sequence[str] = (), command: str = "") -> None:
        call = self.id("toolu")
        self.says(f.CallRefused(RUN, call, "s1", "", tool, rule, reason, tuple(paths), command), after=0.5)

    def edits(self, *paths: str) -> None:
        self.says(f.PathsRehashed(RUN, dict.fromkeys(paths, "b" * 40)), after=0.5)

    @property
    def state(self) -> State:
        return fold(self.log.read())


def plan() -> tuple[Phase, ...]:
    titles = (
        ("1", "Round half even", "feature"), ("2", "Leap days in due dates", "fix"), ("3", "One table of currencies",
        "refactor"), ("4", "Exchange rates", "feature"), ("5", "Export with umlauts", "fix"), ("6", "Say how to export",
        "docs"),
    )  # fmt: skip
    return tuple(Phase(id, title, kind, True, "", (Task(f"{id}.1", title, False, 1),), (), False, 1, False, "", "")
                 for id, title, kind in titles)  # type: ignore[arg-type]  # fmt: skip


def ran(passed: int, red: Sequence[str] = (), **more: object) -> TestsSeen:
    reds = tuple(RedTest(id, "assertion", "it is not so") for id in red)
    return TestsSeen("pytest 9", True, "", passed + len(red), passed, 0, reds, **more)  # type: ignore[arg-type]


def coverage(covered: int, changed: int, missing: int = 0, total: int = 1900) -> CoverageSeen:
    file = ChangedFile("src/invoices/money.py", changed - missing, tuple(range(1, missing + 1)))
    return CoverageSeen("coverage.py 7", covered, total, (file,))


def night(teller: Teller) -> None:
    """The whole story."""
    begins(teller)
    rounding(teller)
    leap_days(teller)
    currencies(teller)
    rates(teller)
    umlauts(teller)
    words(teller)
    ends(teller)


def begins(t: Teller) -> None:
    t.says(f.LedgerBorn("6f0c8a52", "/home/me/invoices/.git"), f.PlanRead("plan.md", "d", plan()), after=0)
    t.saw(ran(212, OLD_RED), "s0")
    t.saw(coverage(667, 0), "s0", after=0)
    t.says(WaiverGiven("w-0000000001", "file", "vendor/**", "ann", "copied from upstream", "2026-11-25", "weak", "ann"))
    limits = d.Limits(cost_usd=10.0, minutes=540)
    t.says(d.DriveStarted(DRIVE, TREE, "phasegate/night", "9d3f1c2a7b", limits), after=2)
    t.says(d.ClientLaunched(DRIVE, "l-1", 4711, "b", "the drive began", "acceptEdits"), after=0.1)
    t.says(f.RunStarted(RUN, TREE, "drive", "default", "load_phase_plans"))
    t.says(f.SessionBegan(RUN, "s1", "claude", "2.1.330", "startup"), after=0.1)


def phase(t: Teller, id: str, kind: str) -> None:
    t.says(f.PhaseStarted(id, RUN, kind, f"s{id}", f"t{id}"), after=0.2)
    t.enters("load_phase_plans", id, after=0.1)
    t.enters("explore", id, after=3)


def closes(t: Teller, id: str, subject: str, evidence: Sequence[str], *, changed: int, after: float = 2) -> None:
    gates = tuple(f.GateSaid(gate, "pass", tuple(evidence)) for gate in ("tests_ran", "no_new_red", "covered"))
    archive = f"archive/investigations/project/2026-11-22_{id}"
    gates = gates if evidence else (f.GateSaid("tasks_evidenced", "pass"),)
    t.enters("close_phase", id, after=4)
    t.says(f.PhaseClosed(id, RUN, subject, archive, (), gates, f"{archive}/evidence.json", changed), after=after)
    t.says(f.ClosurePublished(id), after=0)
    commit = f"{int(id):x}4be02d91c7a5530".ljust(40, "e")
    t.says(d.PhaseCommitted(DRIVE, id, commit, "phasegate/night"), after=0.2)


def rounding(t: Teller) -> None:
    phase(t, "1", "feature")
    for _ in range(4):
        t.refuses("Write", "step", "explore edits nothing: src/invoices/money.py belongs to implement.",
                  ["src/invoices/money.py"])  # fmt: skip
    t.enters("write_tests", "1", after=6)
    t.edits("tests/test_money.py")
    t.saw(ran(212, (*OLD_RED, "tests/test_money.py::test_half_even")), "s1a", "1", after=9)
    t.enters("implement", "1", after=1)
    t.refuses("Edit", "own-files", "phasegate.toml is phasegate's own.", ["phasegate.toml"])
    t.edits("src/invoices/money.py", "src/invoices/__init__.py")
    t.enters("run_tests", "1", after=16)
    ids = [t.saw(ran(216, OLD_RED), "s1b", "1", after=3), t.saw(coverage(690, 21), "s1b", "1", after=0)]
    t.enters("doublecheck", "1", after=1)
    closes(t, "1", "s1b", ids, changed=3)


def leap_days(t: Teller) -> None:
    phase(t, "2", "fix")
    t.enters("write_tests", "2", after=7)
    t.edits("tests/test_dates.py")
    t.enters("implement", "2", after=14)
    t.edits("src/invoices/dates.py")
    t.enters("run_tests", "2", after=11)
    t.saw(ran(215, (*OLD_RED, "tests/test_dates.py::test_quarter")), "s2a", "2", after=3)
    t.enters("implement", "2", after=1, loop=True)
    t.says(d.ClientEnded(DRIVE, "l-1", "overloaded", "API Error: 529 Overloaded", "s1", 61, 1.12,
                         d.Tokens(21_000, 18_400, 611_000, 40_000)))  # fmt: skip
    t.says(d.WaitBegan(DRIVE, "the service is overloaded", t.now + 4 * MINUTE, 1), after=0.1)
    t.says(d.ClientLaunched(DRIVE, "l-2", 4890, "b", "the wait is over", "acceptEdits"), after=4)
    t.says(f.RunRecovered(RUN, "s2", "implement"), after=0.2)
    t.edits("src/invoices/dates.py", "src/invoices/calendar.py")
    t.enters("run_tests", "2", after=12)
    green = ran(219, OLD_RED[1:], newly_green=OLD_RED[:1])
    ids = [t.saw(green, "s2b", "2", after=3), t.saw(coverage(731, 34, 3), "s2b", "2", after=0)]
    t.enters("doublecheck", "2", after=1)
    closes(t, "2", "s2b", ids, changed=3)


def currencies(t: Teller) -> None:
    phase(t, "3", "refactor")
    t.enters("implement", "3", after=8)
    for number in range(37):
        t.edits(f"src/invoices/tables/currency_{number}.py")
    t.says(f.TreeObserved(RUN, "t", "s", ("docs/architecture.md",)), after=2)
    restore = "git --git-dir=.git/phasegate/shadow cat-file blob 41c0e5 > docs/architecture.md"
    t.says(f.ChangePutBack(RUN, "docs/architecture.md", "step", "toolu-9", "a" * 40, "41c0e5", restore), after=0)
    t.enters("run_tests", "3", after=30)
    ids = [t.saw(ran(219, OLD_RED[1:]), "s3b", "3", after=4), t.saw(coverage(990, 455, 12), "s3b", "3", after=0)]
    t.enters("doublecheck", "3", after=1)
    closes(t, "3", "s3b", ids, changed=37)


def rates(t: Teller) -> None:
    phase(t, "4", "feature")
    t.says(d.ClientEnded(DRIVE, "l-2", "usage_limit", "Claude usage limit reached. Resets at 03:30.", "s2", 88, 1.94,
                         d.Tokens(30_000, 29_700, 902_000, 61_000), t.now + 62 * MINUTE), after=4)  # fmt: skip
    t.says(d.WaitBegan(DRIVE, "the usage limit resets at 03:30", t.now + 62 * MINUTE, 1), after=0.1)
    t.says(d.ClientLaunched(DRIVE, "l-3", 5120, "b", "the limit was reset", "acceptEdits"), after=62)
    t.says(f.RunRecovered(RUN, "s3", "explore"), after=0.2)
    t.says(f.NoteAdded("note-00000000a1", RUN, "4", "uncertainty", "major",
                       "Rates of the European Central Bank are published on working days only.",
                       category="strategic"), after=5)  # fmt: skip
    t.says(f.QuestionAsked("q-8e41d07c35", RUN, "Shall an invoice dated on a Sunday use Friday's rate, or wait for "
                           "Monday's?", "note-00000000a1", "4", "explore"), after=1)  # fmt: skip
    t.enters("write_tests", "4", after=4)
    t.edits("tests/test_rates.py")
    for _ in range(2):
        t.refuses("Write", "secret", "The text carries a key (stripe-live-key).", ["src/invoices/rates.py"])
    for count in range(3):
        t.enters("implement", "4", after=9, loop=count > 0)
        t.edits("src/invoices/rates.py")
        t.enters("run_tests", "4", after=12)
        t.saw(ran(221, (OLD_RED[1], "tests/test_rates.py::test_sunday")), f"s4{count}", "4", after=3)
    t.says(f.NoteAdded("note-00000000a2", RUN, "4", "error", "major", "test_sunday expects a rate that no document "
                       "gives", "tests/test_rates.py", 41, about="test:tests/test_rates.py::test_sunday"))  # fmt: skip
    t.says(f.PhaseDeferred("4", RUN, "the same test stayed red in three loops, and the answer is a person's",
                           "investigations/project/4/deferred.md", "q-8e41d07c35"))  # fmt: skip
    t.says(f.QuestionAsked("q-c03b5512aa", RUN, "Phase 4 went round three times with the same red test. Take it up "
                           "again with your answer, or leave it out?", "", "4", "run_tests"), after=0)  # fmt: skip


def umlauts(t: Teller) -> None:
    phase(t, "5", "fix")
    t.says(d.ClientEnded(DRIVE, "l-3", "died", "", "s3"), after=3)
    t.says(d.ClientLaunched(DRIVE, "l-4", 5301, "b", "the client died", "acceptEdits"), after=0.3)
    t.says(f.RunRecovered(RUN, "s4", "explore"), after=0.2)
    t.enters("implement", "5", after=9)
    t.edits("src/invoices/export.py")
    t.says(f.ChangeHeld(RUN, "docs/style.md", "step", "more than one call could have made it", "c" * 40), after=1)
    t.enters("run_tests", "5", after=18)
    green = ran(222, (), newly_green=OLD_RED[1:])
    ids = [t.saw(green, "s5b", "5", after=4), t.saw(coverage(1163, 48, 5), "s5b", "5", after=0)]
    closes(t, "5", "s5b", ids, changed=2)


def words(t: Teller) -> None:
    phase(t, "6", "docs")
    t.enters("implement", "6", after=5)
    t.edits("docs/export.md")
    t.says(f.HookFailed(RUN, "PostToolUse", "the ledger was busy for 5 s"), after=1)
    t.says(d.ClientEnded(DRIVE, "l-4", "network", "Connection error.", "s4", 40, 0.96,
                         d.Tokens(15_000, 12_300, 402_000, 22_000)), after=2)  # fmt: skip
    t.says(d.WaitBegan(DRIVE, "the network is away", t.now + 8 * MINUTE, 1), after=0.1)
    t.says(d.ClientLaunched(DRIVE, "l-5", 5444, "b", "the wait is over", "acceptEdits"), after=8)
    t.enters("doublecheck", "6", after=4)


def ends(t: Teller) -> None:
    t.says(f.StopAllowed(RUN, "s5", "waiting"), after=6)
    t.says(d.ClientEnded(DRIVE, "l-5", "stopped", "", "s5", 11, 0.29, d.Tokens(6_000, 3_100, 88_000, 9_000)), after=1)
    t.says(d.DriveEnded(DRIVE, "limit", "until 07:00 was asked for, and phase 6 was not done by then", 6), after=0.2)


def told() -> Teller:
    """The night in a ledger in memory."""
    teller = Teller(MemoryLog("ledger-1"))
    night(teller)
    return teller


NOTHING_MEASURED = NoCoverage("pytest-cov is not installed: `pip install pytest-cov`")
