"""What a drive used and waited for: its clients and how they ended, cost and tokens as they said, its waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum

import msgspec

from phasegate.ledger.driving import ClientEnded, ClientLaunched, DriveEnded, DriveStarted, WaitBegan
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import RunRecovered
from phasegate.plain import line
from phasegate.report.gathering import Seen
from phasegate.report.values import Drive, Ending, Figure, Use, Wait, event, figure, unknown

NO_DRIVE = "only `phasegate drive` sees what its client uses, and none ran"
NOBODY_SAID = "no client said what it used"

CUT_SHORT = ("died", "silent", "stopped")
"""Ways of ending that may come before a client says its cost; in all others it has said it, be it 0."""


class _Wait(msgspec.Struct):
    what: str
    at: int
    ref: str
    seconds: float = 0.0


class Driving:
    """Drives, their clients and their waits."""

    takes: tuple[type[Fact], ...] = (DriveStarted, ClientLaunched, ClientEnded, WaitBegan, DriveEnded, RunRecovered)

    def __init__(self) -> None:
        self.all: dict[str, Drive] = {}
        self._ending: dict[str, str] = {}
        self._waiting: dict[str, _Wait] = {}
        self.begin(0)

    def begin(self, at: int) -> None:
        self._active = {id for id, drive in self.all.items() if not drive.outcome}
        self._launches: list[str] = []
        self._ended: list[tuple[str, ClientEnded]] = []
        self._waits: list[_Wait] = []
        self._recoveries: list[str] = []
        for wait in self._waiting.values():
            wait.at = at
            self._waits.append(wait)

    def take(self, seen: Seen) -> None:
        ref, fact = event(seen.position), seen.fact
        match fact:
            case DriveStarted(drive=drive):
                self._active.add(drive)
                self.all[drive] = Drive(
                    drive, fact.branch, fact.worktree, "", "", fact.attempt_of, seen.at, (ref,)
                )  # fmt: skip
            case ClientLaunched(drive=drive):
                self._launches.append(ref)
                self._over(drive, seen.at)
            case ClientEnded(drive=drive):
                self._ended.append((ref, fact))
                self._ending[drive] = fact.how
            case WaitBegan(drive=drive):
                self._over(drive, seen.at)
                self._waiting[drive] = _Wait(self._ending.get(drive, "") or line(fact.why, 80), seen.at, ref)
                self._waits.append(self._waiting[drive])
            case DriveEnded(drive=drive):
                self._over(drive, seen.at)
                self._end(fact, ref)
            case RunRecovered():
                self._recoveries.append(ref)

    def _over(self, drive: str, at: int) -> None:
        """Whatever the drive waited for, it goes on now."""
        wait = self._waiting.pop(drive, None)
        if wait is not None:
            wait.seconds = (at - wait.at) / 1000

    def _end(self, fact: DriveEnded, ref: str) -> None:
        known = self.all.get(fact.drive)
        if known is not None:
            said, refs = line(fact.said, 400), (*known.refs, ref)
            self.all[fact.drive] = msgspec.structs.replace(known, outcome=fact.outcome, said=said, refs=refs)

    def finish(self, at: int) -> None:
        """Count waits that are not over up to now."""
        for drive in list(self._waiting):
            self._over(drive, at)

    def drives(self) -> tuple[Drive, ...]:
        """The drives that were at work at some time of the report, oldest first."""
        return tuple(drive for id, drive in self.all.items() if id in self._active)

    def use(self) -> Use:
        """What the clients used: tokens as far as they were heard, dollars as the clients said them at their end."""
        silent = [ref for ref, fact in self._ended if _owes_its_cost(fact)]
        least = bool(silent) or len(self._launches) > len(self._ended)
        used = [(ref, fact) for ref, fact in self._ended if fact.cost_usd or fact.tokens.total]
        priced = [(ref, fact) for ref, fact in used if fact.cost_usd]

        def total(of: Callable[[ClientEnded], float], told: Sequence[tuple[str, ClientEnded]] = used) -> Figure:
            if not told:
                return unknown(NOBODY_SAID if self._launches else NO_DRIVE)
            return figure(round(fsum(of(fact) for _, fact in told), 6), [ref for ref, _ in told], least=least)

        return Use(
            total(lambda fact: fact.cost_usd, priced), total(lambda fact: fact.tokens.total),
            total(lambda fact: fact.tokens.output), total(lambda fact: fact.tokens.cache_read),
            total(lambda fact: fact.turns), figure(len(self._launches), self._launches), figure(len(silent), silent),
        )  # fmt: skip

    def endings(self) -> tuple[Ending, ...]:
        """How clients ended, what happened most often first."""
        found: dict[str, list[tuple[str, ClientEnded]]] = {}
        for ref, fact in self._ended:
            found.setdefault(fact.how, []).append((ref, fact))
        ranked = sorted(found.values(), key=lambda same: -len(same))
        return tuple(
            Ending(same[-1][1].how, figure(len(same), [ref for ref, _ in same]), line(same[-1][1].said, 200))
            for same in ranked
        )

    def waits(self) -> tuple[Wait, ...]:
        """The waits by what was waited out, the longest first."""
        found: dict[str, list[_Wait]] = {}
        for wait in self._waits:
            found.setdefault(wait.what, []).append(wait)
        made = [Wait(what, figure(len(same), refs), figure(fsum(wait.seconds for wait in same), refs))
                for what, same in found.items() for refs in [[wait.ref for wait in same]]]  # fmt: skip
        return tuple(sorted(made, key=lambda wait: -(wait.seconds.value or 0)))

    def recoveries(self) -> Figure:
        """How often a new session went on where another was interrupted."""
        return figure(len(self._recoveries), self._recoveries)


def _owes_its_cost(fact: ClientEnded) -> bool:
    """Whether a client used what it named no price of: it was ended before its last words, or knew none."""
    return not fact.cost_usd and bool(fact.how in CUT_SHORT or fact.tokens.total)
