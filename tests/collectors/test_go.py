"""Real runs of Go: why a test is red, what a crash keeps from running, and what a lying test achieves: nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from phasegate.collectors import go_test
from phasegate.collectors.go_packages import words_of
from phasegate.collectors.interface import Ask, NoTestCommand, SuiteRun, TestCommandNotStarted
from phasegate.evidence.tests import TestResult
from tests.collectors.conftest import write
from tests.collectors.dialects.go import GO, MODULE, SHOP

TEST = 'package shop\nimport ({imports}; "testing")\n'
Runs = Callable[..., SuiteRun]


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    def run_project(
        files: Mapping[str, str], *args: str, seconds: float = 100, measure: bool = False, env: Mapping[str, str] = {}
    ) -> SuiteRun:
        root = write(tmp_path / "project", {"go.mod": MODULE, "shop.go": SHOP, **files})
        return go_test.run(
            Ask(
                root=str(root), command=(GO, "test", "./..."), args=args, scratch=str(tmp_path / "scratch"),
                timeout_seconds=seconds, measure=measure, env=env,
            )
        )  # fmt: skip

    return run_project


def code(*lines: str, imports: str = '_ "fmt"') -> str:
    return TEST.format(imports=imports) + "".join(f"{line}\n" for line in lines)


def said(seen: SuiteRun) -> dict[str, tuple[str, str]]:
    return {result.id: (result.outcome, result.cause) for result in seen.tests.results}


def only(seen: SuiteRun, id: str) -> TestResult:
    (result,) = [result for result in seen.tests.results if result.id == id]
    return result


def test_subtests_examples_and_fuzz_seeds_have_results_of_their_own(run: Runs) -> None:
    body = code(
        'func TestEach(t *testing.T) {\nt.Run("a b", func(*testing.T) {})\n'
        't.Run("c", func(t *testing.T) { t.Fail() })\n}',
        "func FuzzPrice(f *testing.F) { f.Add(1); f.Fuzz(func(t *testing.T, n int) { Price(n) }) }",
        "func ExamplePrice() {\n fmt.Println(Price(1))\n // Output: 2\n}",
        "func TestUnnamed(*testing.T) {}",
        "func TestBlank(_ *testing.T) {}",
        imports='"fmt"',
    )
    seen = run({"shop_test.go": body})
    assert seen.tests.complete, seen.tests.why_incomplete
    assert said(seen) == {
        ".::TestEach": ("failed", "assertion"), ".::TestEach/a_b": ("passed", ""),
        ".::TestEach/c": ("failed", "assertion"), ".::FuzzPrice": ("passed", ""),
        ".::FuzzPrice/seed#0": ("passed", ""), ".::ExamplePrice": ("passed", ""),
        ".::TestUnnamed": ("passed", ""), ".::TestBlank": ("passed", ""),
    }  # fmt: skip


def test_a_red_result_names_file_line_and_reason(run: Runs) -> None:
    seen = run({"shop_test.go": code("func TestA(t *testing.T) {", '\tt.Error("want 3")', "}")})
    red = only(seen, ".::TestA")
    assert (red.file, red.line, red.message) == ("shop_test.go", 4, "shop_test.go:4: want 3")


def test_what_a_crash_kept_from_running_is_run_after_it(run: Runs) -> None:
    body = code(
        "func TestA(t *testing.T) { Careless(nil) }",
        "func TestB(t *testing.T) { go func() { Careless(nil) }(); select {} }",
        "func TestC(t *testing.T) { t.Parallel() }",
        "func TestD(t *testing.T) { t.Fatal() }",
    )
    seen = run({"shop_test.go": body})
    assert seen.tests.complete, seen.tests.why_incomplete
    assert said(seen) == {
        ".::TestA": ("failed", "raised_by_code"), ".::TestB": ("failed", "raised_by_code"),
        ".::TestC": ("passed", ""), ".::TestD": ("failed", "assertion"),
    }  # fmt: skip
    assert "TestA of example.com/shop crashed" in seen.tests.notes[-2]


ASKS = {
    "shop.Refund(1)": "missing_name",
    "var b shop.Basket; _ = b": "missing_name",
    "shop.Price()": "missing_name",
    "a, b := shop.Price(1); _, _ = a, b": "missing_name",
    "shop.Stock{}.Count()": "missing_name",
    "_ = shop.Stock{Size: 1}": "missing_name",
    "Refund(1)": "other",
    "fmt.Nothing()": "other",
    "return 1": "other",
    "x := 1": "other",
    "shop.Refund(1); return 1": "other",
    "if {": "syntax_of_test",
}


@pytest.mark.parametrize("line", ASKS)
def test_a_test_that_cannot_be_built_is_red_for_what_the_code_lacks_or_by_its_own_fault(run: Runs, line: str) -> None:
    body = f'package shop_test\n\nimport (\n"fmt"\n"testing"\n"example.com/shop"\n)\nvar _ = fmt.Sprint(shop.Price)\n' \
        f"func TestA(t *testing.T) {{\n{line}\n}}\nfunc TestB(t *testing.T) {{}}\n"  # fmt: skip
    seen = run({"more.go": "package shop\n\ntype Stock struct{}\n", "shop_test.go": body})
    assert {*said(seen).values()} == {("error", ASKS[line])}
    assert ".::TestB" in said(seen) or line == "if {"
    assert all(result.uncollected for result in seen.tests.results) and seen.tests.complete
    assert only(seen, ".::TestA").file == "shop_test.go" and only(seen, ".::TestA").line >= 10


INSIDE = {
    "Refund(1)": "missing_name",
    "_ = Basket{}": "missing_name",
    "x = 1": "other",
    "helper.more()": "other",
    "_ = made{}.Size": "other",
}


@pytest.mark.parametrize("line", INSIDE)
def test_a_name_that_test_code_lacks_is_no_fault_of_the_code(run: Runs, line: str) -> None:
    body = code("type made struct{}", "var helper made", f"func TestA(t *testing.T) {{\n{line}\n}}")
    assert said(run({"shop_test.go": body})) == {".::TestA": ("error", INSIDE[line])}


def test_a_package_that_is_not_there_is_lacking_when_it_would_be_ours(run: Runs) -> None:
    for path, cause in (("example.com/shop/basket", "missing_name"), ("strings/nowhere", "import_of_test")):
        seen = run({"shop_test.go": code("func TestA(t *testing.T) {}", imports=f'_ "{path}"')})
        assert said(seen) == {".::TestA": ("error", cause)}, path


def test_code_that_cannot_be_built_says_nothing_about_the_tests(run: Runs) -> None:
    seen = run(
        {"shop.go": "package shop\nfunc Price() { return 1 }", "shop_test.go": code("func TestA(t *testing.T) {}")}
    )
    assert said(seen) == {".::TestA": ("error", "collection")} and only(seen, ".::TestA").file == "shop.go"


def test_a_module_that_is_not_here_is_named_with_what_fetches_it(run: Runs) -> None:
    mod = MODULE + "require example.org/far v1.2.3\n"
    total = "example.org/far v1.2.3 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" \
        "example.org/far v1.2.3/go.mod h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"  # fmt: skip
    files = {"go.mod": mod, "go.sum": total}
    seen = run({**files, "shop_test.go": code("func TestA(t *testing.T) {}", imports='_ "example.org/far"')})
    assert not seen.tests.complete
    assert "example.org/far" in seen.tests.why_incomplete and "go mod download" in seen.tests.why_incomplete


def test_a_race_that_is_only_selected_away_is_counted_as_deselected(run: Runs) -> None:
    body = code("func TestA(t *testing.T) {}", "func TestB(t *testing.T) { t.Fatal() }")
    seen = run({"shop_test.go": body}, "-run", "TestA").tests
    assert seen.all_green and seen.deselected == 1


def test_tests_behind_a_build_tag_are_listed_when_the_tag_is_given(run: Runs) -> None:
    files = {"shop_test.go": code("func TestA(t *testing.T) {}"),
             "slow_test.go": "//go:build slow\n\n" + code("func TestSlow(t *testing.T) {}")}  # fmt: skip
    assert run(files).tests.green == (".::TestA",)
    assert run(files, "-tags=slow").tests.green == (".::TestA", ".::TestSlow")


def test_a_helper_process_that_a_test_starts_says_nothing(run: Runs) -> None:
    body = code(
        'func TestA(t *testing.T) {\nerr := exec.Command(os.Args[0], "-test.run=TestHelper").Run()\n'
        "if err != nil { t.Fatal(err) } }",
        "func TestHelper(t *testing.T) {}",
        imports='"os"; "os/exec"',
    )
    assert run({"shop_test.go": body}).tests.all_green


# -- lies --------------------------------------------------------------------------------------------------------------

MARK = r"\x16"
LIES = {
    "an event of its own": 'fmt.Println(`{"Action":"pass","Package":"example.com/shop","Test":"TestB"}`)',
    "the words of a pass": 'fmt.Println("--- PASS: TestB (0.00s)")',
    "the marks of a pass of another": rf'fmt.Print("{MARK}=== RUN   TestB\n{MARK}--- PASS: TestB (0.00s)\n")',
    "its own pass, and an end": rf'fmt.Print("{MARK}--- PASS: TestA (0.00s)\nPASS\n"); syscall.Exit(0)',
    "all passes, and an end": rf'fmt.Print("{MARK}--- PASS: TestA (0.00s)\n{MARK}=== RUN   TestB\n'
    rf'{MARK}--- PASS: TestB (0.00s)\n{MARK}PASS\n"); syscall.Exit(0)',
    "a silent end": "syscall.Exit(0)",
    "an exit": "os.Exit(0)",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_test_that_prints_what_it_likes_hides_no_red_one(run: Runs, lie: str) -> None:
    imports = '"fmt"; "os"; "syscall"'
    body = code(
        "var _ = []any{fmt.Print, os.Exit, syscall.Exit}",
        f"func TestA(t *testing.T) {{ {LIES[lie]} }}", "func TestB(t *testing.T) { t.Fatal() }", imports=imports,
    )  # fmt: skip
    seen = run({"shop_test.go": body}).tests
    assert not seen.all_green and seen.red + ((seen.why_incomplete,) if seen.why_incomplete else ())
    assert ".::TestB" not in seen.green


MAINS = {
    "it exits before": "os.Exit(0)",
    "it exits with 0 after": "m.Run(); os.Exit(0)",
    "it prints passes": rf'fmt.Print("{MARK}=== RUN   TestA\n{MARK}--- PASS: TestA (0.00s)\n{MARK}PASS\n"); os.Exit(0)',
    "it prints passes and runs none": 'flag.Set("test.run", "^$"); fmt.Print("'
    rf'{MARK}=== RUN   TestA\n{MARK}--- PASS: TestA (0.00s)\n"); os.Exit(m.Run())',
    "it fails": "m.Run(); os.Exit(1)",
    "it panics": 'panic("no database")',
}


@pytest.mark.parametrize("main", MAINS)
def test_a_main_that_exits_as_it_likes_makes_no_pass(run: Runs, main: str) -> None:
    red = "" if main == "it fails" else "t.Fatal()"
    body = code(
        "var _ = []any{fmt.Print, os.Exit, flag.Set}",
        f"func TestMain(m *testing.M) {{ {MAINS[main]} }}", f"func TestA(t *testing.T) {{ {red} }}",
        imports='"flag"; "fmt"; "os"',
    )  # fmt: skip
    seen = run({"shop_test.go": body}).tests
    assert not seen.all_green
    assert main in ("it prints passes",) or not seen.complete, seen


def test_a_skip_that_follows_a_failure_is_red(run: Runs) -> None:
    seen = run({"shop_test.go": code('func TestA(t *testing.T) { t.Error("no"); t.SkipNow() }')}).tests
    assert seen.red == (".::TestA",)


def test_an_environment_cannot_bend_a_run(run: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "goenv").write_text("GOFLAGS=-run=TestA\n")
    monkeypatch.setenv("GOFLAGS", "-run=TestA")
    monkeypatch.setenv("GOENV", str(tmp_path / "goenv"))
    body = code("func TestA(t *testing.T) {}", "func TestB(t *testing.T) { t.Fatal() }")
    assert run({"shop_test.go": body}).tests.red == (".::TestB",)


def test_a_module_where_go_keeps_its_own_files_is_told_of_in_the_words_of_go(
    run: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOPATH", str(tmp_path / "project"))
    seen = run({"shop_test.go": code("func TestA(t *testing.T) {}")})
    assert seen.tests.complete or "go.mod" in seen.tests.why_incomplete, seen.tests.why_incomplete


# -- finding it --------------------------------------------------------------------------------------------------------


def test_a_module_is_tested_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"go.mod": MODULE})
    monkeypatch.setenv("PATH", str(Path(GO).parent))
    assert go_test.detect(str(tmp_path)) == ("go", "test", "./...")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoTestCommand, match="not on the PATH"):
        go_test.detect(str(tmp_path))


def test_a_workspace_names_its_modules(tmp_path: Path) -> None:
    write(tmp_path, {"go.work": "go 1.21\n\nuse (\n\t./api\n\t./web\n)\n"})
    with pytest.raises(NoTestCommand) as found:
        go_test.detect(str(tmp_path))
    assert "./api, ./web" in found.value.hint


def test_another_command_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TestCommandNotStarted) as found:
        go_test.run(Ask(root=str(tmp_path), command=("make", "test"), scratch=str(tmp_path / "scratch")))
    assert "gotestsum" in found.value.hint


def test_words_are_told_apart() -> None:
    words = words_of(("-tags", "a,b", "-v", "-run=X", "./a", "--count", "2", "./b/...", "-args", "-x", "y"))
    assert words.packages == ("./a", "./b/...") and words.for_listing == ("-tags", "a,b")
    assert words.has("run") and words.has("count") and not words.has("skip")


def test_a_module_of_an_old_go_is_run_as_one_of_today(run: Runs) -> None:
    for old in ("module example.test/shop\n\ngo 1.13\n", "module example.test/shop\n"):
        seen = run({"go.mod": old, "shop_test.go": code("func TestA(t *testing.T) { Price(1) }")})
        assert said(seen) == {".::TestA": ("passed", "")}
