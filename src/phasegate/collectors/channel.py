"""How a reporter of ours, inside the user's test tool, tells what it sees: a file held open, and a nonce."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

from phasegate.collectors import one_run
from phasegate.collectors.frames import FILE_LIMIT


class Channel:
    """A private directory of one run, and in it the report that our reporter writes to."""

    def __init__(self, scratch: str) -> None:
        """Raises NoScratchDirectory."""
        self.scratch = one_run.new_folder(scratch)
        self.path = self.below("results.jsonl")
        self.nonce = secrets.token_hex(16)
        # Held open: what was reported stays readable even if a test removes the file.
        self._report = open(self.path, "x+b", buffering=0)  # noqa: SIM115

    @property
    def variables(self) -> dict[str, str]:
        """What tells our reporter where to write."""
        return {"PHASEGATE_REPORT": self.path, "PHASEGATE_REPORT_NONCE": self.nonce}

    def below(self, name: str) -> str:
        """A path in the private directory."""
        return os.path.join(self.scratch, name)

    def content(self, start: int = 0) -> bytes:
        """What was reported from `start` on, at most one byte above the limit."""
        there_is = os.fstat(self._report.fileno()).st_size - start
        self._report.seek(start)
        return self._report.read(max(0, min(there_is, FILE_LIMIT + 1)))


class Progress:
    """Says how far a run is, by counting in what the reporter has written so far."""

    def __init__(self, channel: Channel, count: Callable[[bytes], tuple[int, int]], say: Callable[[str], None]) -> None:
        """`count` tells of one line how many tests it announces, and how many it ends."""
        self.channel, self.count, self.say = channel, count, say
        self.rest = b""
        self.at = self.finished = self.collected = 0

    def tick(self) -> None:
        new = self.channel.content(self.at)
        self.at += len(new)
        *lines, self.rest = (self.rest + new).split(b"\n")
        counted = [self.count(line) for line in lines]
        self.collected += sum(collected for collected, _ in counted)
        finished = sum(finished for _, finished in counted)
        self.finished += finished
        if finished:
            self.say(f"{self.finished} of {self.collected} tests have run")
