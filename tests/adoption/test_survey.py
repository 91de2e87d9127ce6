"""What is found in repositories of different kinds, by their manifests alone."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.adoption.look import Look
from phasegate.adoption.suites import FINDERS
from phasegate.adoption.survey import Survey, named, survey


def look(files: Mapping[str, str]) -> Look:
    return Look(tuple(sorted(files)), lambda path: files.get(path, ""))


def of(files: Mapping[str, str]) -> Survey:
    return survey(look(files))


def suites(files: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(found.suite.directory, found.suite.runner) for found in of(files).suites]


PACKAGE = "package.json"
CRATE = {"Cargo.toml": "", "src/lib.rs": "#[test]\nfn adds() {}"}

DEEP = "[" * 100_000
NESTED = "[" * 600 + "]" * 600


KINDS: dict[str, tuple[dict[str, str], str]] = {
    "pytest by its settings": ({"pyproject.toml": "[tool.pytest.ini_options]\n", "tests/test_a.py": ""}, "pytest"),
    "pytest by an import": ({"setup.py": "", "tests/test_a.py": "import pytest\n"}, "pytest"),
    "pytest by a conftest": ({"tests/conftest.py": "", "tests/test_a.py": ""}, "pytest"),
    "pytest by plain functions": ({"tests/test_a.py": "def test_a(): ...\n"}, "pytest"),
    "unittest": ({"setup.py": "", "tests/test_a.py": "import unittest\n"}, "unittest"),
    "unittest in tests.py": ({"setup.py": "", "shop/tests.py": "from unittest import TestCase\n"}, "unittest"),
    "unittest in one test.py": ({"setup.py": "", "test.py": "import unittest\n"}, "unittest"),
    "vitest": ({PACKAGE: json.dumps({"scripts": {"test": "vitest run"}}), "a.test.ts": ""}, "vitest"),
    "jest by its dependency": ({PACKAGE: json.dumps({"devDependencies": {"jest": "1"}})}, "jest"),
    "jest of react-scripts": ({PACKAGE: json.dumps({"scripts": {"test": "react-scripts test"}})}, "jest"),
    "mocha behind nyc": ({PACKAGE: json.dumps({"scripts": {"test": "nyc mocha test"}})}, "mocha"),
    "node's own": ({PACKAGE: json.dumps({"scripts": {"test": "node --test"}})}, "node"),
    "node's own by an import": ({PACKAGE: "{}", "test/a.js": "const t = require('node:test')"}, "node"),
    "Go": ({"go.mod": "module x", "a_test.go": ""}, "go"),
    "Gradle": ({"build.gradle": "", "gradlew": "", "src/test/java/ATest.java": ""}, "junit"),
    "Maven": ({"pom.xml": "", "src/test/java/ATest.java": ""}, "junit"),
    "nextest": (CRATE | {".config/nextest.toml": '[profile.ci.junit]\npath = "junit.xml"'}, "junit"),
    "RSpec": ({"Gemfile": 'gem "rspec_junit_formatter"', "spec/a_spec.rb": ""}, "junit"),
    "PHPUnit": ({"composer.json": "{}", "phpunit.xml.dist": ""}, "junit"),
    "dotnet": ({"T/T.csproj": "Microsoft.NET.Test.Sdk JunitXml.TestLogger"}, "junit"),
}


@pytest.mark.parametrize(("files", "runner"), KINDS.values(), ids=KINDS)
def test_each_kind_of_suite_is_found_in_the_root_and_below(files: dict[str, str], runner: str) -> None:
    assert suites(files) == [("", runner)]
    if "T/T.csproj" not in files:
        assert suites({f"packages/one/{path}": text for path, text in files.items() if path}) in (
            [("packages/one", runner)],
            [("", runner)],  # Python without a manifest is run from the root
        )


SEEN_BUT_NOT_USABLE = {
    "cargo's own runner": (CRATE, "cargo-nextest"),
    "ava": ({PACKAGE: json.dumps({"scripts": {"test": "ava"}})}, "no runner for ava"),
    "tape behind another script": (
        {PACKAGE: json.dumps({"scripts": {"test": "npm run lint && npm run unit", "unit": "nyc tape a.js"}})},
        "no runner for tape",
    ),
    "Go without a module": ({"errors.go": "", "errors_test.go": ""}, "go mod init"),
    "a package.json that is none": ({PACKAGE: "{nope"}, "cannot be read as JSON"),
    "RSpec without a formatter": ({"Gemfile": "", "spec/a_spec.rb": ""}, "rspec_junit_formatter"),
    "dotnet without a logger": ({"T/T.csproj": "Microsoft.NET.Test.Sdk"}, "JunitXml.TestLogger"),
}


@pytest.mark.parametrize(("files", "said"), SEEN_BUT_NOT_USABLE.values(), ids=SEEN_BUT_NOT_USABLE)
def test_tests_that_cannot_be_run_are_told_with_the_reason_and_a_remedy(files: dict[str, str], said: str) -> None:
    [unread] = of(files).unread
    assert not of(files).suites
    assert said in f"{unread.why} {unread.remedy}" and unread.remedy


def test_a_package_without_tests_has_no_suite() -> None:
    text = json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})
    assert of({PACKAGE: text, "index.js": ""}).suites == of({PACKAGE: text, "index.js": ""}).unread == ()


def test_a_manifest_among_the_tests_makes_no_place_of_its_own() -> None:
    python = {"pyproject.toml": "", "tests/requirements.txt": "pytest", "tests/test_a.py": "def test_a(): ..."}
    package = {PACKAGE: json.dumps({"scripts": {"test": "mocha"}}), "test/package.json": '{"type": "commonjs"}'}
    assert suites(python) == [("", "pytest")]
    assert suites(package | {"test/a.js": ""}) == [("", "mocha")]


def test_each_tool_that_a_test_script_runs_is_a_suite() -> None:
    scripts = {"test": "npm run test:unit && npm run -s test:jest && tsd", "test:unit": "c8 node --test",
               "test:jest": "jest jest.test.js"}  # fmt: skip
    found = of({PACKAGE: json.dumps({"scripts": scripts}), "test/a.test.js": ""}).suites
    assert [each.suite.runner for each in found] == ["jest", "node"]
    assert set(named(found)) == {"javascript", "javascript-node"}


def test_a_script_that_calls_itself_is_read_to_an_end() -> None:
    scripts = {"test": "npm test && npm run test && npm run test"}
    assert suites({PACKAGE: json.dumps({"scripts": scripts}), "a.test.js": ""}) == []


def test_manifests_of_others_are_not_ours() -> None:
    theirs = {
        f"{folder}/x/{PACKAGE}": json.dumps({"scripts": {"test": "jest"}}) for folder in ("node_modules", "vendor")
    }
    assert suites(theirs) == []


def test_the_suites_of_one_repository_are_told_apart_by_name() -> None:
    files = {
        "pyproject.toml": "[tool.pytest.ini_options]", "tests/test_a.py": "",
        "web/package.json": json.dumps({"scripts": {"test": "vitest"}}), "web/a.test.ts": "", "web/tsconfig.json": "{}",
        "cli/go.mod": "", "cli/a_test.go": "",
    }  # fmt: skip
    found = of(files)
    assert [each.suite.directory for each in found.suites] == ["", "cli", "web"]
    assert set(named(found.suites)) == {"python", "cli", "web"}
    assert [each.name for each in found.languages] == ["Go", "Python", "TypeScript"]


def test_who_else_has_a_say_is_named() -> None:
    files = dict.fromkeys(
        (".husky/pre-commit", "lefthook.yml", ".claude/settings.json", ".github/workflows/ci.yml"), ""
    )
    seen = of(files)
    assert seen.hook_managers == ("husky", "lefthook")
    assert seen.agents == ("Claude Code",) and seen.integration == ("GitHub Actions",)


NAMES = sorted(
    {name for manifests, _ in FINDERS.values() for name in manifests} | {"tests/test_a.py", "a_test.go", "x.rs"}
)
FOLDERS = st.lists(st.sampled_from(("a", "b", "tests", "node_modules", "Ü")), max_size=3).map("/".join)
PATHS = st.builds(lambda folder, name: f"{folder}/{name}" if folder else name, FOLDERS, st.sampled_from(NAMES))
TEXTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ("{}", "[]", '{"scripts": 3}', '{"scripts": {"test": "jest"}}', "[tool.pytest]", "[" * 3000, "#[test]")
    ),
)


@given(st.dictionaries(PATHS, TEXTS, max_size=12))
@settings(deadline=None)
def test_whatever_manifests_say_a_survey_ends_and_its_suites_have_names_and_places_of_their_own(
    files: dict[str, str],
) -> None:
    seen = of(files)
    chosen = named(seen.suites)
    assert len(chosen) == len(seen.suites)
    assert all(unread.why and unread.remedy for unread in seen.unread)
    assert all(
        not tests.directory or any(path.startswith(f"{tests.directory}/") for path in files)
        for tests in chosen.values()
    )


@pytest.mark.parametrize("value", [DEEP, NESTED, '{"a":' * 100_000], ids=["unclosed", "of lists", "of tables"])
def test_a_manifest_that_nests_without_end_is_told_of_as_unreadable_or_passed_over(value: str) -> None:
    for text in (f'{{"scripts": {{"test": {value}}}}}', f'{{"x": {value}}}', value):
        found = of(
            {PACKAGE: text, "a.test.js": "", "pyproject.toml": f"x = {value}", "tests/test_a.py": "import pytest"}
        )
        assert [each.suite.runner for each in found.suites] == ["pytest"]
