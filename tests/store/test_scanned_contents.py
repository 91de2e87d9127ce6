"""What was scanned and clean is remembered, by rules; a scan that is killed loses little."""

from __future__ import annotations

import hashlib
from pathlib import Path

from phasegate.store.scanned import WRITTEN_AFTER, Scanned


def ids(count: int) -> list[str]:
    return [hashlib.sha1(str(at).encode()).hexdigest() for at in range(count)]


def test_a_scan_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    killed = Scanned(str(tmp_path), "rules")
    for each in ids(WRITTEN_AFTER + 7):
        killed.add(each)
    again = Scanned(str(tmp_path), "rules")
    assert [each in again for each in ids(WRITTEN_AFTER + 7)] == [True] * WRITTEN_AFTER + [False] * 7


def test_what_other_rules_found_clean_is_not_clean(tmp_path: Path) -> None:
    one = Scanned(str(tmp_path), "old")
    one.add(ids(1)[0])
    one.write()
    assert ids(1)[0] in Scanned(str(tmp_path), "old") and ids(1)[0] not in Scanned(str(tmp_path), "new")


def test_two_scans_at_once_keep_what_both_found(tmp_path: Path) -> None:
    first, second = Scanned(str(tmp_path), "rules"), Scanned(str(tmp_path), "rules")
    first.add(ids(2)[0])
    second.add(ids(2)[1])
    first.write()
    second.write()
    assert all(each in Scanned(str(tmp_path), "rules") for each in ids(2))
