"""From the frames of a JavaScript reporter to a TestRun: one outcome for each test, and whether all adds up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from phasegate.collectors import js_frames as wire
from phasegate.collectors.js_adds_up import why_incomplete
from phasegate.collectors.js_seen import Named, Seen, real
from phasegate.collectors.js_source import Source
from phasegate.collectors.js_why_red import Ours, Red, cause_of
from phasegate.evidence.tests import RED, Outcome, TestResult, TestRun

_MESSAGE_LIMIT = 500
_OUTCOMES: Mapping[str, Outcome] = {
    "passed": "passed", "failed": "failed", "skipped": "skipped", "todo": "skipped", "xfailed": "xfailed",
    "xpassed": "failed", "unrun": "error",
}  # fmt: skip


class _Judge(Struct, frozen=True):
    """Makes results of frames."""

    seen: Seen
    ours: Ours
    names: Mapping[str, Named]
    sources: dict[str, Source]

    def source(self, file: str) -> Source:
        """The text of a test file, read once."""
        if file not in self.sources:
            self.sources[file] = Source.of(os.path.join(self.seen.root, file))
        return self.sources[file]

    def result(self, frame: wire.Result, trouble: wire.Trouble | None) -> TestResult:
        """One test. What went wrong after it had ended (a hook that tidies up) speaks for it too."""
        named = self.names[frame.key]
        outcome = "error" if trouble else _OUTCOMES[frame.outcome]
        errors = trouble.errors if trouble else frame.errors
        error = errors[0] if errors else wire.Thrown()
        hook = frame.hook or bool(trouble and trouble.hook)
        red = Red(error, named.file, self.source, hook=hook, timeout=frame.timeout)
        cause = cause_of(red, self.ours) if outcome in RED and frame.outcome != "xpassed" else ""
        return TestResult(
            id=named.id,
            outcome="error" if outcome == "failed" and cause == "fixture" else outcome,
            cause=cause or ("other" if outcome in RED else ""),
            message=_message(error) if outcome in RED else "",
            file=named.file,
            line=self._line(error, named.file) or frame.line,
            seconds=round(frame.seconds, 6),
        )

    def of_file(self, file: str, error: wire.Thrown, *, loaded: bool, hook: bool) -> TestResult:
        """A file that could not be loaded, or whose own hooks failed."""
        name = self.seen.relative(file)
        red = Red(error, name, self.source, hook=hook or error.hook, loading=not loaded)
        return TestResult(
            id=name, outcome="error", cause=cause_of(red, self.ours), message=_message(error), file=name,
            line=self._line(error, name), uncollected=not loaded,
        )  # fmt: skip

    def _line(self, error: wire.Thrown, file: str) -> int:
        """Where the test's own file went wrong."""
        place = real(os.path.join(self.seen.root, file))
        return next((line for path, line in error.frames if real(path) == place), 0)


def as_test_run(seen: Seen, ours: Ours) -> TestRun:
    """The run as evidence; whatever does not add up makes it incomplete, with the reason."""
    names = seen.names()
    judge = _Judge(seen, ours, names, {})
    results = tuple(_once(_results(judge)))
    why = why_incomplete(seen, names, results)
    left_out = _deselected(judge)
    start = seen.only(wire.Start)
    return TestRun(
        runner=f"{start.tool} {start.version}".strip() if start else seen.tool,
        command=seen.command,
        exit_code=seen.ended.exit_code,
        complete=not why,
        why_incomplete=why,
        results=results,
        collected=len(names),
        deselected=len(left_out),
        python="",
        root=seen.root,
        foreign=tuple(result.id for result in results if result.file.startswith(("../", "/"))),
        notes=(*seen.notes, *_notes(seen, names, left_out)),
    )


def _results(judge: _Judge) -> Iterator[TestResult]:
    seen = judge.seen
    after = {frame.key: frame for frame in seen.of(wire.Trouble) if frame.key}
    ended = {frame.key: frame for frame in seen.of(wire.Result) if frame.key in judge.names}
    for key in judge.names:
        if key in ended:
            yield judge.result(ended[key], after.get(key))
    for over in seen.of(wire.Finish):
        if over.errors:
            died = seen.uncaught.get(real(over.file))
            loaded = any(named.file == seen.relative(over.file) for named in judge.names.values())
            yield judge.of_file(over.file, died or over.errors[0], loaded=loaded, hook=loaded)
    for trouble in seen.of(wire.Trouble):
        if trouble.file and trouble.errors and not trouble.key:
            yield judge.of_file(trouble.file, trouble.errors[0], loaded=True, hook=trouble.hook)
    yield from _unfinished(judge, ended)


def _unfinished(judge: _Judge, ended: Mapping[str, wire.Result]) -> Iterator[TestResult]:
    """The tests that were running when the tool died."""
    over = judge.seen.ended.timed_out
    for frame in judge.seen.of(wire.Enter):
        if frame.key in judge.names and frame.key not in ended:
            named = judge.names[frame.key]
            why = "was running when the time was over" if over else "was running when the runner died"
            yield TestResult(named.id, "error", "timeout" if over else "other", why, file=named.file)


def _once(results: Iterator[TestResult]) -> Iterator[TestResult]:
    """One result for each id: a file can fail in several hooks."""
    seen: set[str] = set()
    for result in results:
        if result.id not in seen:
            seen.add(result.id)
            yield result


def _deselected(judge: _Judge) -> tuple[str, ...]:
    """The tests left out because others were chosen; where the tool does not say so, its file does."""
    found = []
    for frame in judge.seen.of(wire.Result):
        named = judge.names.get(frame.key)
        if named is None or frame.outcome != "skipped":
            continue
        if frame.deselected or judge.source(named.file).focuses:
            found.append(named.id)
    return tuple(found)


def _notes(seen: Seen, names: Mapping[str, Named], left_out: Sequence[str]) -> Iterator[str]:
    if left_out:
        yield f"{len(left_out)} tests were left out because others were chosen (.only), the first is {left_out[0]}"
    again = [names[frame.key].id for frame in seen.of(wire.Result) if frame.tries > 1 and frame.key in names]
    if again:
        yield f"{len(again)} tests were tried again after failing, the first is {again[0]}"
    for frame in seen.of(wire.Trouble):
        if not frame.file and not frame.key and frame.errors:
            yield f"an error outside of any test: {_message(frame.errors[0])}"


def _message(error: wire.Thrown) -> str:
    said = error.message.strip()
    named = f"{error.name}: {said}" if error.name not in ("", "Error") and not said.startswith(error.name) else said
    return named[:_MESSAGE_LIMIT].strip()
