"""Reads the frames that a reporter of ours wrote from inside the user's test tool, believing none that is not ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from phasegate.foreign import UNREADABLE

FILE_LIMIT = 256 << 20


class Frame(Struct, frozen=True, tag_field="kind", kw_only=True):
    """One line of the report: the nonce shows that our reporter wrote it, the number that none before it is gone."""

    nonce: str
    seq: int


AnyFrame = TypeVar("AnyFrame", bound=Frame)


class Read(Struct, Generic[AnyFrame], frozen=True):
    """The frames of one run up to the first that cannot be believed, and why that one could not be."""

    frames: tuple[AnyFrame, ...]
    problem: str = ""


class Language(Struct, Generic[AnyFrame], frozen=True):
    """The frames a reporter may write, and which of them comes first and last."""

    decoder: msgspec.json.Decoder[AnyFrame]
    first: type[Frame]
    last: type[Frame]

    def read(self, content: bytes, nonce: str) -> Read[AnyFrame]:
        """Frames in sequence, all with our nonce, one `first` before everything and nothing after the `last`."""
        if len(content) > FILE_LIMIT:
            return Read((), f"the report is above {FILE_LIMIT >> 20} MiB")
        frames: list[AnyFrame] = []
        try:
            for frame in self._decoded(content):
                problem = self._problem(frame, frames, nonce)
                if problem:
                    return Read(tuple(frames), problem)
                frames.append(frame)
        except UNREADABLE as bad:
            return Read(tuple(frames), f"line {len(frames) + 1} of the report is not ours ({bad})")
        return Read(tuple(frames))

    def decoded(self, line: bytes) -> AnyFrame | None:
        """One frame, unchecked: enough to tell progress by."""
        try:
            return self.decoder.decode(line)
        except UNREADABLE:
            return None

    def _decoded(self, content: bytes) -> Iterator[AnyFrame]:
        *lines, _unfinished = content.split(b"\n")
        return map(self.decoder.decode, lines)

    def _problem(self, frame: AnyFrame, before: Sequence[AnyFrame], nonce: str) -> str:
        line = f"line {len(before) + 1} of the report"
        if frame.nonce != nonce:
            return f"{line} was not written by our reporter"
        if frame.seq != len(before):
            return f"{line} is out of sequence"
        if isinstance(frame, self.first) != (not before):
            return f"{line} is a second start" if before else f"{line} comes before the start"
        if before and isinstance(before[-1], self.last):
            return f"{line} comes after the end"
        return ""
