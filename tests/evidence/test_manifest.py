"""Manifests: a file for people and tools that is read back as it was written, and whose schema is published."""

from __future__ import annotations

import json
import os

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.evidence import manifest as m
from phasegate.evidence.items import (
    Artifact,
    ChangedFile,
    CommandSeen,
    Counts,
    CoverageSeen,
    Evidence,
    NoCoverage,
    RedTest,
    TestsSeen,
)
from phasegate.evidence.levels import LEVELS

SEEN = (
    TestsSeen("pytest", True, collected=2, passed=1, red=(RedTest("t::a", "assertion", "no", 3),), new=("t::a",)),
    CoverageSeen("coverage", 9, 10, (ChangedFile("src/a.py", 1, (2,)),), ("src/b.py",), branches=Counts(1, 2)),
    NoCoverage("it is not installed"),
    CommandSeen(("make", "all"), 1, 0.5),
)
EVIDENCE = tuple(
    Evidence(f"ev-{n}", seen, "ab" * 20, "recorded", "pytest 9", "1", "run", (Artifact("a.json", "cd" * 32, 7),))
    for n, seen in enumerate(SEEN)
)
WHOLE = m.Manifest(
    m.FORMAT,
    "project",
    "1",
    "One",
    "feature",
    {"1.2": ("ev-1",), "1.1": ("ev-0",)},
    EVIDENCE,
    {"coverage.statements": Counts(9, 10)},
)


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert m.read(m.render(WHOLE)) == WHOLE


def test_its_bytes_do_not_depend_on_the_order_of_its_tasks() -> None:
    turned = msgspec.structs.replace(WHOLE, tasks=dict(reversed(WHOLE.tasks.items())))
    assert m.render(turned) == m.render(WHOLE) and m.render(WHOLE).endswith(b"}\n")


def test_the_published_schema_takes_what_is_written_and_nothing_else() -> None:
    schema = jsonschema_rs.validator_for(json.loads(m.schema()))
    written = json.loads(m.render(WHOLE))
    assert schema.is_valid(written)
    assert not schema.is_valid({**written, "evidence": [{"id": "x"}]})
    del written["phase"]
    assert not schema.is_valid(written)


def test_a_manifest_says_the_metrics_of_the_newest_coverage_that_are_known() -> None:
    assert m.metrics_of(EVIDENCE[:2]) == {"coverage.statements": Counts(9, 10), "coverage.branches": Counts(1, 2)}
    assert m.metrics_of(EVIDENCE) == m.metrics_of(()) == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        m.read(data)


@given(st.text(), st.text())
def test_no_name_leads_out_of_its_folder(area: str, phase: str) -> None:
    for folder, depth in ((m.folder(area, phase), 3), (m.archive_folder(area, phase, "2026-01-02"), 4)):
        parts = folder.split("/")
        assert len(parts) == depth and os.path.normpath(folder) == folder
        assert all(part and len(part) <= 100 and part.isascii() for part in parts)


@given(st.sampled_from(LEVELS), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "a", "b"]))
def test_evidence_speaks_for_its_own_tree_alone_and_a_claim_for_none(level: str, made_on: str, asked: str) -> None:
    evidence = Evidence("e", SEEN[2], made_on, level, "x")  # type: ignore[arg-type]
    assert evidence.speaks_for(asked) == (asked != "" and made_on == asked and level != "claimed")


def test_two_runs_that_fail_alike_have_one_text_for_it() -> None:
    one, two = RedTest("a", "assertion", "x"), RedTest("b", "other", "y")
    assert TestsSeen("pytest", True, red=(one, two)).failure == TestsSeen("pytest", True, red=(two, one)).failure
    assert TestsSeen("pytest", True).failure == ""
