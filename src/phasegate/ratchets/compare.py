"""Two versions of the tests of a project, and every place where the second checks less than the first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from phasegate.ratchets.languages import could_hold_tests, errors_of, is_collected, suite_of
from phasegate.ratchets.pairs import Located, Pool, pair
from phasegate.ratchets.python_names import CASE
from phasegate.ratchets.strength import rank, weaker
from phasegate.ratchets.suites import Check, Suite, Switch, Test, Unreadable, words_of
from phasegate.ratchets.weakening import Change, Kind, Looked, Renamed, Unread, Weakening

HOOKS = frozenset(
    "pytest_collection_modifyitems pytest_ignore_collect pytest_collect_file pytest_pycollect_makeitem "
    "pytest_runtest_makereport pytest_pyfunc_call pytest_runtest_protocol pytest_runtest_call pytest_sessionfinish "
    "pytest_report_teststatus pytest_itemcollected pytest_generate_tests pytest_runtest_setup "
    "pytest_exception_interact load_tests TestMain".split()
)
"""Functions by which a test suite decides what is collected, run or counted."""

MARKING = frozenset(
    "pytest_collection_modifyitems pytest_generate_tests pytest_runtest_setup pytest_itemcollected".split()
)
DECIDES = re.compile(
    r"xfail|skip|deselect|clear|remove|pop|outcome|passed|exit|items\[|\bdel\b|\breturn\b|globals|\.obj\b|patch"
)
PRETENDS = re.compile(r"\bPrint|\bos \. Exit \( 0|PASS|Stdout|recover")

NOWHERE = Suite({})
MOST_CALLS = 20
"""How often one helper's checks count for a test that calls it again and again."""


class _File(msgspec.Struct, frozen=True):
    path: str
    old: Suite
    new: Suite


def compare_tests(changes: Iterable[Change]) -> Looked:
    """What the changed files that hold tests, or what tests call, check less than before."""
    files: list[_File] = []
    unread: list[Unread] = []
    for change in changes:
        if could_hold_tests(change.path):
            try:
                files.append(_read(change))
            except Unreadable as why:
                unread.append(Unread(change.path, str(why)))
    comparison = _Comparison(files)
    return Looked(len(files), tuple(comparison.weakenings()), tuple(unread), tuple(comparison.renamed))


def _read(change: Change) -> _File:
    """Both versions of a file. What no grammar knows may stand in it where it stood before, and nowhere else."""
    known = errors_of(change.path, change.before) if change.before is not None and change.after is not None else ()
    known = known if known and change.after and known == errors_of(change.path, change.after) else ()
    old, new = _suite(change.path, change.before, known), _suite(change.path, change.after, known)
    if change.before is None and not is_collected(change.path):  # nobody says that a runner would look there
        new = msgspec.structs.replace(new, tests={}, helpers=new.helpers | new.tests)
    return _File(change.path, old, new)


def _suite(path: str, content: bytes | None, known: tuple[str, ...]) -> Suite:
    if content is None:
        return NOWHERE
    return suite_of(path, content, known)


class _Comparison:
    def __init__(self, files: list[_File]) -> None:
        self._files = files
        self._old_helpers = {_last(name): test for file in files for name, test in file.old.helpers.items()}
        self._new_helpers = {_last(name): test for file in files for name, test in file.new.helpers.items()}
        self._pairs = list(pair(self._every("old"), self._every("new")))
        self._pool = Pool(self._pairs, self._every("new"))
        known = {(file.path, name) for file in files for name in file.old.tests}
        self.renamed: list[Renamed] = []
        self._fresh = [each for each in self._every("new") if (each.path, each.name) not in known]

    def _every(self, side: str) -> list[Located]:
        found: list[Located] = []
        for file in self._files:
            suite: Suite = getattr(file, side)
            helpers = self._old_helpers if side == "old" else self._new_helpers
            for name, test in suite.tests.items():
                found.append(Located(file.path, name, _with_helpers(test, helpers)))
        return found

    def weakenings(self) -> Iterator[Weakening]:
        switched = {file.path: file for file in self._files if file.new.off and not file.old.off and file.old.tests}
        for file in switched.values():
            yield Weakening("test-off", file.path, file.new.off_line, "every test of the file", "", file.new.off)
        for before, after in self._pairs:
            if after is None:
                yield from self._gone(before)
                continue
            lost = list(self._pair(before, after, whole=after.path in switched))
            if not lost and not after.test.off and before.node != after.node:
                self.renamed.append(Renamed(before.node, after.node))
            yield from lost
        yield from self._new_only()
        for file in self._files:
            yield from self._switches(file)
            yield from self._helpers(file)

    def _gone(self, before: Located) -> Iterator[Weakening]:
        """A test without a successor, unless other tests took over everything that it checked."""
        test = before.test
        if test.off or (test.live and self._pool.takes(test.live)):
            return
        left = self._new_helpers.get(_last(before.name))
        now = "it is no longer collected" if left is not None and left.body == test.body else "it is gone"
        yield Weakening("test-gone", before.path, left.line if left and now != "it is gone" else 0, before.name,
                        _first(test), now)  # fmt: skip

    def _pair(self, before: Located, after: Located, *, whole: bool) -> Iterator[Weakening]:
        old, new, path = before.test, self._with_parts(after), after.path
        name = after.name if after.name == before.name else f"{after.name} (was {before.name})"
        if new.shadowed and not old.shadowed and old.body != new.body and old.live and not self._pool.takes(old.live):
            yield Weakening("test-gone", path, new.line, name, _first(old), "a second one of this name replaces it")
            return
        if not whole:
            yield from _switched(path, name, old, new)
        yield from self._cases(path, name, old, new)
        about = {word for check in old.checks for word in words_of(check.about)}
        for mock in sorted(set(new.mocks) - set(old.mocks)):
            if _last(mock) in about:
                yield Weakening("code-mocked", path, new.line, name, "", f"{mock} is replaced, which it is to check")
        if old.body != new.body or old.checks != new.checks:
            yield from self._checks(path, name, old, new)

    def _with_parts(self, after: Located) -> Test:
        """A test with the checks that went into parts of it which have names of their own now."""
        parts = [
            each.test for each in self._fresh if each.path == after.path and each.name.startswith(f"{after.name}/")
        ]
        checks = (*after.test.checks, *(check for part in parts for check in part.checks))
        return msgspec.structs.replace(after.test, checks=checks) if parts else after.test

    def _cases(self, path: str, name: str, old: Test, new: Test) -> Iterator[Weakening]:
        if not old.cases or (new.cases is None and new.table):
            return
        left = len(new.cases) if new.cases is not None else 0
        fewer = len(old.cases) - left
        if fewer <= 0:
            return
        shapes = Counter(check.shape for check in new.checks)
        if any(shapes[check.shape] >= len(old.cases) for check in old.live) and new.cases is None:
            return
        if self._pool.takes_cases(old, fewer):
            return
        lost = Counter(old.cases) - Counter(new.cases or ())
        yield Weakening("cases-fewer", path, new.line, name, f"{len(old.cases)} cases, with {next(iter(lost), '')}",
                        f"{left} cases")  # fmt: skip

    def _checks(self, path: str, name: str, old: Test, new: Test) -> Iterator[Weakening]:
        if old.live and not new.live and not old.off and not self._pool.takes(old.live):
            why = next((check.muffled for check in new.checks if check.muffled), "nothing")
            now = f"no check can fail it ({why})" if why != "nothing" else _what_is_left(new)
            yield Weakening("test-emptied", path, new.line, name, _first(old), now)
            return
        for kind, before, after in _lost(old, new, self._pool):
            now = after.words if after is not None else "nothing in its place"
            if kind == "check-muffled" and after is not None:
                now = f"{after.words}, {after.muffled}"
            elif kind == "check-conditional" and after is not None:
                now = f"{after.words}, {after.when}"
            was = before.words if now != before.words else f"{before.words} [{before.value}]"
            now = now if now != before.words or after is None else f"{now} [{after.value}]"
            yield Weakening(kind, path, after.line if after else new.line, name, was, now)

    def _new_only(self) -> Iterator[Weakening]:
        """What switches others off, in tests new and old."""
        known = {(each.path, each.name) for each in self._every("old") if each.test.alone}
        for each in self._every("new"):
            if each.test.alone and (each.path, each.name) not in known:
                words = f"{each.test.alone}: no other test of the file runs"
                yield Weakening("test-alone", each.path, each.test.line, each.name, "", words)

    def _switches(self, file: _File) -> Iterator[Weakening]:
        """What newly keeps a whole file from running on a condition."""
        known = {switch.words for switch in file.old.switches}
        for switch in file.new.switches:
            if switch.words not in known and switch.words.startswith("collect_ignore"):
                yield Weakening("run-narrowed", file.path, switch.line, "", "", switch.words)
            elif switch.words not in known and not switch.always and file.old.tests:
                kind: Kind = "condition-changed" if switch.seen else "test-off"
                yield Weakening(kind, file.path, switch.line, "every test of the file", "", switch.words)

    def _helpers(self, file: _File) -> Iterator[Weakening]:
        for name, new in file.new.helpers.items():
            old = file.old.helpers.get(name) or self._old_helpers.get(_last(name))
            if _last(name) in HOOKS and (old is None or old.body != new.body):
                was = "another one" if old is not None else "no such hook"
                kind: Kind = "condition-changed" if _is_harmless(new) else "run-narrowed"
                yield Weakening(kind, file.path, new.line, name, was, "it decides what runs and what counts")
            if old is None or old.body == new.body or name in file.old.tests:
                continue
            helpers = _with_helpers(old, self._old_helpers), _with_helpers(new, self._new_helpers)
            yield from _switched(file.path, name, old, new)
            yield from self._checks(file.path, name, *helpers)


def _is_harmless(hook: Test) -> bool:
    """Whether a hook neither leaves tests out nor says how they ended, as far as its words show."""
    if hook.name == "TestMain":
        return "m . Run ( )" in hook.body and not PRETENDS.search(hook.body)
    return _last(hook.name) in MARKING and not DECIDES.search(hook.body)


def _switched(path: str, name: str, old: Test, new: Test) -> Iterator[Weakening]:
    """What newly keeps a test from running. A condition in the place of another is told: a run shows what it does."""
    gone, came = _differing(old.switches, new.switches)
    for switch in came if not old.off else ():
        other = next((each for each in gone if not each.always), None) if not switch.always else None
        if other is not None or switch.seen:
            gone = [each for each in gone if each is not other]
            yield Weakening("condition-changed", path, switch.line, name, other.words if other else "", switch.words)
        else:
            yield Weakening("test-off", path, switch.line, name, "", switch.words)


def _differing(old: Iterable[Switch], new: Iterable[Switch]) -> tuple[list[Switch], list[Switch]]:
    """The switches that are only among the old, and only among the new, by their words."""
    gone, came = list(old), []
    for switch in new:
        same = next((each for each in gone if each.words == switch.words), None)
        if same is None:
            came.append(switch)
        else:
            gone.remove(same)
    return gone, came


def _lost(old: Test, new: Test, pool: Pool) -> Iterator[tuple[Kind, Check, Check | None]]:
    """Each check of `old` that `new` no longer makes as strongly, with what stands in its place."""
    before, after = (Counter(check.through for check in test.checks) for test in (old, new))
    shared = {name for name, count in before.items() if name and after[name] >= count}
    olds = [check for check in old.checks if rank(check) and check.through not in shared]
    news = [check for check in new.checks if check.through not in shared]
    lost, fresh = _unmatched(olds, news)
    for check, other in [*lost]:
        if other is not None:  # the very same, but kept from failing, or made only on a condition
            kind: Kind = "check-muffled" if other.muffled else "check-conditional"
            yield kind, check, other
            lost.remove((check, other))
    left = sorted((check for check, _ in lost), key=rank, reverse=True)
    taken: list[Check] = []
    for check in left:
        other = _closest(check, [each for each in fresh if not any(each is one for one in taken)])
        if other is not None and not weaker(check, other):
            if _is_row(check, other, new.cases or ()):
                continue
            taken.append(other)
            yield "expectation-changed", check, other
        elif not pool.takes((check,)):
            taken += [other] if other is not None else []
            muffled = other is not None and bool(other.muffled)
            yield ("check-gone" if other is None else "check-muffled" if muffled else "check-weaker"), check, other


def _is_row(check: Check, other: Check, cases: Iterable[str]) -> bool:
    """Whether `other`, made over a table, is `check` in one of its rows."""
    columns = other.key.count(CASE)
    for row in cases if columns else ():
        parts = row.split(", ") if columns > 1 else [row]
        key = other.key
        for part in parts:
            key = key.replace(CASE, part, 1)
        if key == check.key:
            return True
    return False


def _unmatched(olds: list[Check], news: list[Check]) -> tuple[list[tuple[Check, Check | None]], list[Check]]:
    """The checks of `olds` that are not among `news` as they were, and those of `news` that are fresh.

    Of several checks that say the same, the live ones are matched first.
    """
    fresh = sorted(news, key=lambda check: (bool(check.muffled), bool(check.when)))
    lost: list[tuple[Check, Check | None]] = []
    for check in sorted(olds, key=lambda check: bool(check.when)):
        same = next((each for each in fresh if each.key == check.key), None)
        if same is None:
            lost.append((check, None))
            continue
        fresh = [each for each in fresh if each is not same]
        if same.muffled or (same.when and not check.when):
            lost.append((check, same))
    return lost, fresh


def _closest(check: Check, fresh: list[Check]) -> Check | None:
    """What stands in the place of `check`: of the same subject, else of the same shape, else one as strong."""
    same = [each for each in fresh if each.about == check.about]
    if same:
        return min(same, key=lambda each: (weaker(check, each), -rank(each)))
    alike = [each for each in fresh if each.shape == check.shape and not each.muffled]
    strong = sorted((each for each in fresh if rank(each) >= rank(check)), key=rank)
    near = alike or strong or fresh
    return near[0] if near else None


def _with_helpers(test: Test, helpers: dict[str, Test]) -> Test:
    """`test` with the checks of the functions that it calls, as far as they are known."""
    found: list[Check] = []
    seen: set[str] = set()
    _inline(test, helpers, "", seen, found, 3)
    table = test.table or any(helpers[name].table for name in seen)
    return msgspec.structs.replace(test, checks=tuple(found), table=table)


def _inline(test: Test, helpers: dict[str, Test], through: str, seen: set[str], found: list[Check], depth: int) -> None:
    for check in test.checks:
        if not (check.op == "own" and check.through in helpers):
            found.append(msgspec.structs.replace(check, through=through) if through else check)
    for name in sorted(set(test.calls) & helpers.keys() - seen - {_last(test.name)}):
        if depth:
            seen.add(name)
            first = len(found)
            _inline(helpers[name], helpers, through or name, seen, found, depth - 1)
            again = range(min(test.calls[name], MOST_CALLS) - 1)
            found += [msgspec.structs.replace(check) for check in found[first:] for _ in again]


def _first(test: Test) -> str:
    return test.live[0].words if test.live else (test.lines[0] if test.lines else "")


def _what_is_left(test: Test) -> str:
    return test.checks[0].words if test.checks else "no check"


def _last(name: str) -> str:
    return name.rpartition(".")[2]
