"""govulncheck: as the real program against a database here where it is installed, and by what it wrote there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from phasegate.collectors.scanners import govulncheck
from phasegate.collectors.scanners.interface import Asked, Looked, ToolSaysNothing, by
from phasegate.dependencies.packages import locked

real = pytest.mark.skipif(
    shutil.which("govulncheck") is None,
    reason="NOT TESTED: govulncheck is missing: `go install golang.org/x/vuln/cmd/govulncheck@v1.6.0`",
)
WRITTEN = Path(__file__).parent / "data" / "govulncheck" / "1.6.0.json"
"""What it wrote of `WEB`, whose code calls the hole; built from the source of v1.6.0, it calls itself v0.0.0."""

ID, DAY = "GO-2026-0001", "2026-11-01T00:00:00Z"
HOLE = {
    "schema_version": "1.3.1",
    "id": ID,
    "modified": DAY,
    "published": DAY,
    "aliases": ["CVE-2026-1"],
    "summary": "it leaks",
    "details": "it leaks",
    "affected": [
        {
            "package": {"name": "example.com/shop", "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}],
            "ecosystem_specific": {"imports": [{"path": "example.com/shop", "symbols": ["Buy"]}]},
        }
    ],
}
WEB = {
    "go.mod": "module example.com/web\n\ngo 1.22\n\nrequire example.com/shop v1.2.0\n",
    "vendor/modules.txt": "# example.com/shop v1.2.0\n## explicit; go 1.22\nexample.com/shop\n",
    "vendor/example.com/shop/shop.go": "package shop\n\nfunc Buy() int { return 1 }\n\nfunc Look() int { return 2 }\n",
    "main.go": 'package main\n\nimport "example.com/shop"\n\nfunc main() { println(shop.Buy()) }\n',
}
DATABASE = {
    f"ID/{ID}.json": json.dumps(HOLE),
    "index/db.json": json.dumps({"modified": DAY}),
    "index/modules.json": json.dumps(
        [{"path": "example.com/shop", "vulns": [{"id": ID, "modified": DAY, "fixed": "1.3.0"}]}]
    ),
}


def laid_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def ask(tmp_path: Path, **changes: str) -> Looked:
    root = laid_out(tmp_path / "web", WEB | {name.replace("_", "."): text for name, text in changes.items()})
    database = laid_out(tmp_path / "advisories", DATABASE)
    (tmp_path / "scratch").mkdir()
    asked = Asked(str(root), (), str(tmp_path / "scratch"), 100.0, lambda said: None)
    args = ("-db", database.as_uri())
    return by(lambda to: govulncheck.audit(to, {"go.mod": locked([])}, args), asked)


@real
def test_the_real_program_tells_a_hole_that_the_code_calls(tmp_path: Path) -> None:
    looked = ask(tmp_path)
    assert looked.why_unknown == ()
    assert looked.findings == govulncheck.read(WRITTEN.read_bytes(), "go.mod").findings


@real
def test_the_real_program_tells_a_hole_that_the_code_only_carries(tmp_path: Path) -> None:
    [found] = ask(tmp_path, main_go=WEB["main.go"].replace("Buy", "Look")).findings
    assert (found.severity, found.advisory) == ("low", "CVE-2026-1") and "no call of it" in found.message


@real
@pytest.mark.parametrize("main_go", ["package main\nfunc", "//go:build plan9\n\npackage main\n"])
def test_code_that_the_real_program_cannot_build_is_unknown(tmp_path: Path, main_go: str) -> None:
    looked = ask(tmp_path, main_go=main_go)
    assert not looked.findings and "govulncheck ended with" in looked.why_unknown[0]


def test_what_the_real_program_wrote_is_read() -> None:
    looked = govulncheck.read(WRITTEN.read_bytes(), "go.mod")
    [found] = looked.findings
    assert (found.advisory, found.aliases, found.severity) == ("CVE-2026-1", (ID,), "high")
    assert (found.package, found.path) == ("example.com/shop 1.2.0", "go.mod")
    assert "called: example.com/shop.Buy; mended in v1.3.0" in found.message
    assert f"advisories of {DAY}" in looked.tools[0]


STREAM = """
{"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck", "scanner_version": "v1.1.4",
            "db": "https://vuln.go.dev", "db_last_modified": "2026-11-20T00:00:00Z", "scan_level": "symbol"}}
{"progress": {"message": "Scanning your code and 40 packages"}}
{"osv": {"schema_version": "1.3.1", "id": "GO-2022-0969", "modified": "2026-01-01T00:00:00Z",
         "aliases": ["CVE-2022-27664", "GHSA-69cg-p879-7622"], "summary": "Denial of service in net/http"}}
{"finding": {"osv": "GO-2022-0969", "fixed_version": "v0.0.1",
             "trace": [{"module": "golang.org/x/net", "version": "v0.0.0"}]}}
{"finding": {"osv": "GO-2022-0969", "fixed_version": "v0.0.1", "trace": [
    {"module": "golang.org/x/net", "version": "v0.0.0", "package": "golang.org/x/net/http2", "function": "ServeConn"},
    {"module": "shop", "package": "shop", "function": "main"}]}}
{"osv": {"id": "GO-2021-0113", "aliases": []}}
{"finding": {"osv": "GO-2021-0113", "trace": [{"module": "golang.org/x/text", "version": "v0.3.5"}]}}
"""


def test_govulncheck_tells_what_the_code_reaches_from_what_it_only_carries() -> None:
    looked = govulncheck.read(STREAM.encode(), "go.mod")
    called, carried = looked.findings
    assert (called.advisory, called.severity, called.package) == ("CVE-2022-27664", "high", "golang.org/x/net 0.0.0")
    assert "called: golang.org/x/net/http2.ServeConn" in called.message and "GO-2022-0969" in called.aliases
    assert (carried.advisory, carried.severity) == ("GO-2021-0113", "low")
    assert looked.tools == ("govulncheck v1.1.4 (advisories of 2026-11-20T00:00:00Z)",)


@pytest.mark.parametrize(
    "stream", ["", "{", "[]", STREAM[: len(STREAM) // 2], STREAM.replace("v1.0.0", "v2.0.0"), "{}", "3"]
)
def test_a_stream_that_is_cut_or_of_another_version_says_nothing(stream: str) -> None:
    with pytest.raises(ToolSaysNothing):
        govulncheck.read(stream.encode(), "go.mod")
