"""Finds suites of Go, and of tools that write JUnit files: cargo-nextest, dotnet, RSpec, PHPUnit."""

from __future__ import annotations

import re

from phasegate.adoption.finding import Found, Unread
from phasegate.adoption.look import Look
from phasegate.settings import Tests


def go(look: Look) -> Found | None:
    """The suite of a Go module."""
    tests = [path for path in look.paths if path.endswith("_test.go")]
    return Found(Tests("go"), "Go", f"go.mod and {tests[0]} are there") if tests else None


def go_without_module(look: Look) -> Unread | None:
    """Tests of Go in a repository without any module, as they were before Go 1.11."""
    tests = next((path for path in look.paths if path.endswith("_test.go")), "")
    if not tests or any(path.rpartition("/")[2] == "go.mod" for path in look.paths):
        return None
    return Unread(
        "", f"the test {tests}", "there is no go.mod", "Run `go mod init MODULE` and `go mod tidy`, and repeat."
    )


def cargo(look: Look) -> Found | Unread | None:
    """The suite of a crate or workspace, by cargo-nextest, which needs a profile that writes JUnit."""
    if not any(path.endswith(".rs") and "#[test]" in look.text(path) for path in look.paths):
        return None
    profiles = re.findall(r"\[profile\.([\w-]+)\.junit\]", look.text(".config/nextest.toml"))
    if not profiles:
        return Unread(
            "", "tests of Rust", "cargo's own runner writes no report that a machine may believe",
            'Install cargo-nextest, write [profile.ci.junit] path = "junit.xml" into .config/nextest.toml, and repeat.',
        )  # fmt: skip
    suite = Tests(
        "junit",
        command=("cargo", "nextest", "run", "--workspace", "--no-fail-fast", "--profile", profiles[0]),
        reports=(f"target/nextest/{profiles[0]}/*.xml",),
    )
    return Found(
        suite, "Rust", f".config/nextest.toml has [profile.{profiles[0]}.junit]", "cargo install cargo-nextest"
    )


def dotnet(look: Look) -> Found | Unread | None:
    """The suite of a .NET solution, by the JUnit logger."""
    projects = [path for path in look.paths if path.endswith((".csproj", ".fsproj"))]
    tests = [path for path in projects if "Microsoft.NET.Test.Sdk" in look.text(path)]
    if not tests:
        return None
    if not any("JunitXml.TestLogger" in look.text(path) for path in tests):
        return Unread(
            "", "tests of .NET", "no test project has the package JunitXml.TestLogger, which writes the report",
            f"Run `dotnet add {tests[0]} package JunitXml.TestLogger`, and repeat.",
        )  # fmt: skip
    suite = Tests(
        "junit",
        command=("dotnet", "test", "--logger", "junit", "--collect", "XPlat Code Coverage"),
        reports=("**/TestResults/TestResults.xml",),
        coverage_reports=("**/TestResults/*/coverage.cobertura.xml",),
    )
    return Found(suite, "C#", f"{tests[0]} is a test project")


def rspec(look: Look) -> Found | Unread | None:
    """The suite of RSpec, by its JUnit formatter."""
    if not any(path.endswith("_spec.rb") for path in look.paths):
        return None
    if "rspec_junit_formatter" not in look.text("Gemfile") + look.text("Gemfile.lock"):
        return Unread(
            "", "specs of RSpec", "the Gemfile has no rspec_junit_formatter, which writes the report",
            "Run `bundle add rspec_junit_formatter --group test`, and repeat.",
        )  # fmt: skip
    suite = Tests(
        "junit",
        command=("bundle", "exec", "rspec", "--format", "RspecJunitFormatter", "--out", "tmp/rspec.xml"),
        reports=("tmp/rspec.xml",),
        coverage_reports=("coverage/lcov/*.lcov", "coverage/coverage.xml"),
    )
    return Found(suite, "Ruby", "the Gemfile has rspec_junit_formatter", "bundle install")


def phpunit(look: Look) -> Found | None:
    """The suite of PHPUnit, which writes JUnit by itself."""
    configured = any(look.has(name) for name in ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"))
    if not configured and "phpunit/phpunit" not in look.text("composer.json"):
        return None
    suite = Tests(
        "junit",
        command=("vendor/bin/phpunit", "--log-junit", "build/junit.xml", "--coverage-cobertura", "build/cobertura.xml"),
        reports=("build/junit.xml",),
        coverage_reports=("build/cobertura.xml",),
    )
    return Found(suite, "PHP", "PHPUnit is set up", "composer install")
