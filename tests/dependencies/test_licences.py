"""A licence is what a package exactly says, and a policy holds for every way to read that."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.dependencies.licences import NotSpdx, as_spdx, judged, of_classifiers, of_text, parsed, unknown_names

ALLOW, DENY = ("MIT", "Apache-2.0", "BSD-3-Clause"), ("GPL-3.0-only", "AGPL-3.0-only")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("MIT", "allowed"),
        ("mit", "allowed"),
        ("MIT OR GPL-3.0-only", "allowed"),
        ("MIT AND GPL-3.0-only", "denied"),
        ("MIT AND (Apache-2.0 OR AGPL-3.0-only)", "allowed"),
        ("ISC", "not allowed"),
        ("ISC OR GPL-3.0-only", "not allowed"),
        ("Apache-2.0 WITH LLVM-exception", "allowed"),
        ("GPL-3.0-only WITH GCC-exception-3.1", "denied"),
        ("GPL-3.0-or-later", "not allowed"),
        ("Proprietary", "unknown"),
        ("", "unknown"),
        ("MIT AND", "unknown"),
        ("LicenseRef-Own", "unknown"),
        ("(" * 5000 + "MIT" + ")" * 5000, "unknown"),
    ],
)
def test_of_a_choice_the_best_counts_and_of_what_holds_together_the_worst(expression: str, says: str) -> None:
    assert judged(expression, ALLOW, DENY).says == says


def test_without_an_allow_list_all_is_allowed_that_is_not_denied_and_exceptions_can_be_named() -> None:
    assert judged("ISC", (), DENY).says == "allowed"
    assert judged("GPL-3.0-only", (), DENY).says == "denied"
    assert (
        judged("GPL-3.0-only WITH GCC-exception-3.1", ("GPL-3.0-only WITH GCC-exception-3.1",), DENY).says == "allowed"
    )
    assert unknown_names(("MIT", "Free", "GPL-3.0-only WITH GCC-exception-3.1")) == ["Free"]


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("MIT", "MIT"), ("MIT License", "MIT"), ("Apache 2.0", "Apache-2.0"), ("BSD-3-Clause", "BSD-3-Clause"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"), ("see LICENSE", ""), ("UNLICENSED", ""), ("", ""), ("x" * 5000, ""),
    ],
)  # fmt: skip
def test_what_people_write_is_read_where_it_can_mean_one_thing(written: str, expression: str) -> None:
    assert as_spdx(written) == expression


def test_an_ambiguous_classifier_stands_for_all_it_can_mean() -> None:
    bsd = of_classifiers(["License :: OSI Approved :: BSD License", "Programming Language :: Python"])
    assert judged(bsd, ("BSD-3-Clause",), ()).says == "not allowed"
    assert judged(bsd, ("BSD-3-Clause", "BSD-2-Clause"), ()).says == "allowed"
    assert of_classifiers(["License :: OSI Approved"]) == of_classifiers([]) == ""
    assert of_classifiers(["License :: OSI Approved :: MIT License", "License :: Strange"]) == ""


def test_a_text_is_known_by_its_phrases_and_more_than_the_licence_is_unknown() -> None:
    """With the licences that the packages of this environment carry."""
    met: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        for file in each.files or ():
            if file.name in ("LICENSE", "LICENSE.txt", "LICENSE.md") and "dist-info" in str(file):
                text = Path(str(each.locate_file(file))).read_text(errors="replace")
                if found := of_text(text):
                    met[found] = text
    assert {"MIT", "Apache-2.0", "BSD-3-Clause"} <= {*met}
    for text in (met["MIT"], met["BSD-3-Clause"]):
        assert of_text(text + "\nThis software may not be sold. " * 40) == ""
    assert of_text(met["MIT"] + met["Apache-2.0"]) == "" == of_text("") == of_text("MIT")


@given(st.text(max_size=80) | st.text("MIT()ANDOR WTH+-", max_size=80))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        parsed(text)
    except NotSpdx:
        assert judged(text, ALLOW, DENY).says == "unknown"
