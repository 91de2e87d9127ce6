"""Limits of files, and the exceptions that a person made of them, of secrets and of gates."""

from __future__ import annotations

from datetime import UTC, datetime

from bench import NEW, OLD, Bench
from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence.items import NoCoverage
from phasegate.ledger.facts import PhaseClosed
from phasegate.ledger.state import utc_date
from phasegate.ledger.waivers import Waivable, WaiverEnded, WaiverGiven
from phasegate.policy import calls as c
from phasegate.policy.secrets import find_secrets

APP = "src/app.py"
MIB = 1 << 20
KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def waive(bench: Bench, what: Waivable, subject: str, until: str = "2999-01-01") -> None:
    bench.desk.record([WaiverGiven("w-1", what, subject, "ann", "so be it", until, "weak", "ann")], relying_on=None)


def rule(said: c.Answer) -> str:
    return said.rule if isinstance(said, c.Refuse) else ""


def test_edits_beyond_a_limit_are_refused_in_a_run_and_not_without(bench: Bench) -> None:
    bench.to_implement()
    bench.write("src/made.py", "# @generated\n")
    bench.write("src/large.py", "x" * (MIB + 1))
    assert rule(bench.edit("src/huge.py", "x" * (MIB + 1))) == "too-large"
    assert rule(bench.edit("src/large.py", "x")) == "too-large"
    assert rule(bench.edit("src/made.py", "x")) == "generated"
    assert rule(bench.edit("uv.lock", "x")) == "generated"
    assert rule(bench.edit("src/odd.py", "a\0b")) == "binary"
    assert rule(bench.edit(str(bench.root.parent / "elsewhere.py"), "x")) == "outside"
    bench.prompt("Please make it huge.")
    assert rule(bench.edit("src/huge.py", "x" * (MIB + 1))) == "too-large", "a person's turn frees of the step alone"


def test_an_edit_through_a_link_out_is_out_of_bounds(bench: Bench) -> None:
    bench.to_implement()
    (bench.root.parent / "out").mkdir()
    (bench.root / "src/link").symlink_to(bench.root.parent / "out")
    assert rule(bench.edit("src/link/a.py", "x")) == "outside"


def test_a_waived_path_may_be_edited_until_the_last_day_is_over(bench: Bench) -> None:
    bench.to_implement()
    waive(bench, "file", "src/*.py")
    assert rule(bench.edit("src/huge.py", "x" * (MIB + 1))) == ""
    waive(bench, "file", "src/*.py", until="2001-01-01")
    assert rule(bench.edit("src/huge.py", "x" * (MIB + 2))) == "too-large"


def test_a_large_file_of_a_shell_is_put_back_and_one_too_large_to_keep_is_held(bench: Bench) -> None:
    bench.to_implement()
    bench.shell_writes("src/data.py", "x" * (MIB + 1))
    assert not bench.exists("src/data.py") and not bench.run.held
    bench.shell_writes("src/vast.py", "x" * (21 * MIB))
    assert bench.exists("src/vast.py") and list(bench.run.held) == ["src/vast.py"]
    (bench.root / "src/vast.py").unlink()
    waive(bench, "file", "src/data.py")
    bench.shell_writes("src/data.py", "x" * (MIB + 1))
    assert bench.exists("src/data.py") and not bench.run.held


def test_a_waived_secret_is_none_by_fingerprint_or_by_rule_and_path(bench: Bench) -> None:
    bench.to_implement()
    (found,) = find_secrets(f"key = '{KEY}'\n")
    assert rule(bench.edit("src/keys.py", f"key = '{KEY}'\n")) == "secret"
    waive(bench, "secret", found.fingerprint)
    assert rule(bench.edit("src/keys.py", f"key = '{KEY}'\n")) == ""
    waive(bench, "secret", f"{found.rule}@src/keys.py", until="2999-01-01")
    assert rule(bench.edit("src/keys.py", f"key = '{KEY}'\n")) == ""
    bench.shell_writes("src/keys.py", f"key = '{KEY}'\nmore = 1\n")
    assert "more" in bench.read("src/keys.py")
    assert rule(bench.edit("src/others.py", f"key = '{KEY}'\n")) == "secret"


def test_a_waived_gate_passes_in_that_phase_names_the_exception_and_is_recorded_with_the_closure(bench: Bench) -> None:
    bench.to_implement()
    bench.write(APP, "def old() -> int:\n    return 1\n\n\ndef new() -> int:\n    return 2\n")
    bench.done()
    bench.tests({OLD: "passed", NEW: "passed"}, coverage=NoCoverage("coverage.py is not installed"))
    waive(bench, "gate", "covered@2")
    assert bench.done().entered == ("categorize_uncertainties",), "another phase's exception opens nothing"
    waive(bench, "gate", "covered@1")
    bench.done()
    bench.link()
    bench.done(), bench.done()
    (closed,) = bench.facts(PhaseClosed)
    assert isinstance(closed, PhaseClosed)
    said = {gate.gate: gate.waived for gate in closed.gates}
    assert said["covered"] == "w-1" and said["tests_ran"] == ""
    reason = bench.read(f"{closed.archive}/reason.md")
    assert "waived by ann as w-1 until 2999-01-01: so be it; without that: coverage.py is not installed" in reason


def test_an_expired_exception_of_a_gate_is_ended_told_and_opens_nothing(bench: Bench) -> None:
    bench.to_write_tests()
    waive(bench, "gate", "new_tests_fail@1", until="2001-01-01")
    outcome = bench.done()
    assert not outcome.moved and "the exception w-1 is over" in outcome.held_by[0].reasons[-1]
    assert [fact.waiver for fact in bench.facts(WaiverEnded) if isinstance(fact, WaiverEnded)] == ["w-1"]


@given(st.integers(0, 4_102_444_800_000))
def test_dates_are_reckoned_as_the_calendar_has_them(ms: int) -> None:
    assert utc_date(ms) == datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
