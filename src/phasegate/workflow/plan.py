"""A plan: phases with tasks and check boxes, as values; and the plan file as it is hashed, its status blanked.

Hooks import this module; reading and rewriting the Markdown is `plan_markdown`.
"""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import re
from collections.abc import Collection
from functools import cache
from typing import Literal, get_args

from msgspec import Struct

from phasegate.errors import Failure

Kind = Literal["feature", "fix", "refactor", "docs", "chore", "spike"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# The marks phasegate puts into a plan. One spelling for reading, ticking and blanking, so that they cannot disagree.
BULLETS = r"[ \t]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+)+"
LINE_END = r"(?=[ \t]*(?:#+[ \t]*)?\r?$)"
EVIDENCE_LINK = r" \(\[evidence\]\(([^()\s<>]*)\)\)" + LINE_END
ITEM_BOX = rf"^(?:\ufeff)?{BULLETS}\[[ xX]\](?=[ \t\r]|$)"
HEADING_BOX = r"^(?:\ufeff)? {0,3}#{1,6}[ \t]+\[[ xX]\](?=[ \t])"
HEADING_BOX_LAST = rf"^(?:\ufeff)? {{0,3}}#{{1,6}}[ \t][^\n]*[ \t]\[[ xX]\]{LINE_END}"


class UnknownPhase(Failure):
    """A phase was named that the plan does not have."""

    code = "unknown-phase"


class Task(Struct, frozen=True):
    """One check box of a phase. `line` counts from 1; `evidence` is the target of the link phasegate put behind it."""

    id: str
    text: str
    done: bool
    line: int
    evidence: str = ""


class Phase(Struct, frozen=True):
    """One phase; `area` "" is the project, `detail` the path of its own file, relative to the plan's."""

    id: str
    title: str
    kind: Kind
    kind_stated: bool
    area: str
    tasks: tuple[Task, ...]
    blocked_by: tuple[str, ...]
    no_new_behaviour: bool
    line: int
    done: bool
    detail: str
    evidence: str


class Plan(Struct, frozen=True):
    """What the plan file at `path` lists, in its order."""

    path: str
    phases: tuple[Phase, ...]

    def phase(self, id: str) -> Phase:
        """The phase called `id`; `UnknownPhase` when there is none."""
        for phase in self.phases:
            if phase.id == id:
                return phase
        known = ", ".join(phase.id for phase in self.phases)
        raise UnknownPhase(f"{self.path} has no phase {id}.", hint=f"Name one of its phases: {known}.")

    def next_open(self, *, closed: Collection[str] = (), deferred: Collection[str] = ()) -> Phase | None:
        """The first phase still to do whose blockers are all done; a deferred phase holds back what depends on it."""
        done = {phase.id for phase in self.phases if phase.done or phase.id in closed} - set(deferred)
        for phase in self.phases:
            if phase.id not in done and phase.id not in deferred and done.issuperset(phase.blocked_by):
                return phase
        return None


@cache  # most hook calls look at no plan
def _bytes_pattern(*patterns: str) -> re.Pattern[bytes]:
    return re.compile("|".join(patterns).replace(r"\ufeff", r"\xef\xbb\xbf").encode(), re.MULTILINE)


def blanked(text: bytes) -> bytes:
    """`text` with every check box open and every evidence link gone: the same bytes whatever is ticked."""
    if b"[evidence](" in text:
        text = _bytes_pattern(EVIDENCE_LINK).sub(b"", text)
    if b"[x]" in text or b"[X]" in text:
        text = _bytes_pattern(ITEM_BOX, HEADING_BOX).sub(_opened, text)
        text = _bytes_pattern(HEADING_BOX_LAST).sub(_opened, text)
    return text


def _opened(box: re.Match[bytes]) -> bytes:
    return box[0][:-3] + b"[ ]"
