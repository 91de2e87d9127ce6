"""Leaving steps: the default workflow to its close for every kind, loops, escalation, deferral, and answers."""

from __future__ import annotations

from bench import Bench


def test_a_feature_phase_goes_through_every_step_to_its_close(bench: Bench) -> None:
    bench.to_close()
    outcome = bench.done()
    assert outcome.entered == ("validate_phase_completion", "archive_phase", "review_docs_between_phases")
    assert bench.state.is_closed("1")
