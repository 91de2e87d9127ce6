"""Begin a gate: `just new-gate NAME` makes its file, its line in the catalogue and its test."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GATE = '''\
"""Open when ... (the sentence you would say to a newcomer)."""

from __future__ import annotations

from phasegate.gates.interface import Moment, Verdict, unknown


def gate(moment: Moment) -> Verdict:
    """Whether ..."""
    return unknown("nobody has written this gate yet", remedy="Write `src/phasegate/gates/{name}.py`.")
'''
TEST = '''\
"""The gate `{name}` says pass, fail and unknown for the reasons it gives."""

from __future__ import annotations

from phasegate.gates.catalog import ask
from phasegate.gates.interface import Moment
from phasegate.ledger.state import RunRecord, State
from phasegate.settings import Settings


def moment() -> Moment:
    run = RunRecord("run-1", "/repository", "start", "default", "implement", phase="1")
    return Moment(State(), run, Settings(), "subject")


def test_without_any_evidence_nobody_can_tell() -> None:
    (verdict,) = ask(["{name}"], moment())
    assert verdict.says == "unknown"
    assert verdict.reasons and verdict.remedy
'''


def begin(name: str, root: Path) -> list[Path]:
    """Make the three files of the gate `name` beneath `root` and return them; exits when the name will not do."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        sys.exit(f"{name!r} is no name for a gate. Write a claim in snake case, as `tests_ran`.")
    gate = root / "src/phasegate/gates" / f"{name}.py"
    catalogue = root / "src/phasegate/gates/catalog.py"
    test = root / "tests/gates" / f"test_{name}.py"
    for path in (gate, test):
        if path.exists():
            sys.exit(f"{path.relative_to(root)} is there already. Choose another name, or edit it.")
    catalogue.write_text(listed(catalogue.read_text(), name))
    gate.write_text(GATE.format(name=name))
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text(TEST.format(name=name))
    return [gate, catalogue, test]


def listed(catalogue: str, name: str) -> str:
    """The catalogue with an import of `name`, in the order of the alphabet, and a last line for it."""
    imports = re.search(r"from phasegate\.gates import \(\n((?:    \w+,\n)+)\)", catalogue)
    table = re.search(r"CATALOG[^{]*\{\n(?:    .+\n)+(?=\})", catalogue)
    if not imports or not table:
        sys.exit("src/phasegate/gates/catalog.py no longer looks as this command expects. Add the lines by hand.")
    lines = sorted([*imports[1].splitlines(keepends=True), f"    {name},\n"])
    with_row = catalogue[: table.end()] + f'    "{name}": {name}.gate,\n' + catalogue[table.end() :]
    return with_row[: imports.start(1)] + "".join(lines) + with_row[imports.end(1) :]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: just new-gate NAME")
    for made in begin(sys.argv[1], ROOT):
        print(made.relative_to(ROOT))
