"""All cases of the corpus, by family."""

from __future__ import annotations

from families import (
    forged_evidence,
    forged_person,
    forged_results,
    git_routes,
    hooks_and_settings,
    ledger,
    other_languages,
    routes,
    stale_evidence,
    weakened_configuration,
    weakened_tests,
    wrong_tool,
)

CASES = (
    *forged_results.CASES,
    *weakened_tests.CASES,
    *weakened_configuration.CASES,
    *forged_evidence.CASES,
    *stale_evidence.CASES,
    *wrong_tool.CASES,
    *routes.CASES,
    *git_routes.CASES,
    *hooks_and_settings.CASES,
    *forged_person.CASES,
    *ledger.CASES,
    *other_languages.CASES,
)
