"""What a project may hand to the programs that look packages up: where they ask, and nothing that hides a hole."""

from __future__ import annotations

import pytest

from phasegate.dependencies.audit_arguments import refused


@pytest.mark.parametrize(
    ("program", "args"),
    [
        ("pip-audit", ("--ignore-vuln", "CVE-2026-1")),
        ("pip-audit", ("--ignore-v=CVE-2026-1",)),
        ("pip-audit", ("--skip-editable",)),
        ("pip-audit", ("-s", "--ignore-vuln")),
        ("pip-audit", ("-sosv", "-o/tmp/x")),
        ("pip-audit", ("-r", "empty.txt")),
        ("pip-audit", ("--timeout",)),
        ("npm-audit", ("--omit=dev",)),
        ("npm-audit", ("fix",)),
        ("npm-audit", ("--registry", "http://x", "--", "signatures")),
        ("npm-audit", ("--no-audit",)),
        ("govulncheck", ("-mode=binary",)),
        ("govulncheck", ("-scan", "module")),
        ("govulncheck", ("-C", "/empty")),
        ("govulncheck", ("./internal",)),
        ("govulncheck", ("-test=false",)),
        ("osv", ("--anything",)),
    ],
)
def test_what_may_hide_a_hole_is_refused(program: str, args: tuple[str, ...]) -> None:
    assert refused(program, args)


@pytest.mark.parametrize(
    ("program", "args"),
    [
        ("pip-audit", ("-s", "osv", "--osv-url", "http://localhost/osv", "--timeout=60")),
        ("npm-audit", ("--registry", "http://localhost", "--fetch-timeout=1000")),
        ("govulncheck", ("-db", "file:///advisories", "-test")),
        ("osv", ()),
    ],
)
def test_where_it_asks_is_the_projects_choice(program: str, args: tuple[str, ...]) -> None:
    assert not refused(program, args)
