"""The default workflow, as one table: read it aloud. `phasegate diagram workflow` draws it."""

from __future__ import annotations

from phasegate.workflow.definition import ASKED, Lane, PhaseKind, Step, Workflow, go, otherwise

TESTED = ("tests_ran", "no_new_red", "tests_not_weakened")
SETTLED = ("tasks_evidenced", "notes_settled", "nothing_held")

ALL = ("tests", "source", "docs", "config", "plan")

KINDS = (
    PhaseKind("feature", ALL, (*TESTED, "red_first", "covered", *SETTLED)),
    PhaseKind("fix", ALL, (*TESTED, "red_first", "covered", *SETTLED)),
    PhaseKind("refactor", ALL, (*TESTED, "expectations_kept", "same_tests", "covered", *SETTLED)),
    PhaseKind("chore", ALL, (*TESTED, "expectations_kept", "covered", *SETTLED)),
    PhaseKind("docs", ("docs", "plan"), SETTLED),
    PhaseKind("spike", ALL, ("tree_restored", *SETTLED)),
)

LANES = (
    Lane("trivial", start="implement", without=("red_first", "tasks_evidenced")),
    Lane("standard"),
    Lane("regulated", gates=("approved",)),
)

STEPS = (
    Step(
        "load_phase_plans",
        does="Read the phase, its detail file and the documents it names. Say what done will look like.",
        then=(go("explore"),),
    ),
    Step(
        "explore",
        does="Read the code this phase touches. Change nothing. Note what surprises you with `phasegate note add`.",
        leaves_when=("baseline_known",),
        then=(
            go("write_tests", "kind is feature or fix", "lane is standard or regulated"),
            go("implement", "kind is feature or fix", "lane is trivial"),
            go("implement", "kind is refactor or docs or chore or spike"),
        ),
    ),
    Step(
        "write_tests",
        does="Write tests for what this phase adds or mends, and no product code. Run `phasegate check tests`: "
        "the new tests must fail, by an assertion or a missing name of the code under test.",
        may_edit=("tests",),
        leaves_when=("new_tests_fail",),
        then=(go("implement"),),
    ),
    Step(
        "implement",
        does="Do the tasks of the phase, no more. Then `phasegate done`.",
        may_edit=("source", "tests", "docs", "config"),
        leaves_when=("tree_changed",),
        then=(
            go("run_tests", "kind is refactor or chore"),
            go("run_tests", "kind is feature or fix", "lane is trivial"),
            go("run_tests", "kind is feature or fix", "lane is standard or regulated", "red_seen"),
            go("prove_red", "kind is feature or fix", "lane is standard or regulated", "not red_seen"),
            go("validate_phase_completion", "kind is docs", "lane is trivial"),
            go("doublecheck", "kind is docs", "lane is standard or regulated"),
            go("archive_spike", "kind is spike"),
        ),
    ),
    Step(
        "prove_red",
        does="The change is no trivial one any more, so its tests must be seen to fail without it. Put the product "
        "change aside (`git stash push -- FILES`), write the tests, run `phasegate check tests`: they must fail by an "
        "assertion or a missing name. Then bring the change back (`git stash pop`).",
        may_edit=("source", "tests", "docs", "config"),
        leaves_when=("red_seen",),
        then=(go("run_tests"),),
    ),
    Step("archive_spike", acts=("archive_spike",), then=(go("doublecheck"),)),
    Step(
        "run_tests",
        does="Run `phasegate check tests` and change nothing.",
        leaves_when=("tests_ran",),
        then=(
            go("validate_phase_completion", "lane is trivial", "no_new_red", "tests_not_weakened", "covered"),
            go("doublecheck", "lane is standard or regulated", "no_new_red", "tests_not_weakened", "covered"),
            otherwise("categorize_uncertainties"),
        ),
    ),
    Step(
        "doublecheck",
        does="Go through the tasks of the phase one by one. Link each to its evidence: `phasegate evidence link TASK`. "
        "Add a note for whatever is not as the task says.",
        leaves_when=("checklist_answered",),
        then=(
            go("close_phase", *SETTLED),
            otherwise("categorize_uncertainties"),
        ),
    ),
    Step(
        "close_phase",
        does="Everything is linked. Run `phasegate done` to close the phase.",
        then=(
            go("validate_phase_completion", "lane is trivial or standard"),
            go("ask_approval", "lane is regulated"),
        ),
    ),
    Step("ask_approval", acts=("ask_approval",), then=(go("await_approval"),)),
    Step(
        "await_approval",
        does="A person must approve that this phase closes on the tree as it is. Change nothing; you may stop.",
        leaves_when=("approval_answered",),
        then=(
            go("validate_phase_completion", "approved"),
            otherwise("categorize_uncertainties"),
        ),
    ),
    Step(
        "validate_phase_completion",
        then=(
            go("archive_phase", "kind_gates"),
            otherwise("categorize_uncertainties"),
        ),
    ),
    Step(
        "archive_phase",
        acts=("close_phase",),
        then=(
            go("load_next_phase", "lane is trivial"),
            go("review_docs_between_phases", "lane is standard or regulated"),
        ),
    ),
    Step(
        "review_docs_between_phases",
        does="Read the documents that this phase made untrue and mend them. Nothing else.",
        may_edit=("docs",),
        then=(go("load_next_phase"),),
    ),
    Step(
        "load_next_phase",
        acts=("take_next_phase",),
        then=(
            go("explore", "phases_left is yes"),
            go("waiting_for_person", "phases_left is blocked"),
            go("complete", "phases_left is no"),
        ),
    ),
    Step(
        "categorize_uncertainties",
        does="For each open uncertainty say what it needs: `phasegate note correct ID --category "
        "implement|research|strategic`. Strategic means: the documents or a person must decide.",
        leaves_when=("uncertainties_categorised",),
        counts_loop=True,
        then=(
            go("escalate_to_deferred", "must_escalate is yes"),
            go("review_architecture_behavior", "must_escalate is no", "category is strategic"),
            go("investigate_pre_impl", "must_escalate is no", "category is research"),
            go("implement", "must_escalate is no", "category is implement"),
            go("doublecheck", "must_escalate is no", "category is none"),
        ),
    ),
    Step(
        "review_architecture_behavior",
        does="Write into the behaviour and architecture documents what the strategic uncertainty comes to, "
        'then ask the person: `phasegate note ask ID "QUESTION" --default "WHAT YOU WOULD DO"`.',
        may_edit=("docs",),
        leaves_when=("strategic_answered",),
        then=(go("update_plans_within_phase"),),
    ),
    Step(
        "investigate_pre_impl",
        does='Find out what the uncertainty needs, changing nothing. Record it: `phasegate note add discovery "..."`.',
        leaves_when=("finding_recorded",),
        then=(go("update_plans_within_phase"),),
    ),
    Step(
        "update_plans_within_phase",
        does="Bring the plan, the phase's detail file and the documents in line with what was found. "
        "Boxes stay phasegate's.",
        may_edit=("docs", "plan"),
        then=(go("explore"),),
    ),
    Step(
        "escalate_to_deferred",
        acts=("defer_phase",),
        then=(go("load_next_phase"),),
    ),
    Step("waiting_for_person", rests=True, then=(go(ASKED),)),
    Step("session_recovery", then=(go(ASKED),)),
    Step("complete", ends=True, acts=("end_run",)),
)

DEFAULT = Workflow(
    "default", start="load_phase_plans", recovery="session_recovery", steps=STEPS, kinds=KINDS, lanes=LANES
)
