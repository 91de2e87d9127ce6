"""What was refused, by which rule, how often the same was tried again, and what was put back or is held."""

from __future__ import annotations

from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    BoxesPutBack,
    CallRefused,
    ChangeHeld,
    ChangePutBack,
    ChangeSettled,
    ClosurePublished,
    PhaseClosed,
    PlanRead,
    SecretSeen,
)
from phasegate.plain import line
from phasegate.report.gathering import Seen
from phasegate.report.values import Figure, PutBack, Refusal, RuleRefused, event, figure
from phasegate.workflow.plan import Phase

AGAIN = 3
"""From how many times on the same refused call is called tried again and again."""

SHOWN = 20
"""How many single cases a report holds; how many there are it says."""

Tried = tuple[str, str]
"""What was refused: the rule, and the paths or the command."""


class Refusals:
    """Refusals, put-backs, held changes and secrets."""

    takes: tuple[type[Fact], ...] = (
        CallRefused, ChangePutBack, ChangeHeld, ChangeSettled, BoxesPutBack, SecretSeen, PlanRead, PhaseClosed,
        ClosurePublished,
    )  # fmt: skip

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self._plan: tuple[Phase, ...] = ()
        self._closing: set[str] = set()
        self.begin(0)

    def begin(self, at: int) -> None:
        self._rules: dict[str, list[str]] = {}
        self._tried: dict[Tried, list[str]] = {}
        self._said: dict[Tried, CallRefused] = {}
        self._put_back: list[PutBack] = []
        self._boxes: list[str] = []
        self._secrets: list[str] = []

    def take(self, seen: Seen) -> None:
        ref = event(seen.position)
        match seen.fact:
            case CallRefused() as refused:
                self._refused(refused, ref)
            case ChangePutBack() as back:
                self._put_back.append(PutBack(back.path, back.rule, back.command, ref))
            case ChangeHeld(run=run, path=path):
                self.held[run, path] = ref
            case ChangeSettled(run=run, path=path):
                self.held.pop((run, path), None)
            case BoxesPutBack(boxes=boxes) if set(boxes) - self._own_boxes():
                self._boxes.append(ref)
            case SecretSeen():
                self._secrets.append(ref)
            case PlanRead(phases=phases):
                self._plan = phases
            case PhaseClosed(phase=phase):
                self._closing.add(phase)
            case ClosurePublished(phase=phase):
                self._closing.discard(phase)

    def _own_boxes(self) -> set[str]:
        """The boxes that phasegate itself is ticking: a closure is published by the same code that puts boxes back."""
        closing = [phase for phase in self._plan if phase.id in self._closing]
        return {task.id for phase in closing for task in phase.tasks} | self._closing

    def _refused(self, refused: CallRefused, ref: str) -> None:
        tried = (refused.rule, target(refused))
        self._rules.setdefault(refused.rule, []).append(ref)
        self._tried.setdefault(tried, []).append(ref)
        self._said[tried] = refused

    def by_rule(self) -> tuple[RuleRefused, ...]:
        """The rules that refused, the busiest first."""
        rules = sorted(self._rules, key=lambda rule: (-len(self._rules[rule]), rule))
        return tuple(RuleRefused(rule, figure(len(refs), refs), self._telling(rule))
                     for rule in rules for refs in [self._rules[rule]])  # fmt: skip

    def _telling(self, rule: str) -> Refusal:
        """What was tried most often against a rule; of equals the newest."""
        cases = [tried for tried in self._tried if tried[0] == rule]
        return self._case(max(cases, key=lambda tried: (len(self._tried[tried]), int(self._tried[tried][-1][1:]))))

    def retried(self) -> tuple[Refusal, ...]:
        """What was refused and tried again and again, the most stubborn first."""
        often = [tried for tried, refs in self._tried.items() if len(refs) >= AGAIN]
        often.sort(key=lambda tried: (-len(self._tried[tried]), tried))
        return tuple(map(self._case, often[:SHOWN]))

    def paths(self) -> tuple[tuple[str, Figure], ...]:
        """What was refused most often, whatever the rule."""
        refs: dict[str, list[str]] = {}
        for (_, what), found in self._tried.items():
            refs.setdefault(what, []).extend(found)
        ranked = sorted(refs.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple((what, figure(len(found), found)) for what, found in ranked[:SHOWN])

    def _case(self, tried: Tried) -> Refusal:
        said, refs = self._said[tried], self._tried[tried]
        return Refusal(said.rule, said.tool, tried[1], line(said.reason, 300), figure(len(refs), refs))

    def put_back(self) -> tuple[tuple[PutBack, ...], Figure]:
        """The newest changes that were undone, and how many there were."""
        refs = [back.ref for back in self._put_back]
        return tuple(self._put_back[-SHOWN:]), figure(len(refs), refs)

    def boxes(self) -> Figure:
        """How often boxes of the plan that another hand had ticked were put back."""
        return figure(len(self._boxes), self._boxes)

    def secrets(self) -> Figure:
        """How often a secret was found, and refused or taken out."""
        return figure(len(self._secrets), self._secrets)


def target(refused: CallRefused) -> str:
    """What a call was about: its paths, else its command, else the tool."""
    return ", ".join(line(path, 200) for path in refused.paths) or line(refused.command, 200) or line(refused.tool, 60)
