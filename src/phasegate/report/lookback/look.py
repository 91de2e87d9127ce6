"""The look back as a whole: every rule over every session and commit, what it came to, and what was not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from phasegate.plain import line
from phasegate.report.lookback.claims import unproved
from phasegate.report.lookback.keys import counts_in, counts_where
from phasegate.report.lookback.loops import circles
from phasegate.report.lookback.seen import (
    At,
    Change,
    Commit,
    Cost,
    Edit,
    Finding,
    Key,
    Prompt,
    Rule,
    Scan,
    Secret,
    Session,
    Unread,
)
from phasegate.report.lookback.weakened import Weakening, is_test_file, suite_of, weakenings

RULES: tuple[Rule, ...] = ("key", "weakened", "claim", "loop")
"""Most serious first."""


class Spent(msgspec.Struct, frozen=True):
    """What one session took."""

    id: str
    at: At
    began: float
    cost: Cost
    prompts: int


class Look(msgspec.Struct, frozen=True):
    """Everything a look back says. Times are seconds since 1970; `since` 0 means from the beginning."""

    since: float
    findings: tuple[Finding, ...]
    sessions: tuple[Spent, ...]
    commits: int
    unread: tuple[Unread, ...]
    notes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """The folders that the names of transcripts are relative to."""


class Looking:
    """Takes sessions and commits one by one, so that only what is told is kept."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._findings: list[Finding] = []
        self._keys: dict[str, list[Key]] = {}
        self._sessions: list[Spent] = []
        self._weak: dict[tuple[str, str, str], Finding] = {}
        self._commits = 0

    def session(self, session: Session) -> None:
        """Take in one session."""
        self._findings += [*unproved(session), *circles(session)]
        for key in session.keys:
            if counts_where(key.rule, key.where):
                self._key(key)
        for finding, item in edited_tests(session):
            self._weak.setdefault(item.key, finding)
        prompts = sum(1 for event in session.events if isinstance(event, Prompt) and event.own)
        self._sessions.append(Spent(session.id, session.at, session.began, session.cost, prompts))

    def commit(self, commit: Commit) -> None:
        """Take in one commit; they come oldest first, so that what a later one mends is not told."""
        self._commits += 1
        self._mended(commit)
        for item in weakenings(commit):
            at = At(item.path, item.line, commit.id[:12] + ("~1" if item.kind == "deleted" and item.line else ""))
            known = self._weak.get(item.key)
            more = (f"commit: {line(commit.message, 90)}",)
            also = (known.at, *known.also) if known else ()
            self._weak[item.key] = Finding("weakened", _worded(item), at, more, also, commit.time)
        for change in commit.changes:
            for secret in _new_secrets(change, self._scan):
                if counts_in(secret.rule, change.path):
                    at = At(change.path, secret.line, commit.id[:12])
                    self._key(Key(at, secret.rule, secret.fingerprint, "a commit"))

    def result(
        self, since: float, unread: Iterable[Unread], notes: tuple[str, ...] = (), places: tuple[str, ...] = ()
    ) -> Look:
        """What there is to tell."""
        found = [*self._findings, *self._weak.values(), *map(_key_finding, self._keys.values())]
        ranked = sorted(
            found, key=lambda finding: (RULES.index(finding.rule), finding.time, finding.at.file, finding.at.line)
        )
        return Look(since, tuple(ranked), tuple(self._sessions), self._commits, tuple(unread), notes, places)

    def _key(self, key: Key) -> None:
        self._keys.setdefault(key.fingerprint, []).append(key)

    def _mended(self, commit: Commit) -> None:
        """Forget what this commit gives back: a test that is there again, a skip that is lifted."""
        if not self._weak:
            return
        for change in commit.changes:
            if not is_test_file(change.path):
                continue
            suite = suite_of(change.path, change.after) if change.after is not None else None
            names = set(suite.tests) if suite else set()
            on = (
                {name for name, test in suite.tests.items() if not test.off and not test.alone}
                if suite and not suite.off
                else set()
            )
            last = {name.rpartition(".")[2] for name in names}
            for key in list(self._weak):
                kind, path, test = key
                back = kind == "deleted" and (
                    test.rpartition(".")[2] in last if test else path == change.path and names
                )
                if back or (kind in ("off", "alone") and path == change.path and (test in on or test not in names)):
                    del self._weak[key]


def edited_tests(session: Session) -> Iterator[tuple[Finding, Weakening]]:
    """Tests that the session as a whole left weaker; what it took away and gave back is not told."""
    files: dict[str, list[Edit]] = {}
    for event in session.events:
        if isinstance(event, Edit) and event.whole and event.inside and is_test_file(event.path):
            files.setdefault(event.path, []).append(event)
    changes = tuple(Change(path, path, edits[0].before, edits[-1].after, "modified") for path, edits in files.items())
    sources = _sources(session)
    whole = Commit("", session.ended, "", (*changes, *sources), session.complete)
    for item in weakenings(whole):
        edit = _that_did_it(item, files[item.path])
        finding = Finding("weakened", _worded(item), edit.at, (f"in {line(item.path, 120)}",), time=edit.time)
        yield finding, item


def _sources(session: Session) -> tuple[Change, ...]:
    """What the session did to files that are no tests: it may explain why a test had to go."""
    return tuple(
        Change(event.path, event.path, event.before, event.after, "modified")
        for event in session.events
        if isinstance(event, Edit) and event.inside and not is_test_file(event.path)
    )


def _that_did_it(item: Weakening, edits: list[Edit]) -> Edit:
    """The edit after which the weakening was first there."""
    for edit in edits:
        change = Change(item.path, item.path, edits[0].before, edit.after, "modified")
        if any(found.key == item.key for found in weakenings(Commit("", 0.0, "", (change,)))):
            return edit
    return edits[-1]


def _worded(item: Weakening) -> str:
    test, words = line(item.test, 120), line(item.words, 200)
    match item.kind:
        case "deleted" if not test:
            return f"Deleted: {words}."
        case "deleted":
            return f"Test deleted: {test}" + (f"; {words}." if words else ".")
        case "off":
            return f"Test switched off: {test}: {words}"
        case "alone":
            return f"Only this test runs: {test} ({words})"
        case "fewer":
            return f"Check removed from {test}: {words}"
        case "weaker":
            return f"Check weakened in {test}: {words}"


def _key_finding(keys: list[Key]) -> Finding:
    """One key, wherever it was seen; a commit is the worst place."""
    first = next((key for key in keys if key.at.commit), keys[0])
    also = tuple(key.at for key in keys if key is not first)
    return Finding("key", f"{first.rule} (fingerprint {first.fingerprint}) in {first.where}.", first.at, also=also)


def _new_secrets(change: Change, scan: Scan) -> Iterator[Secret]:
    """The secrets on lines that the change brought."""
    if not change.after or change.before == change.after:
        return
    old = set((change.before or "").split("\n"))
    lines = [(number, text) for number, text in enumerate(change.after.split("\n"), 1) if text not in old]
    for found in scan("\n".join(text for _, text in lines)):
        yield Secret(found.rule, lines[min(found.line, len(lines)) - 1][0], found.fingerprint)
