"""What a private run of a JavaScript suite has more: tests that speak for themselves, and the preload they speak to."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from phasegate.collectors import one_run
from phasegate.collectors.channel import Channel
from phasegate.collectors.js_frames import Finish, Load, Result
from phasegate.collectors.js_seen import Seen
from phasegate.collectors.js_witness import is_test_file, witnessed
from phasegate.collectors.js_witnessed import Compared, compare, heard
from phasegate.collectors.private.inside import Inside
from phasegate.evidence.tests import TestRun
from phasegate.syntax import LARGEST


class Witness:
    """Has the test files of a private tree written anew, and hears what they say in the run."""

    def __init__(self, inside: Inside, place: str, channel: Channel, preload: str) -> None:
        self.nonce, self.preload = secrets.token_hex(16), preload
        self.path = channel.below("witness.jsonl")
        # Held open: what was said stays readable even if a test removes the file.
        self._said = open(self.path, "x+b", buffering=0)  # noqa: SIM115
        folder = inside.on_disk(place)
        self.told = witnessed(dict(_test_files(inside, folder)))
        for path, text in self.told.files.items():
            inside.rewrite(os.path.join(folder, path), text)

    def variables(self, env: Mapping[str, str]) -> dict[str, str]:
        """What lets every process of the run load our preload before all else, and know where to tell."""
        words = self.preload.replace("\\", "\\\\").replace('"', '\\"')
        options = f'--require="{words}" {env.get("NODE_OPTIONS", "")}'.strip()
        return {"NODE_OPTIONS": options, "PHASEGATE_WITNESS": self.path, "PHASEGATE_WITNESS_NONCE": self.nonce}

    def compared(self, tests: TestRun, seen: Seen) -> Compared:
        """What the tests said, against what the runner reports."""
        tries: Counter[str] = Counter()
        names = seen.names()
        for frame in seen.of(Result):
            if frame.key in names:
                tries[names[frame.key].file] += frame.tries - 1
        files = [frame.file for frame in seen.of(Load)] + [frame.file for frame in seen.of(Finish)]
        loaded = frozenset(map(seen.relative, files))
        return compare(self.told, heard(self.content(), self.nonce), tests.results, loaded, tries)

    def content(self) -> bytes:
        """All that was said."""
        self._said.seek(0)
        return self._said.read()


def believed(tests: TestRun, witness: Witness, seen: Seen) -> TestRun:
    """The run with what its tests said themselves: whatever contradicts it leaves it incomplete."""
    compared = witness.compared(tests, seen)
    why = tests.why_incomplete or next(iter(compared.doubts), "")
    notes = (*tests.notes, *compared.notes)
    more = replace(tests, complete=not why, why_incomplete=why, notes=notes, watched=True, hollow=compared.hollow)
    return one_run.with_frames(more)


def _test_files(inside: Inside, folder: str) -> Iterator[tuple[str, bytes]]:
    """The test files in a folder of the private tree, by their path there."""
    above = os.path.relpath(folder, inside.tree).replace(os.sep, "/")
    prefix = "" if above == "." else f"{above}/"
    for path in inside.files:
        inner = path.removeprefix(prefix)
        there = os.path.join(folder, inner)
        if path.startswith(prefix) and is_test_file(inner) and os.path.isfile(there) and not os.path.islink(there):
            with open(there, "rb") as file:
                yield inner, file.read(LARGEST + 1)
