"""What tests compare with and is kept in files: snapshots, golden files, test data; rewritten, it may hide anything."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from phasegate.ratchets.languages import language_of
from phasegate.ratchets.weakening import Change, Kind, Weakening

SNAPSHOT = re.compile(
    r"\.(?:snap|ambr|golden|approved(?:\.\w+)?|snapshot)$|(?:^|/)(?:__snapshots__|__image_snapshots__|snapshots|goldens?)/"
)
DATA = re.compile(
    r"(?:^|/)testdata/|(?:^|/)(?:tests?|specs?|__tests__)/(?:.*/)?(?:data|fixtures?|expected|expectations|cassettes|resources)/"
)


def concerns(path: str) -> bool:
    """Whether tests may compare with what this file keeps."""
    if SNAPSHOT.search(path):
        return language_of(path) is None
    return bool(DATA.search(path)) and language_of(path) is None


def rewritten(changes: Iterable[Change]) -> Iterator[Weakening]:
    """Files of expectations that lost or changed what they held; what is only added is new, what moved is the same."""
    changes = [change for change in changes if concerns(change.path)]
    came = Counter(change.after for change in changes if change.before is None)
    for change in changes:
        if change.before is None:
            continue
        if change.after is None and came[change.before]:
            came[change.before] -= 1
            continue
        old, new = Counter(change.before.splitlines()), Counter((change.after or b"").splitlines())
        less = old - new
        gone = [row for row in change.before.splitlines() if less[row]]
        if gone or change.after is None:
            kind: Kind = "snapshot-rewritten" if SNAPSHOT.search(change.path) else "data-changed"
            yield Weakening(kind, change.path, 0, "", _words(gone[0] if gone else b""), _now(change.after, len(gone)))


def _words(row: bytes) -> str:
    return row.decode("utf-8", "replace").strip()[:160]


def _now(content: bytes | None, gone: int) -> str:
    if content is None:
        return "it is gone"
    return f"{gone} lines are others (now {hashlib.sha256(content).hexdigest()[:12]})"
