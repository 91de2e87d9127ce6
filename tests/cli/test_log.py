"""`log show` tells every event as one safe line, and `log verify` names the first event that does not hold."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.context.sentences import SENTENCES, observed, sentence
from phasegate.evidence.items import CommandSeen, CoverageSeen, Evidence, NoCoverage, TestsSeen
from phasegate.ledger.event import Actor, Draft
from phasegate.ledger.facts import CallRefused, EvidenceRecorded, NoteAdded, RunPaused, kinds
from tests.cli.recorded import HOSTILE, Recorded, dangerous, emptied, filled

KINDS = kinds()


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Recorded(tmp_path, capsys)


def refused(number: int) -> CallRefused:
    return CallRefused("run-1", f"call-{number}", "s1", "", "Write", "step", "not in this step", ("app.py",))


def tamper(recorded: Recorded, sql: str, *values: object) -> None:
    """Change the ledger behind phasegate's back."""
    with sqlite3.connect(recorded.ledger) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        assert database.execute(sql, values).rowcount
    database.close()


def test_every_kind_of_fact_has_exactly_one_sentence() -> None:
    assert set(SENTENCES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_sentence_is_one_safe_line_whatever_its_fact_holds(kind: type) -> None:
    for fact in (filled(kind), emptied(kind), filled(kind, text="x" * 100_000)):
        told = sentence(fact)
        assert told.strip() and "\n" not in told and not dangerous(told)
        assert len(told) < 4000


@given(st.text(), st.text(), st.tuples(st.text(), st.text()))
def test_no_text_at_all_makes_a_sentence_unsafe(tool: str, reason: str, paths: tuple[str, str]) -> None:
    told = sentence(CallRefused("", "c", "s", "", tool, "step", reason, paths))
    assert "\n" not in told and not dangerous(told)


def test_what_others_wrote_is_never_read_as_a_template() -> None:
    note = NoteAdded("n", "", "", "error", "major", "{note} [{severity}]", file="a.py")
    assert "{note} [{severity}]" in sentence(note)


def test_a_part_whose_fields_are_empty_is_left_out() -> None:
    bare = CallRefused("", "c", "s", "", "Bash", "secret", "no")
    assert sentence(bare) == "Bash was refused: no (rule secret)"


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (TestsSeen("pytest", True, collected=3, passed=2), "2 of 3 tests pass"),
        (TestsSeen("pytest", False, "it hung"), "incomplete: it hung"),
        (CoverageSeen("coverage.py", 1, 2), "50.0 % of statements"),
        (NoCoverage("not installed"), "coverage unknown: not installed"),
        (CommandSeen(("make", "docs"), 2, 1.25), "`make docs` ended with 2"),
    ],
)
def test_every_observation_is_told_by_what_it_showed(seen: TestsSeen, says: str) -> None:
    evidence = Evidence("ev-1", seen, "s", "recorded", "pytest 9")
    assert says in observed(evidence) and says in sentence(EvidenceRecorded(evidence))


def test_show_tells_position_time_actor_and_kind(recorded: Recorded) -> None:
    recorded.record(refused(1))
    first, second = recorded.ok("log", "show").splitlines()
    assert first.split()[0] == "1" and "LedgerBorn" in first
    assert second.split()[0] == "2" and "Z  agent claude  CallRefused: Write was refused on app.py" in second


def test_show_narrows_by_position_kind_and_count(recorded: Recorded) -> None:
    recorded.record(*(refused(number) for number in range(5)), RunPaused("run-1"))
    assert len(recorded.ok("log", "show", "--since", "3").splitlines()) == 4
    assert len(recorded.ok("log", "show", "--kind", "callrefused").splitlines()) == 5
    newest = recorded.ok("log", "show", "--limit", "2").splitlines()
    assert [line.split()[0] for line in newest] == ["6", "7"]


def test_an_unknown_kind_is_a_usage_error_that_names_the_near_one(recorded: Recorded) -> None:
    code, _, err = recorded.call("log", "show", "--kind", "CallRefusal")
    assert code == 2 and "CallRefused" in err


def test_json_has_every_field_of_every_event(recorded: Recorded) -> None:
    recorded.record(refused(1))
    values = [json.loads(line) for line in recorded.ok("log", "show", "--json").splitlines()]
    project = recorded.open()
    events = list(project.log.read())
    project.close()
    for value, event in zip(values, events, strict=True):
        plain = msgspec.to_builtins(msgspec.structs.replace(event, body=None))
        assert event.body is not None
        assert {**value, "time": None} == {**plain, "body": json.loads(event.body), "time": None}


def test_hostile_text_never_reaches_the_terminal(recorded: Recorded) -> None:
    recorded.record(*(filled(kind) for kind in KINDS.values()))
    for arguments in (["log", "show"], ["log", "show", "--json"], ["log", "verify"]):
        out = recorded.ok(*arguments)
        assert not dangerous(out)
    assert len(recorded.ok("log", "show").splitlines()) == len(recorded.ok("log", "show", "--json").splitlines())
    shown = [json.loads(line)["body"] for line in recorded.ok("log", "show", "--json").splitlines()]
    assert any(HOSTILE in str(body.get("reason")) for body in shown)


def test_a_sound_ledger_says_so_and_names_its_head(recorded: Recorded) -> None:
    recorded.record(refused(1), refused(2))
    code, out, _ = recorded.call("log", "verify")
    project = recorded.open()
    head = project.log.head()
    project.close()
    assert (code, out.strip()) == (0, f"3 events, chain holds, head 3:{head.hash}")
    assert recorded.json("log", "verify")["holds"] == 3
    assert recorded.call("log", "verify", "--until", f"3:{head.hash}")[0] == 0


def test_a_changed_event_is_named_with_what_is_wrong(recorded: Recorded) -> None:
    recorded.record(refused(1), refused(2))
    tamper(recorded, "UPDATE events SET body = ? WHERE position = 2", b'{"fact":"CallRefused"}')
    code, out, _ = recorded.call("log", "verify")
    assert code == 1 and "from event 2 on" in out and "(changed)" in out
    found = recorded.json("log", "verify")
    assert (found["holds"], found["broken_at"], found["why"], found["exit"]) == (1, 2, "changed", 1)


def test_a_removed_event_is_noticed(recorded: Recorded) -> None:
    recorded.record(refused(1), refused(2))
    tamper(recorded, "DELETE FROM events WHERE position = 2")
    found = recorded.json("log", "verify")
    assert (found["exit"], found["why"], found["broken_at"], found["holds"]) == (1, "removed", 2, 1)


def test_a_ledger_cut_off_is_noticed_against_a_head_kept_elsewhere(recorded: Recorded) -> None:
    recorded.record(refused(1), refused(2))
    head = recorded.json("log", "verify")["head"]
    tamper(recorded, "DELETE FROM events WHERE position = 3")
    assert recorded.call("log", "verify")[0] == 0
    code, out, _ = recorded.call("log", "verify", "--until", f"3:{head}")
    assert code == 1 and "(truncated)" in out


def test_a_head_that_is_none_is_a_usage_error(recorded: Recorded) -> None:
    assert recorded.call("log", "verify", "--until", "three")[0] == 2


def test_an_event_of_a_newer_phasegate_cannot_be_judged_and_is_still_listed(recorded: Recorded) -> None:
    project = recorded.open()
    draft = Draft("project", "Teleported", 1, b"{}")
    project.log.append([draft], actor=Actor("phasegate", "9"), expected={}, now_ms=1)
    project.close()
    code, out, _ = recorded.call("log", "verify")
    assert code == 7 and "ledger-too-new" in out
    code, out, _ = recorded.call("log", "show")
    assert code == 7 and "Teleported: cannot be read" in out


def test_erased_content_leaves_the_chain_whole(recorded: Recorded) -> None:
    recorded.record(refused(1))
    tamper(recorded, "UPDATE events SET body = NULL WHERE position = 2")
    assert recorded.call("log", "verify")[0] == 0
    assert "its content was erased" in recorded.ok("log", "show")


def test_a_file_that_is_no_ledger_cannot_be_judged(recorded: Recorded) -> None:
    recorded.ledger.write_bytes(b"not a database at all" * 500)
    code, out, err = recorded.call("log", "verify")
    assert code == 7 and "Traceback" not in out + err


def test_the_ledger_of_another_clone_is_not_taken_for_ours(recorded: Recorded) -> None:
    pointer = recorded.root / ".git" / "phasegate" / "ledger.json"
    old = recorded.ledger.parent
    other = old.parent / "00000000-0000-0000-0000-000000000000"
    old.rename(other)
    pointer.write_text(pointer.read_text().replace(old.name, other.name))
    code, out, _ = recorded.call("log", "verify")
    assert code == 1 and "(replaced)" in out


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly(recorded: Recorded) -> None:
    recorded.record(*(refused(number) for number in range(2000)))
    program = "import sys; from phasegate.entrypoints.main import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "log", "show"], cwd=recorded.root, env=dict(os.environ),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    assert b"LedgerBorn" in process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), errors) == (0, b"")


def test_without_a_project_it_says_what_to_do(tmp_path: Path, recorded: Recorded) -> None:
    recorded.root = tmp_path
    code, _, err = recorded.call("log", "show")
    assert code == 2 and "git init" in err
