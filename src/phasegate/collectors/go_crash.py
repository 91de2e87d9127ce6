"""Why a Go test that ran is red: by what it said, or by where it panicked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from msgspec import Struct

from phasegate.collectors.go_events import Seen, told_of_a_crash
from phasegate.evidence.tests import Cause

_FRAME = re.compile(r"^\t(/[^\n]*?):\d+(?: \+0x[0-9a-f]+)?$")
_NO_CLAIM = ("race detected during execution of test", "test executed panic(nil) or runtime.Goexit")


class FirstParty(Struct, frozen=True):
    """Code below `root` that is neither Go's own nor fetched: `foreign` are the folders of those."""

    root: str
    foreign: tuple[str, ...]

    def owns(self, path: str) -> bool:
        inside = path.startswith(self.root + os.sep)
        return inside and "/vendor/" not in path and not path.startswith(self.foreign)


def cause_of(test: Seen, ours: FirstParty) -> Cause:
    """Why `test` failed. Whether `t.Fatal` claims something or gives up on a broken set-up, Go does not say."""
    said = test.output
    if "panic: test timed out after" in said:
        return "timeout"
    if told_of_a_crash(said):
        top = next((path for path in _frames(said) if ours.owns(path)), "")
        return "raised_by_code" if top and not top.endswith("_test.go") else "other"
    return "other" if any(words in said for words in _NO_CLAIM) else "assertion"


def message_of(test: Seen, limit: int) -> str:
    """What the test said, its frames apart; of a crash, from where it begins."""
    said = re.sub(r"^(?:=== |\s*--- )[^\n]*\n?", "", test.output, flags=re.MULTILINE)
    crash = re.search(r"^(?:panic|fatal error): .*", said, flags=re.MULTILINE)
    return (crash[0] if crash else said).strip()[:limit]


def line_of(test: Seen, file: str) -> int:
    """The first line of `file` that the output names, or 0."""
    found = re.search(rf"\b{re.escape(file)}:(\d{{1,9}})\b", test.output)
    return int(found[1]) if found else 0


def _frames(said: str) -> Iterator[str]:
    """The files of the goroutine that crashed, innermost first."""
    lines = iter(said[max(said.find("panic: "), said.find("fatal error: "), 0) :].splitlines())
    for line in lines:
        if line.startswith("goroutine ") and "running" in line:
            break
    for line in lines:
        if not line.strip():
            return
        found = _FRAME.match(line)
        if found:
            yield found[1]
