"""A small report in every format, of source files with twenty lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

SOURCE = "".join(f"line {number}\n" for number in range(1, 21))
SPAN = {"start": {"line": 1, "column": 0}, "end": {"line": 2, "column": None}}
FINAL = {
    "path": "src/a.ts",
    "statementMap": {"0": SPAN, "1": SPAN},
    "s": {"0": 1, "1": 0},
    "fnMap": {},
    "f": {},
    "branchMap": {"0": {"loc": SPAN, "locations": [SPAN, {"start": {}, "end": {}}]}},
    "b": {"0": [3, 0]},
}
SUM = {"total": 4, "covered": 3, "skipped": 0, "pct": 75}
SUMS = dict.fromkeys(("lines", "statements", "functions", "branches"), SUM)
COBERTURA = """<?xml version="1.0"?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage line-rate="0.5" lines-valid="2"><sources><source>src</source></sources><packages><package><classes>
<class name="a" filename="a.ts"><methods/><lines><line number="1" hits="1"/>
<line number="2" hits="0" branch="true" condition-coverage="50% (1/2)"/></lines></class>
</classes></package></packages></coverage>"""
JACOCO = """<?xml version="1.0"?><!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
<report name="x"><group name="one"><package name="shop"><class name="shop/A" sourcefilename="A.java">
<method name="of" desc="()V" line="1"><counter type="METHOD" missed="0" covered="1"/></method></class>
<sourcefile name="A.java"><line nr="1" mi="0" ci="2" mb="1" cb="1"/><line nr="2" mi="1" ci="0" mb="0" cb="0"/>
<counter type="LINE" missed="1" covered="1"/><counter type="BRANCH" missed="1" covered="1"/>
<counter type="METHOD" missed="0" covered="1"/></sourcefile></package></group></report>"""
SAMPLES = {
    "coverage.py JSON": json.dumps({"meta": {"version": "7"}, "files": {"src/a.ts": {"executed_lines": [1]}}}),
    "istanbul": json.dumps({"src/a.ts": FINAL}),
    "istanbul summary": json.dumps({"total": SUMS, "src/a.ts": SUMS}),
    "Go cover profile": "mode: set\nexample.com/x/a.go:1.1,2.3 2 1\n",
    "lcov": "TN:\nSF:src/a.ts\nFN:1,f\nFNDA:2,f\nBRDA:1,0,0,-\nDA:1,1\nDA:2,0\nend_of_record\n",
    "Cobertura": COBERTURA,
    "JaCoCo": JACOCO,
}


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Lay out `files` below `root`."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"))
    return root
