"""Runs the tests for one mutant after another: they are collected once, and each mutant lives in a child of its own.

    python reliability/forked.py REQUESTS ANSWERS TEST...     file descriptors to read from and write to

A mutant is written to its file, for whatever the tests start, and put into the functions that are loaded already.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import BinaryIO, Final

import msgspec
from refusals import Mutant, mutated

SECONDS: Final = 240.0
"""A mutant whose tests take longer hangs, which somebody would notice."""
UNSEEN, NOTICED, BROKEN, NOT_LOADED = 0, 1, 2, 3


class Asked(msgspec.Struct, frozen=True):
    """Run these tests on this mutant; `blind`: on the file as it is, so that none can notice anything."""

    mutant: Mutant
    tests: list[str]
    blind: bool


class Serving:
    """A process that has collected the tests of some files, and a copy of the package to change; started when asked."""

    def __init__(self, copy: Path, files: Sequence[str], root: Path) -> None:
        self._copy, self._files, self._root = copy, files, root
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self) -> None:
        requests, ours = os.pipe()
        answers, theirs = os.pipe()
        self._process = subprocess.Popen(
            (sys.executable, __file__, str(requests), str(theirs), str(self._copy / "phasegate"), *self._files),
            cwd=self._root, env=os.environ | {"PYTHONPATH": str(self._copy)}, pass_fds=(requests, theirs),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(requests)
        os.close(theirs)
        self._to, self._from = os.fdopen(ours, "wb"), os.fdopen(answers, "rb")

    def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            self._to.close()
            self._process.wait()
            self._from.close()

    def notices(self, mutant: Mutant, tests: Sequence[str], *, blind: bool) -> bool:
        """Whether one of the tests fails on the mutant."""
        if self._process is None:
            self._start()
        self._to.write(msgspec.json.encode(Asked(mutant, list(tests), blind)) + b"\n")
        self._to.flush()
        answer = self._from.readline().strip()
        if answer not in (b"%d" % UNSEEN, b"%d" % NOTICED):
            raise RuntimeError(f"the tests could not be run on {mutant.name}")
        return int(answer) == NOTICED


class Loop:
    """A plugin of pytest that runs no test by itself, and answers what it is asked for."""

    def __init__(self, package: Path, requests: BinaryIO, answers: BinaryIO) -> None:
        self._package, self._requests, self._answers = package, requests, answers
        self._written = int(time.time())

    def pytest_runtestloop(self, session: object) -> bool:
        for line in self._requests:
            asked = msgspec.json.decode(line, type=Asked)
            self._answers.write(b"%d\n" % self._came(session, asked))
            self._answers.flush()
        return True

    def _came(self, session: object, asked: Asked) -> int:
        file = self._package / asked.mutant.path
        whole = file.read_text(encoding="utf-8")
        text = whole if asked.blind else mutated(whole, asked.mutant)
        self._write(file, text)
        try:
            return self._in_a_child(session, asked, file, text)
        finally:
            self._write(file, whole)

    def _write(self, file: Path, text: str) -> None:
        """Python takes a compiled file for current by its second and size, so no two may have the same."""
        file.write_text(text, encoding="utf-8")
        self._written += 1
        os.utime(file, (self._written, self._written))

    def _in_a_child(self, session: object, asked: Asked, file: Path, text: str) -> int:
        child = os.fork()
        if not child:
            os.setsid()
            try:
                came = NOTICED if _put_in(file, text) and _fails(session, asked.tests) else UNSEEN
            except NotLoaded:
                came = NOT_LOADED
            except BaseException:
                traceback.print_exc()
                came = BROKEN
            os._exit(came)
        came = _waited_for(child)
        return _fails_elsewhere(asked.tests) if came == NOT_LOADED else came


class NotLoaded(Exception):
    """The mutant cannot be put into what is loaded."""


def _put_in(file: Path, text: str) -> bool:
    """Give every function of a file that is loaded the code it has in `text`."""
    new = dict(_codes(compile(text, str(file), "exec", dont_inherit=True)))
    for function in [each for each in gc.get_objects() if type(each) is FunctionType]:
        if function.__code__.co_filename == str(file):
            code = new.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
            if code is None or code.co_freevars != function.__code__.co_freevars:
                raise NotLoaded
            function.__code__ = code
    return True


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield (inner.co_qualname, inner.co_firstlineno), inner
            yield from _codes(inner)


def _fails(session: object, tests: Sequence[str]) -> bool:
    """Whether one of them fails; they are run in the order asked for, until one does."""
    import pytest

    assert isinstance(session, pytest.Session)
    wanted = {test: place for place, test in enumerate(tests)}
    chosen = [item for item in session.items if item.nodeid in wanted or item.nodeid.partition("::")[0] in wanted]
    assert chosen, f"none of {tests[:3]} was collected"
    chosen.sort(key=lambda item: wanted.get(item.nodeid, 0))
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return True
    return False


def _fails_elsewhere(tests: Sequence[str]) -> int:
    """The same in a process that loads the file from the disk."""
    words = (sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)
    try:
        return NOTICED if subprocess.run(words, capture_output=True, timeout=SECONDS).returncode else UNSEEN
    except subprocess.TimeoutExpired:
        return NOTICED


def _waited_for(child: int) -> int:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else NOTICED
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return NOTICED


def main() -> int:
    """Collect, and serve until nobody asks any more."""
    import pytest

    requests, answers, package, *tests = sys.argv[1:]
    with os.fdopen(int(requests), "rb") as asked, os.fdopen(int(answers), "wb") as told:
        words = ["-q", "-n", "0", "-p", "no:cacheprovider", *tests]
        return int(pytest.main(words, plugins=[Loop(Path(package), asked, told)]))


if __name__ == "__main__":
    sys.exit(main())
