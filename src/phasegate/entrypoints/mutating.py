"""Which changed lines are changed again to see whether tests notice, and what of them nobody tried."""

from __future__ import annotations

from msgspec.structs import replace

from phasegate.collectors.interface import Mutation
from phasegate.engine.checks import DECLARING, MEASURED
from phasegate.evidence.findings import FindingsSeen, seen
from phasegate.evidence.tests import Baseline
from phasegate.gates.changed_lines_checked import SCANNER
from phasegate.gates.interface import some
from phasegate.wiring import RealDesk


def wanted(desk: RealDesk, start: str, now: str, before: Baseline | None) -> Mutation | None:
    """The lines of the source that differ between two trees; None where nobody asks, or there is no start."""
    seconds = desk.settings.evidence.mutation_seconds
    if not seconds or not start:
        return None
    there = [change.path for change in desk.tree.changes(start, now) if change.after] if start != now else []
    paths = [path for path in there if _is_code(path) and desk.settings.class_of(path) == "source"]
    lines = desk.tree.changed_lines(start, now, paths) if paths else {}
    # One phase, one seed: what survived once is tried again, and nobody can run until the draw is kind.
    return Mutation({path: found for path, found in lines.items() if found}, seconds, start, _red(before))


def _is_code(path: str) -> bool:
    return path.rpartition(".")[2] in MEASURED and not path.endswith(DECLARING) and not path.startswith("../")


def _red(before: Baseline | None) -> frozenset[str]:
    return before.red if before is not None else frozenset()


def told(asked: Mutation | None, found: FindingsSeen | None) -> FindingsSeen | None:
    """What became of the changed lines, with those in the reckoning that nobody tried."""
    if asked is None:
        return None
    others = sorted(path for path in asked.lines if found is None or not path.endswith(".py"))
    why = (f"small changes are tried in Python, by pytest in a private run; not in {some(others)}",) if others else ()
    if found is None:
        return seen(SCANNER, 0, (), why_unknown=why, notes=() if why else ("no line of the source has changed",))
    return replace(found, why_unknown=(*found.why_unknown, *why))
