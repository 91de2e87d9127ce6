"""Whatever bytes a test run leaves where Go's events or a JUnit report are expected, reading them ends and says why."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.collectors.go_build import absent_module, broken
from phasegate.collectors.go_crash import FirstParty, cause_of, message_of
from phasegate.collectors.go_events import Events, Witness, read_events, read_witnesses
from phasegate.collectors.go_outcomes import Observed, as_test_run
from phasegate.collectors.go_packages import Package, Packages, Test
from phasegate.collectors.junit_outcomes import cause_of as junit_cause
from phasegate.collectors.junit_outcomes import id_of
from phasegate.collectors.junit_xml import read_junit
from phasegate.collectors.process import Ended

EXAMPLES = 20_000 if os.environ.get("PHASEGATE_TIER") == "release" else 300
CORPUS = tuple(
    path.read_bytes() for path in sorted((Path(__file__).parents[1] / "collectors/data/junit").glob("*.xml"))
)
PACKAGE = Package("a", "/nowhere/a", "a", (Test("TestA", "a_test.go", 3), Test("TestB", "a_test.go", 9)))
PACKAGES = Packages({"a": PACKAGE}, frozenset({"a"}))


def events_target(content: bytes, witnesses: dict[tuple[str, str], Witness], code: int) -> None:
    """No events make a pass of tests that our witnesses did not see end well."""
    events = read_events(content)
    for package in events.packages.values():
        for test in package.tests.values():
            cause_of(test, FirstParty("/nowhere", ()))
            message_of(test, 500)
    seen = as_test_run(
        Observed(("go", "test"), "/nowhere", "1.27", PACKAGES, (events,), witnesses, Ended(code, b""), 1.0,
                 FirstParty("/nowhere", ()), selects=False, repeats=False)
    )  # fmt: skip
    well = {name for (_, name), witness in witnesses.items() if witness.left and witness.left == witness.entered}
    assert not seen.all_green or {"TestA", "TestB"} <= well


def junit_target(content: bytes) -> None:
    for case in read_junit(content).cases:
        id_of(case, "/nowhere")
        junit_cause(case)


EVENT = st.builds(
    '{{"Action":"{}","Package":"{}","Test":"{}","Output":"{}"}}\n'.format,
    st.sampled_from(["start", "run", "pass", "fail", "skip", "output", "pause", "cont", "build-fail"]),
    st.sampled_from(["a", "b"]), st.sampled_from(["", "TestA", "TestB", "TestA/x", "TestZ"]),
    st.sampled_from(["", "panic: x\\n", "a_test.go:3: no\\n", "--- PASS: TestA\\n"]),
)  # fmt: skip
SEEN = st.builds(Witness, st.integers(0, 2), st.integers(0, 2), st.booleans(), st.booleans())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(EVENT, max_size=14), st.dictionaries(st.sampled_from([("a", "TestA"), ("a", "TestB")]), SEEN),
       st.sampled_from([0, 1, 2, -9]))  # fmt: skip
def test_no_events_make_a_pass_that_our_witnesses_did_not_see(
    lines: list[str], witnesses: dict[tuple[str, str], Witness], code: int
) -> None:
    events_target("".join(lines).encode(), witnesses, code)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_as_events_frames_or_the_words_of_a_compiler(content: bytes) -> None:
    events_target(content, read_witnesses(content, "n"), 0)
    text = content.decode(errors="replace")
    broken(PACKAGE, PACKAGES, text, "/nowhere")
    absent_module("a", text)
    assert isinstance(read_events(content + b"\n"), Events)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(CORPUS), st.data())
def test_a_spoilt_report_is_read_without_a_crash(report: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(report)))
    until = data.draw(st.integers(at, min(len(report), at + 40)))
    junit_target(report[:at] + data.draw(st.binary(max_size=12)) + report[until:])
