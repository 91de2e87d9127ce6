"""Write the table of `docs/explanation/adoption.md` from the newest results, or `--check` that it is there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "adoption.md"
RESULTS = ROOT / "reliability" / "results" / "adoption.json"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = "| package | kind | outcome |\n|---|---|---|\n"


def main(arguments: list[str]) -> int:
    """Write or check; exit 1 when the page is not as the results say."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    wanted = f"{before}{BEGIN}\n{table(json.loads(RESULTS.read_text(encoding='utf-8')))}{END}{rest.partition(END)[2]}"
    if "--check" in arguments:
        if page != wanted:
            print(f"{PAGE.relative_to(ROOT)} is stale: run `python tools/adoption_table.py`.", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def table(results: dict[str, Any]) -> str:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
