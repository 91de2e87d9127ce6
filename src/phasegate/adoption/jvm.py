"""Finds suites of Gradle and Maven, which write JUnit and JaCoCo files by themselves."""

from __future__ import annotations

from phasegate.adoption.finding import Found
from phasegate.adoption.look import Look
from phasegate.settings import Tests


def gradle(look: Look) -> Found | None:
    """The suite of a Gradle build; the one of the root runs those of its subprojects."""
    if not _has_tests(look):
        return None
    program = "./gradlew" if look.has("gradlew") else "gradle"
    measures = any("jacoco" in look.text(path) for path in ("build.gradle", "build.gradle.kts"))
    suite = Tests(
        "junit",
        command=(program, "test", *(("jacocoTestReport",) if measures else ()), "--continue", "--rerun-tasks"),
        reports=("**/build/test-results/**/*.xml",),
        coverage_reports=("**/build/reports/jacoco/**/*.xml",) if measures else (),
    )
    return Found(suite, "Java", "a Gradle build has src/test")


def maven(look: Look) -> Found | None:
    """The suite of a Maven build; the one of the root runs those of its modules."""
    if not _has_tests(look):
        return None
    program = "./mvnw" if look.has("mvnw") else "mvn"
    measures = "jacoco" in look.text("pom.xml")
    suite = Tests(
        "junit",
        command=(program, "-B", "--fail-at-end", "verify" if measures else "test"),
        reports=("**/target/surefire-reports/*.xml", "**/target/failsafe-reports/*.xml"),
        coverage_reports=("**/target/site/jacoco*/**/jacoco.xml",) if measures else (),
    )
    return Found(suite, "Java", "a Maven build has src/test")


def _has_tests(look: Look) -> bool:
    return any("src/test/" in f"/{path}" for path in look.paths)
