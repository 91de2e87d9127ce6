"""The facts about what is watched beside the tree, and about who really called."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from phasegate.ledger.fact import Fact


class WatchTaken(Fact, frozen=True):
    """What the watched files hold (SHA-256 by name) when the run begins to watch them."""

    run: str
    seen: dict[str, str]


class WatchMoved(Fact, frozen=True):
    """Watched files hold something else from now on ("" = gone), and why that is all right."""

    run: str
    seen: dict[str, str]
    why: str
    call: str = ""


class WatchPutBack(Fact, frozen=True):
    """A watched file was put back to what it held; `overwritten` is kept, `command` brings it back."""

    run: str
    path: str
    call: str
    why: str
    restored: str
    overwritten: str
    command: str


class ViewRestored(Fact, frozen=True):
    """A file that shows the state was changed by somebody else, and shows again what the ledger says."""

    run: str
    path: str
    found: str


class SessionBound(Fact, frozen=True):
    """The process of the client that a session belongs to: hook calls for it come from this process alone."""

    run: str
    session: str
    pid: int
    born: str


class CallForged(Fact, frozen=True):
    """A hook call came from another process than the client of its session; `above` are the programs that made it."""

    run: str
    session: str
    moment: str
    why: str
    above: tuple[str, ...] = ()


class ProcessesLeft(Fact, frozen=True):
    """The turn ended, and what the agent had started was still running."""

    run: str
    session: str
    programs: tuple[str, ...]


class HooksMissed(Fact, frozen=True):
    """A hook call that must have come before this one did not: for a while nobody looked."""

    run: str
    session: str
    what: str


class TurnOpened(Fact, frozen=True):
    """The client itself opened a turn: it told its agent that something had ended."""

    run: str
    session: str


class ChangeUngoverned(Fact, frozen=True):
    """The tree changed while no call was at work that accounts for it, and why it is not taken for a person's work."""

    run: str
    paths: tuple[str, ...]
    why: str
