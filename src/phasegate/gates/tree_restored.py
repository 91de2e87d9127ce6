"""Open when a spike left the tree as it found it; its difference is kept as an artifact."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, failed, passed, unknown


def gate(moment: Moment) -> Verdict:
    """Whether the tree is again the one the phase started from."""
    if not moment.subject or not moment.phase.subject:
        return unknown("the tree could not be digested", remedy="Run `phasegate doctor`.")
    if moment.subject != moment.phase.subject:
        return failed(
            "a spike is archived, never merged, and its changes are still in the tree",
            remedy="Take the changes out again; the archive holds them.",
        )
    return passed("the tree is as the spike found it")
