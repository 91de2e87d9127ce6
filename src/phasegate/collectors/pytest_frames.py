"""Reads what our pytest reporter wrote, believing nothing that does not add up."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from phasegate.collectors.frames import Frame, Language


class Raised(Struct, frozen=True):
    """An exception as the reporter saw it. `frames` are (file, line), innermost last; `bases` are qualified."""

    type: str
    bases: tuple[str, ...] = ()
    module: str = ""
    file: str = ""
    owner: str = ""
    frames: tuple[tuple[str, int], ...] = ()


class Start(Frame, frozen=True, tag="start", kw_only=True):
    pytest: str
    python: str
    rootdir: str
    executable: str = ""
    addopts: tuple[str, ...] = ()


class Inventory(Frame, frozen=True, tag="inventory", kw_only=True):
    ids: tuple[str, ...]


class Enter(Frame, frozen=True, tag="enter", kw_only=True):
    id: str


class Report(Frame, frozen=True, tag="report", kw_only=True):
    """One phase of one test, or (`when` = collect) a file that could not be collected and the `tests` in it.

    With a test's last phase comes what our witness saw in all of them, if it `watched`: the lines of watched files that
    `ran`, and those of assertions that `broke` there, by absolute path. In a challenge `challenged` is 1 for a call
    that was made to fail as it ended, 0 for one that was let pass.
    """

    id: str
    when: str
    outcome: str
    path: str = ""
    line: int = 0
    message: str = ""
    seconds: float = 0.0
    expected: bool = False
    contradiction: str = ""
    raised: Raised | None = None
    tests: tuple[str, ...] = ()
    ran: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    broke: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    watched: bool = False
    challenged: int = -1


class Modules(Frame, frozen=True, tag="modules", kw_only=True):
    """The files of what was imported, less Python's own library and installed packages."""

    files: tuple[str, ...]


class End(Frame, frozen=True, tag="end", kw_only=True):
    exit_code: int
    deselected: int


AnyFrame = Start | Inventory | Enter | Report | Modules | End
LANGUAGE: Language[AnyFrame] = Language(msgspec.json.Decoder(AnyFrame), Start, End)


class Frames(Struct, frozen=True):
    """The frames of one run up to the first that cannot be believed, and why that one could not be."""

    frames: tuple[AnyFrame, ...]
    problem: str = ""

    @property
    def start(self) -> Start | None:
        return next((frame for frame in self.frames if isinstance(frame, Start)), None)

    @property
    def end(self) -> End | None:
        return next((frame for frame in self.frames if isinstance(frame, End)), None)

    @property
    def reports(self) -> tuple[Report, ...]:
        return tuple(frame for frame in self.frames if isinstance(frame, Report))

    @property
    def inventory(self) -> tuple[str, ...]:
        inventories = [frame.ids for frame in self.frames if isinstance(frame, Inventory)]
        return tuple(dict.fromkeys(id for ids in inventories for id in ids))

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(file for frame in self.frames if isinstance(frame, Modules) for file in frame.files)

    @property
    def entered(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(frame.id for frame in self.frames if isinstance(frame, Enter)))


def read_frames(content: bytes, nonce: str) -> Frames:
    """Frames in sequence, all with our nonce, one start before everything and nothing after the end."""
    read = LANGUAGE.read(content, nonce)
    return Frames(read.frames, read.problem)


def decoded(line: bytes) -> AnyFrame | None:
    """One frame, unchecked: enough to tell progress by."""
    return LANGUAGE.decoded(line)
