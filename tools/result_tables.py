"""Write what harnesses found into the pages that tell of it, or `--check` that it is there as the results say."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "reliability" / "results"
BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
HEAD = "| package | kind | outcome |\n|---|---|---|\n"
FOUND = ("prevented", "put back", "gate", "verify")


def main(arguments: list[str]) -> int:
    """Write or check; exit 1 when a page is not as the results say."""
    write = "--check" not in arguments
    stale = [page for page, name, results, told in PASSAGES if _stale(ROOT / page, name, results, told, write=write)]
    for page in stale:
        print(f"{page} is stale: run `python tools/result_tables.py`.", file=sys.stderr)
    return int(bool(stale))


def _stale(page: Path, name: str, results: str, told: Callable[[dict[str, Any]], str], *, write: bool) -> bool:
    """Whether the passage between two marks has to be another; written where it may be."""
    found, text = RESULTS / results, page.read_text(encoding="utf-8")
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    passage = told(json.loads(found.read_text(encoding="utf-8")))
    wanted = f"{before}{begin}\n{passage}{end}{rest.partition(end)[2]}"
    if write:
        page.write_text(wanted, encoding="utf-8")
    return not write and text != wanted


# --- adoption ---------------------------------------------------------------------------------------------------------


def adopted(results: dict[str, Any]) -> str:
    """When and with what it was tried, and a row for each package."""
    outcomes = results["outcomes"]
    works = [each for each in outcomes if each["works"]]
    commits = sorted({each.get("commit", "") for each in outcomes})
    of = f"phasegate {results['phasegate']} ({', '.join(filter(None, commits)) or 'no commit'})"
    made = f"{of}, Python {results['python']}, {results['system']}, {results['date']}"
    said = (
        f"{made}: {len(works)} of {len(outcomes)} end in a working check, {len(outcomes) - len(works)} in a sentence."
    )
    return f"\n{said}\n\n{HEAD}{''.join(map(_row, outcomes))}\n"


def _row(outcome: dict[str, Any]) -> str:
    package = f"{outcome['name']} {outcome['version']} ({outcome['registry']})"
    return f"| {_plain(package)} | {_plain(outcome['kind'])} | {_plain(_came(outcome))} |\n"


def _came(outcome: dict[str, Any]) -> str:
    """What came of it, in a cell."""
    sentence = str(outcome.get("sentence", ""))
    if outcome.get("fault"):
        return f"A fault: {outcome['fault']}"
    if not outcome["works"]:
        return f"*Why not:* {sentence}"
    covered = f", {outcome['coverage']:.1f} % covered" if outcome.get("coverage") is not None else ""
    counts = f"{outcome['tests']} tests by {' and '.join(outcome['runners'])}, {outcome.get('red', 0)} red, "
    return f"{counts}{outcome.get('flaky', 0)} flaky{covered}. {sentence}".rstrip()


def _plain(text: str) -> str:
    """Text for a cell: it neither ends the cell nor begins markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


# --- evasion ----------------------------------------------------------------------------------------------------------


def score(record: dict[str, Any]) -> str:
    """The score of the corpus in one paragraph."""
    came = record["score"]
    scoped = came["cases"] - came["out_of_scope"]
    before = scoped - came["undetected_private"]
    at_last = scoped - came["undetected_reproduced"]
    cases, open_, refused = came["cases"], came["open_with_guards_off"], came["honest_refused"]
    lines = (
        f"On {record['date']} the corpus had {cases} cases, {scoped} of them in scope. Found before the phase closed:",
        f"{before}; by `phasegate verify` at the latest: {at_last}. Honest twins refused: {refused}. With no guards",
        f"{open_} of the {cases} attacks succeed.",
    )
    return "\n" + "\n".join(lines) + "\n\n"


def evaded(record: dict[str, Any]) -> str:
    """A row for each family, and one for each case."""
    results = record["results"]
    families = dict.fromkeys(each["family"] for each in results)
    rows = "".join(_family(name, [each for each in results if each["family"] == name]) for name in families)
    cases = "".join(
        f"| {_plain(each['family'])} | `{each['name']}` | {_plain(each['says'])} | {_plain(each['found'])} |\n"
        for each in results
    )
    heads = "".join(f" {found} |" for found in FOUND)
    return (
        f"{score(record)}| family | cases |{heads} not found | out of scope |\n|---|---|{'---|' * 6}\n{rows}\n"
        f"| family | case | the attack | found |\n|---|---|---|---|\n{cases}\n"
    )


def _family(name: str, results: list[dict[str, Any]]) -> str:
    scoped = [each for each in results if each["expected"] != "out of scope"]
    found = Counter(each["found"] for each in scoped)
    counts = "".join(f" {found[each]} |" for each in FOUND)
    missed = len(scoped) - sum(found[each] for each in FOUND)
    return f"| {_plain(name)} | {len(results)} |{counts} {missed} | {len(results) - len(scoped)} |\n"


PASSAGES: tuple[tuple[str, str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("docs/explanation/adoption.md", "table", "adoption.json", adopted),
    ("README.md", "score", "evasion.json", score),
    ("docs/explanation/evasion.md", "evaded", "evasion.json", evaded),
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
