"""`phasegate report` on real ledgers: what it says is what the ledger says, and what it writes touches no work tree."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.entrypoints import reporting
from phasegate.entrypoints.cli.disputes import as_toml, cases
from phasegate.entrypoints.times import UnknownTime, moment_of
from phasegate.ledger import facts as f
from phasegate.ledger.schema import fact_of
from tests.cli.people import as_person
from tests.cli.recorded import HOSTILE, Recorded, dangerous
from tests.cli.terminal import Project
from tests.engine.bench import NEW, OLD, Bench
from tests.report.story import Teller, night

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 22, 7, 0, tzinfo=ZONE)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    """A repository whose ledger holds the whole night."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Recorded(tmp_path, capsys)
    project = made.open()
    try:
        night(Teller(project.log, time.time_ns() // 1_000_000 + 60_000))
    finally:
        project.close()
    return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A real run that was refused something, then closed its first phase."""
    made = Bench(tmp_path / "project", {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")})
    made.lay_out()
    made.begin()
    made.opens()
    made.prompt()
    for _ in range(3):
        made.edit("src/app.py", "sneaky\n")
    made.shell_writes("phasegate.toml", "x = 1\n")
    made.to_close()
    made.done()
    return made


# -- a real run -------------------------------------------------------------------------------------------------------


def test_the_report_of_a_real_run_is_what_its_ledger_says(bench: Bench) -> None:
    report = reporting.compiled(bench.desk)
    closed = next(fact for fact in bench.facts(f.PhaseClosed) if isinstance(fact, f.PhaseClosed))
    assert report.window.because == "run"
    assert [(phase.phase, phase.manifest.path) for phase in report.closed] == [(closed.phase, closed.manifest)]
    assert report.closed[0].files.value == 2, "src/app.py and tests/test_app.py"
    assert (report.closed[0].tests.value, report.closed[0].doubts) == (2, ())
    assert {rule.rule: rule.count.value for rule in report.refused} == {"step": len(bench.facts(f.CallRefused))}
    assert report.retried[0].target == "src/app.py" or report.retried[0].target.endswith("/src/app.py")
    assert report.put_back_count.value == len(bench.facts(f.ChangePutBack)) == 1
    assert report.tests.before and report.tests.before.passed.value == 1
    assert report.tests.after and report.tests.after.passed.value == 2
    assert report.still_open == ("2",) and report.use.cost_usd.value is None
    assert {step.name for step in report.steps} >= {"explore", "write_tests", "implement", "run_tests"}
    assert NEW not in (report.tests.newly_red or ()) and OLD not in (report.tests.newly_red or ())


def test_a_written_report_lies_beside_the_ledger_and_leaves_the_tree_alone(bench: Bench) -> None:
    before = bench.desk.tree.observe(bench.state.views.get(bench.desk.worktree, {}))
    events = bench.state.position
    markdown, html = reporting.write_report(bench.desk)
    assert bench.desk.tree.observe(bench.state.views.get(bench.desk.worktree, {})) == before
    assert bench.state.position == events, "looking records nothing"
    assert not markdown.startswith(str(bench.root)) and markdown.startswith(bench.desk.project.directory)
    assert "1 of 2 phases closed." in Path(markdown).read_text() and "<h1" in Path(html).read_text()


def test_the_links_of_a_written_report_lead_to_the_archive(bench: Bench) -> None:
    written = Path(reporting.write_report(bench.desk)[0])
    target = written.read_text().split("[manifest](<")[1].split(">)")[0]
    assert json.loads((written.parent / target).read_bytes())["phase"] == "1"


# -- the command ------------------------------------------------------------------------------------------------------


def test_every_form_is_printed_or_written(recorded: Recorded, tmp_path: Path) -> None:
    assert "4 of 6 phases closed." in recorded.ok("report")
    assert recorded.ok("report", "--format", "markdown").startswith("# What happened\n")
    target = tmp_path / "night.html"
    code, out, err = recorded.call("report", "--format", "html", "--output", str(target))
    assert (code, out) == (0, "") and "wrote" in err
    assert target.read_text().startswith("<!doctype html>")


def test_a_report_that_is_no_terminals_has_no_colours(recorded: Recorded) -> None:
    assert not dangerous(recorded.ok("report"))


def test_json_has_instants_in_utc_and_the_evidence_of_every_figure(recorded: Recorded) -> None:
    said = recorded.json("report")
    assert datetime.fromisoformat(said["window"]["since_at"]).tzinfo is not None
    assert said["closed"][0]["at"].endswith("Z") and said["closed"][0]["tests"]["refs"]
    assert said["use"]["cost_usd"] == {"value": 4.31, "refs": said["use"]["cost_usd"]["refs"], "more": 0, "why": "",
                                       "least": True}  # fmt: skip


def test_every_reference_of_a_report_can_be_looked_at(recorded: Recorded) -> None:
    said = recorded.json("report")
    for ref in (said["closed"][0]["ref"], said["questions"][0]["ref"]):
        assert recorded.json("why", ref)[0]["position"] == int(ref[1:])
    evidence = said["closed"][0]["tests"]["refs"][0]
    assert json.loads(recorded.ok("evidence", "show", evidence))["id"] == evidence


def test_since_cuts_off_what_was_before(recorded: Recorded) -> None:
    whole = recorded.json("report", "--since", "all")
    assert whole["window"]["after"] == 0 and whole["window"]["because"] == "asked"
    later = recorded.json("report", "--since", "2100-01-01")
    assert later["window"]["events"] == 0 and later["questions"], "what is open is said whenever it was asked"


def test_a_time_that_cannot_be_read_is_refused_with_examples(recorded: Recorded) -> None:
    code, _, err = recorded.call("report", "--since", "soonish")
    assert code == 2 and "yesterday" in err and "unknown-time" in err


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("8h", NOW - timedelta(hours=8)), ("30 min", NOW - timedelta(minutes=30)), ("2d ago", NOW - timedelta(days=2)),
        ("06:30", NOW.replace(hour=6, minute=30)), ("23:10", NOW.replace(hour=23, minute=10) - timedelta(days=1)),
        ("2026-11-21T22:00Z", datetime(2026, 11, 21, 22, tzinfo=UTC)),
        ("2026-11-21 22:00+01:00", datetime(2026, 11, 21, 22, tzinfo=ZONE)),
        ("2026-11-21", datetime(2026, 11, 21).astimezone()), ("today", datetime(2026, 11, 22).astimezone()),
        ("Yesterday", datetime(2026, 11, 21).astimezone()),
    ],
)  # fmt: skip
def test_times_are_read_as_people_write_them(written: str, means: datetime) -> None:
    assert moment_of(written, NOW) == int(means.timestamp() * 1000)


@pytest.mark.parametrize("written", ["", "8", "25:00", "-3h", "99999999d", "2026-13-01", HOSTILE, "9" * 5000 + "h"])
def test_anything_else_is_no_time(written: str) -> None:
    with pytest.raises(UnknownTime) as failure:
        moment_of(written, NOW)
    assert not dangerous(failure.value.message)


@given(st.text(max_size=20))
def test_no_text_at_all_is_a_crash(written: str) -> None:
    with contextlib.suppress(UnknownTime):
        assert moment_of(written, NOW) >= 0


def test_usage_is_of_the_whole_ledger_and_stays_here(recorded: Recorded) -> None:
    assert recorded.json("report", "--usage")["window"]["because"] == "ledger"
    assert "How phasegate is used here" in recorded.ok("report", "--usage")


# -- answering --------------------------------------------------------------------------------------------------------

# Types `keys`, one each time it is asked, at a terminal that is the command's own; again where nobody listened yet,
# since what was typed before a question is thrown away.
TYPING = """
import os, pty, select, sys
keys, *argv = sys.argv[1:]
pid, terminal = pty.fork()
if not pid:
    os.execvp(argv[0], argv)
shown = word = b''
while True:
    if not select.select([terminal], [], [], 1.0)[0]:
        os.write(terminal, word)
        continue
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    os.write(1, piece)
    shown += piece
    if shown.endswith((b'[q]uit: ', b'instead: ')) and keys:
        first, _, keys = keys.partition(',')
        word, shown = first.encode(), b''
        os.write(terminal, word)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def typing(project: Project, keys: str, *arguments: str) -> str:
    program = os.path.join(os.path.dirname(sys.executable), "phasegate")
    done = as_person([sys.executable, "-c", TYPING, keys, program, *arguments], project.root, project.env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_questions_are_answered_by_one_key_each(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.recorded([f.QuestionAsked(f"q-{name}", "", f"Shall it be {name}?") for name in "abc"])
    shown = typing(project, "s,y,n,Make it blue.\r", "report", "--answer")
    asked = project.state().questions
    assert asked["q-a"].open and "Shall it be a?" in shown
    assert (asked["q-b"].verdict, asked["q-b"].approval) == ("approve", "weak")
    assert (asked["q-c"].verdict, asked["q-c"].words) == ("reject", "Make it blue.")


def test_quitting_leaves_the_rest_open(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.recorded([f.QuestionAsked(f"q-{name}", "", f"Shall it be {name}?") for name in "ab"])
    typing(project, "x,q", "report", "--answer")
    assert all(question.open for question in project.state().questions.values())


def test_an_agent_is_not_asked_and_neither_is_a_pipe(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.recorded([f.QuestionAsked("q-a", "", "Shall it be?")])
    assert project.agent("report", "--answer").returncode == 2
    assert "no terminal" in project.person("report", "--answer").stderr
    assert project.state().questions["q-a"].open


# -- refusals that were wrong -----------------------------------------------------------------------------------------


def test_a_refusal_called_wrong_is_listed_and_becomes_a_case(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.recorded([
        f.RunStarted("r", str(project.root), "start", "default", "explore"),
        f.StepEntered("r", "explore", "", "", "1", ""),
        f.CallRefused("r", "toolu-1", "s", "", "Write", "step", "not now", ("src/\u202ea.py",)),
    ])  # fmt: skip
    assert project.person("why", "toolu-1", "--wrong", 'This file "is" notes\nonly.').returncode == 0
    project.ok("why", "toolu-1", "--wrong", 'This file "is" notes\nonly.')
    assert project.facts().count("RefusalDisputed") == 1, "the same said twice is recorded once"
    listed = project.ok("policy", "disputed")
    assert "by the rule step in explore" in listed and not dangerous(listed)
    case = tomllib.loads(project.ok("policy", "disputed", "--export", "-"))["case"][0]
    assert (case["rule"], case["paths"], case["step"], case["expect"]) == (
        "step",
        ["src/\u202ea.py"],
        "explore",
        "allow",
    )
    assert case["why"] == 'This file "is" notes\nonly.'
    project.ok("policy", "disputed", "--export", "cases.toml")
    assert tomllib.loads(project.read("cases.toml"))["case"] == [case]


def test_only_a_person_calls_a_refusal_wrong_and_only_a_refusal(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.recorded([f.CallRefused("", "toolu-1", "s", "", "Write", "secret", "no", ("a.py",))])
    assert project.agent("why", "toolu-1", "--wrong", "x").returncode == 2
    assert "not-refused" in project.person("why", "toolu-2", "--wrong", "x").stderr
    assert project.person("why", "--wrong", "x").returncode == 2
    assert "RefusalDisputed" not in project.facts()


def test_a_change_that_was_put_back_can_be_called_wrong(bench: Bench) -> None:
    position = next(e.position for e in bench.desk.project.log.read() if e.kind == "ChangePutBack")
    bench.desk.record([f.RefusalDisputed(position, "", "mine", "ann")], relying_on=None)
    past = [(event, fact) for event in bench.desk.project.log.read() if (fact := fact_of(event)) is not None]
    found = cases(past, bench.state)
    assert [(case.paths, case.rule) for case in found] == [(("phasegate.toml",), "own-files")]
    assert tomllib.loads(as_toml(found))["case"][0]["event"] == position
