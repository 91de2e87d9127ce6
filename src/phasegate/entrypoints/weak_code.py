"""Looks for weak code: ruff, bandit, and whatever writes SARIF, over the languages that are in the tree."""

from __future__ import annotations

import functools
import os
import re
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence

from phasegate.adoption.languages import of_file
from phasegate.collectors.scanners import sarif_tool
from phasegate.collectors.scanners.catalog import LANGUAGES, scanner
from phasegate.collectors.scanners.interface import Asked, Say, by, together
from phasegate.collectors.scanners.python_rules import FINE_IN_TESTS, without_doubles
from phasegate.errors import Failure
from phasegate.evidence.findings import Finding, FindingsSeen, fingerprinted, seen
from phasegate.gates.interface import some
from phasegate.settings import SarifReport, Settings
from phasegate.wiring import RealDesk
from phasegate.workspace import files, listing

LARGEST = 16 << 20
"""Bytes of a file whose lines are looked up."""

INTERPRETER = re.compile(
    rb"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?(python|pypy|bash|sh|dash|zsh|node|ruby|perl|php)"
)
RUNS: Mapping[bytes, str] = {
    b"python": "Python", b"pypy": "Python", b"node": "JavaScript", b"ruby": "Ruby", b"perl": "Perl", b"php": "PHP",
}  # fmt: skip


def weak_code(desk: RealDesk, say: Say, *, also: Sequence[SarifReport] = ()) -> FindingsSeen:
    """What every program of the settings, and the reports in `also`, say of the code in the tree."""
    settings, root = desk.settings.sast, desk.worktree
    code, outside = written_in(root, listing.paths(desk.project.where))
    outside += listing.unnameable(desk.project.where)
    with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
        looks = []
        for tool in settings.tools:
            paths = [path for language in LANGUAGES[tool] for path in code.get(language, ())]
            if paths:
                say(f"{tool} looks at {len(paths)} files")
                looks.append(by(scanner(tool), Asked(root, paths, scratch, settings.timeout_seconds, say)))
        for report in (*settings.reports, *also):
            say(f"reading what {(report.command or (report.file,))[0]} says")
            asked = Asked(root, (), scratch, report.timeout_seconds, say)
            looks.append(by(functools.partial(sarif_tool.scan, named=report), asked))
    looked = without_doubles(together(looks))
    ignored = _not_looked_at(code, settings.tools, settings.reports)
    kept = (each for each in looked.findings if not _is_fine(each, desk.settings))
    found = fingerprinted(kept, lines_of(root))
    return seen(
        "sast", sum(map(len, code.values())), found, (*looked.unread, *outside),
        why_unknown=(*looked.why_unknown, *_why(ignored, settings.not_examined)), tools=looked.tools,
        least=settings.fails_from, notes=looked.notes + _told(ignored),
    )  # fmt: skip


def written_in(root: str, paths: Sequence[str]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """The files of code by their language, and the links that lead out of the root; links within it are passed by."""
    code: dict[str, list[str]] = {}
    outside = []
    for path in paths:
        status = files.state_of(root, path)
        if status is None or not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            continue
        language = "Jupyter" if path.endswith(".ipynb") else of_file(path) or _by_first_line(root, path, status)
        if not language:
            continue
        if stat.S_ISREG(status.st_mode):
            code.setdefault(language, []).append(path)
        elif files.contained(root, path) is None:
            outside.append(path)
    return code, tuple(outside)


def _by_first_line(root: str, path: str, status: os.stat_result) -> str:
    """The language of a file that says with which program to run it."""
    if "." in os.path.basename(path) or not stat.S_ISREG(status.st_mode):
        return ""
    head = files.head(root, path, 200)
    found = INTERPRETER.match(head[1]) if head else None
    return RUNS.get(found[1], "Shell") if found else ""


def _is_fine(finding: Finding, settings: Settings) -> bool:
    return finding.rule in FINE_IN_TESTS and settings.class_of(finding.path) == "tests"


def _not_looked_at(
    code: Mapping[str, Sequence[str]], tools: Sequence[str], reports: Sequence[SarifReport]
) -> dict[str, int]:
    """How many files there are of each language that nothing reads."""
    read = {language.lower() for tool in tools for language in LANGUAGES[tool]}  # type: ignore[index]
    read |= {language.lower() for report in reports if report.command for language in report.languages}
    return {language: len(paths) for language, paths in sorted(code.items()) if language.lower() not in read}


def _why(ignored: Mapping[str, int], accepted: Sequence[str]) -> tuple[str, ...]:
    fine = {each.lower() for each in accepted}
    left = [f"{language} ({number} files)" for language, number in ignored.items() if language.lower() not in fine]
    if not left:
        return ()
    return (
        f"nothing looked at {some(left)}: name a scanner that writes SARIF under `[[sast.reports]]`, or accept that in "
        "`[sast] not_examined`",
    )


def _told(ignored: Mapping[str, int]) -> tuple[str, ...]:
    left = [f"{language} ({number} files)" for language, number in ignored.items()]
    return (f"not examined: {some(left, 20)}",) if left else ()


def lines_of(root: str) -> Callable[[str, int], str]:
    """What gives a line (from 1) of a file below `root`; "" where there is none."""

    @functools.lru_cache(maxsize=4)
    def lines(path: str) -> list[str]:
        try:
            return files.read_capped(root, path, LARGEST).decode(errors="replace").split("\n")
        except Failure:
            return []

    def line_of(path: str, number: int) -> str:
        found = lines(path) if number > 0 and path else []
        return found[number - 1] if number <= len(found) and found else ""

    return line_of
