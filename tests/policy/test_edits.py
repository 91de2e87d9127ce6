"""What a step lets anybody edit, by class or pattern, within what the kind of the phase allows."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.policy.edits import Grounds, object_to
from phasegate.settings import CI, Settings
from phasegate.workflow.default import DEFAULT, KINDS, STEPS
from phasegate.workflow.definition import Step, Workflow

STEP_NAMES = [step.name for step in STEPS]
EXAMPLES = {"tests": "tests/test_a.py", "source": "src/a.py", "docs": "docs/a.md", "config": "Makefile",
            "plan": Settings().plan}  # fmt: skip

ANYWHERE = ("src/core/phasegate.toml", "tests/x/phasegate.toml", "docs/.claude/settings.local.json")


def grounds(step: str = "", kind: str = "feature", workflow: Workflow = DEFAULT) -> Grounds:
    return Grounds(Settings(), workflow, step, kind)


@pytest.mark.parametrize("step", ["", *STEP_NAMES])
@pytest.mark.parametrize(
    "path", ["phasegate.toml", *ANYWHERE, *CI, ".git/hooks/pre-commit", "investigations/p/1/evidence.json"]
)
def test_own_files_are_closed_in_every_step_and_without_a_run(path: str, step: str) -> None:
    objection = object_to(path, grounds(step))
    assert objection is not None and objection.rule == "own-files" and "phasegate" in objection.reason


@pytest.mark.parametrize("path", EXAMPLES.values())
def test_without_a_run_everything_else_is_open(path: str) -> None:
    assert object_to(path, Grounds(Settings(), DEFAULT)) is None


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
@pytest.mark.parametrize("step", STEP_NAMES)
def test_a_path_is_open_exactly_when_step_and_kind_name_its_class(step: str, kind: str) -> None:
    for file_class, path in EXAMPLES.items():
        named = file_class in DEFAULT.step(step).may_edit and file_class in DEFAULT.kind(kind).may_edit
        assert (object_to(path, grounds(step, kind)) is None) is named


def test_the_reason_names_what_is_open_and_the_step_that_would_allow_it() -> None:
    objection = object_to("src/a.py", grounds("write_tests"))
    assert objection is not None
    assert "may edit tests" in objection.reason and "The step implement would allow it" in objection.reason


def test_a_kind_that_never_edits_such_files_says_so() -> None:
    objection = object_to("src/a.py", grounds("implement", "docs"))
    assert objection is not None and "another phase" in objection.reason


def test_a_step_can_name_a_pattern() -> None:
    step = Step("one", "Do.", may_edit=("src/gen/**",))
    workflow = msgspec.structs.replace(DEFAULT, steps=(step,))
    assert object_to("src/gen/a.py", grounds("one", "", workflow)) is None
    assert object_to("src/a.py", grounds("one", "", workflow)) is not None


@pytest.mark.parametrize(
    ("pattern", "opens", "shuts"), [("src/one.py", "src/one.py", "src/two.py"), ("*.md", "a.md", "a.txt")]
)
def test_a_pattern_has_a_slash_or_a_star_and_opens_what_it_matches(pattern: str, opens: str, shuts: str) -> None:
    steps = tuple(msgspec.structs.replace(step, may_edit=(pattern,)) for step in STEPS)
    kinds = tuple(msgspec.structs.replace(kind, may_edit=(pattern,)) for kind in KINDS)
    workflow = msgspec.structs.replace(DEFAULT, steps=steps, kinds=kinds)
    assert object_to(opens, grounds("implement", workflow=workflow)) is None
    assert object_to(shuts, grounds("implement", workflow=workflow)) is not None


@given(st.text(max_size=30), st.sampled_from(["", *STEP_NAMES]))
def test_no_path_is_too_odd_to_be_judged(path: str, step: str) -> None:
    objection = object_to(path, grounds(step))
    assert objection is None or objection.reason
