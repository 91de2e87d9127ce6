"""What waits for an approval of changed test infrastructure, and the difference a person reads before they give it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from phasegate.engine.advance import observe
from phasegate.evidence.items import TestsSeen
from phasegate.evidence.levels import Infrastructure
from phasegate.plain import line
from phasegate.wiring import RealDesk

MOST_LINES = 400
LARGEST = 1 << 20


def pending_infrastructure(opened: RealDesk) -> list[Infrastructure]:
    """What the newest result on the tree as it is hangs on and nobody has approved as it is."""
    state, seen = observe(opened, opened.state())
    found = state.newest(TestsSeen, subject=seen.subject)
    if found is None or not isinstance(found.seen, TestsSeen):
        return []
    today = opened.today()
    changed = found.seen.infrastructure
    return [each for each in changed if state.waiver_for("infrastructure", (each.subject,), today) is None]


def difference_of(opened: RealDesk, changed: Infrastructure) -> str:
    """How a file differs from what it was at the phase's start, in lines that a terminal can show."""
    return "\n".join(_lines(opened, changed))


def _lines(opened: RealDesk, changed: Infrastructure) -> Iterator[str]:
    if changed.path.startswith("environment: "):
        was = f"was {changed.before[:16]}" if changed.before else "was not there"
        yield f"{line(changed.path, 200)}: it {was}, and is {line(changed.now, 80)[:16]} now"
        return
    before, now = (_text(opened, blob) for blob in (changed.before, changed.now))
    path = line(changed.path, 200)
    if before is None or now is None:
        yield f"{path}: {changed.before or 'nothing'} became {changed.now or 'nothing'} (no text, or too long to show)"
        return
    names = path if changed.before else "/dev/null", path if changed.now else "/dev/null"
    shown = list(difflib.unified_diff(before, now, *names, lineterm=""))
    yield from (line(each, 300) for each in shown[:MOST_LINES])
    if len(shown) > MOST_LINES:
        yield f"... and {len(shown) - MOST_LINES} more lines"


def _text(opened: RealDesk, blob: str) -> list[str] | None:
    content = opened.tree.blob(blob) if blob else b""
    if len(content) > LARGEST or b"\0" in content:
        return None
    return content.decode(errors="replace").splitlines()
