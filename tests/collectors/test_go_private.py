"""Private runs of Go on a module that is red: what bends the run makes no pass, its honest twin does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from phasegate.evidence.tests import TestRun
from phasegate.settings import Tests
from tests.collectors.conftest import write
from tests.collectors.dialects.go import GO, MODULE
from tests.collectors.privately import Private

MARK = r"\x16"
HEAD = (
    'package shop\n\nimport (\n\t"fmt"\n\t"os"\n\t"testing"\n)\n\nvar _ = []any{fmt.Print, os.Exit, testing.Short}\n\n'
)
TEST = "func TestPrice(t *testing.T) {\n\tif Price(1) != 2 {\n\t\tt.Fatal(Price(1))\n\t}\n}\n"
PASSES = f'fmt.Print("{MARK}=== RUN   TestPrice\\n{MARK}--- PASS: TestPrice (0.00s)\\n{MARK}PASS\\n")'
BENDS: Mapping[str, tuple[str, str]] = {
    "a main that prints passes": (
        f"func TestMain(m *testing.M) {{ {PASSES}; os.Exit(0) }}\n",
        "func TestMain(m *testing.M) { os.Exit(m.Run()) }\n",
    ),
    "an end in init": (f"func init() {{ {PASSES}; os.Exit(0) }}\n", 'func init() { os.Setenv("SHOP", "1") }\n'),
    "a main that runs and exits with 0": (
        "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }\n", "func TestMain(m *testing.M) { os.Exit(m.Run()) }\n",
    ),
}  # fmt: skip


def play(tmp_path: Path, around: str, factor: int) -> TestRun:
    files = {
        "go.mod": MODULE, "shop.go": f"package shop\n\nfunc Price(n int) int {{ return n * {factor} }}\n",
        "shop_test.go": HEAD + TEST, "main_test.go": HEAD.replace("var _", "var main") + around,
    }  # fmt: skip
    root = write(tmp_path / "project", files)
    run = Private(root, tmp_path / "private").run(
        Tests(runner="go", command=(GO, "test", "./..."), source_roots=(".",))
    )
    return run.tests


@pytest.mark.parametrize("name", BENDS)
def test_what_bends_a_run_makes_no_pass_and_its_honest_twin_does(name: str, tmp_path: Path) -> None:
    attack, twin = BENDS[name]
    bent = play(tmp_path / "bent", attack, 3)
    assert not bent.all_green and (bent.red or bent.why_incomplete), bent
    honest = play(tmp_path / "honest", twin, 2)
    assert honest.all_green, honest
    assert [(level.level, level.layers[0].name) for level in honest.levels] == [("private", "frames")]


def test_variables_of_whoever_starts_it_and_programs_within_the_project_say_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "project/bin/go"
    write(tmp_path / "project", {"bin/go": "#!/bin/sh\nexit 0\n"})
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{Path(GO).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GOFLAGS", "-run=Nothing")
    monkeypatch.setenv("GOWORK", "/nowhere/go.work")
    files = {"go.mod": MODULE, "shop.go": "package shop\n\nfunc Price(n int) int { return n * 3 }\n",
             "shop_test.go": HEAD + TEST}  # fmt: skip
    root = write(tmp_path / "project", files)
    seen = Private(root, tmp_path / "private").run(Tests(runner="go", source_roots=(".",))).tests
    assert seen.red == (".::TestPrice",) and seen.complete, seen
