"""`policy check` and `policy trust`: nothing of a repository's settings is in force before a person trusts it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from phasegate.ledger.event import Actor
from phasegate.ledger.facts import CallRefused
from phasegate.ledger.schema import draft
from phasegate.wiring import open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.toml import write_workflow
from tests.cli.terminal import PROJECT, Project

HEAD = f'project = "{PROJECT}"\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def limit(project: Project) -> float:
    """The coverage in force."""
    opened = open_project(str(project.root), project.env)
    opened.close()
    return opened.trusted.settings.coverage.changed_lines


def test_a_change_is_in_force_only_once_a_person_trusts_it(project: Project) -> None:
    project.write("phasegate.toml", HEAD + "[coverage]\nchanged_lines = 55.0\n")
    assert "coverage.changed_lines: 80.0 -> 55.0" in project.ok("policy", "check") and limit(project) == 80
    refused = project.agent("policy", "trust")
    assert refused.returncode == 2 and "for-people" in refused.stderr and limit(project) == 80
    assert "coverage.changed_lines: 80.0 -> 55.0" in project.ok("policy", "trust") and limit(project) == 55
    assert "it is what you trusted" in project.ok("policy", "check")
    assert project.json("policy", "check")["trusted"] is True
    assert project.facts().count("SettingsTrusted") == 1
    project.ok("policy", "trust")
    assert project.facts().count("SettingsTrusted") == 1


def test_what_is_wrong_is_reported_with_line_and_reason_and_not_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD + "[coverage]\nchanged_lines = 555.0\n")
    checked = project.person("policy", "check")
    assert checked.returncode == 1 and "phasegate.toml:3: " in checked.stdout
    (problem,) = project.json("policy", "check")["problems"]
    assert (problem["path"], problem["line"]) == ("phasegate.toml", 3)
    assert project.person("policy", "trust").returncode == 2 and limit(project) == 80


def test_a_workflow_is_read_reported_by_line_and_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD + 'workflow = "flow.toml"\n')
    project.write("flow.toml", write_workflow(DEFAULT).replace('leaves_when = ["tests_ran"]', 'leaves_when = ["ran"]'))
    checked = project.person("policy", "check")
    assert checked.returncode == 1 and "flow.toml:" in checked.stdout
    project.write("flow.toml", "loop_limit = 4\n" + write_workflow(DEFAULT))
    said = project.ok("policy", "trust")
    assert "+loop_limit = 4" in said
    assert "it is what you trusted" in project.ok("policy", "check")


def test_a_workflow_without_the_step_a_run_is_at_is_not_trusted(project: Project) -> None:
    project.ok("start", "--no-baseline")
    project.write("phasegate.toml", HEAD + 'workflow = "flow.toml"\n')
    project.write("flow.toml", write_workflow(DEFAULT).replace("load_phase_plans", "read_the_plan"))
    refused = project.person("policy", "trust")
    assert refused.returncode == 2 and "workflow-in-use" in refused.stderr


def test_settings_of_another_project_are_not_trusted(project: Project) -> None:
    project.write("phasegate.toml", HEAD.replace("6f0c", "7f0c"))
    assert "other-project" in project.person("policy", "trust").stderr


def test_without_settings_it_says_what_to_do(project: Project) -> None:
    (project.root / "phasegate.toml").unlink()
    for command in ("check", "trust"):
        failed = project.person("policy", command)
        assert failed.returncode == 2 and "phasegate init" in failed.stderr


RULES = """
[[rules]]
id = "no-push"
says = "Pushing is for people"
calls = ["shell"]
when = { fact = "call.command", op = "matches", value = '\\bgit\\s+push\\b' }

[[rules]]
id = "two-people"
at = ["@close"]
approvals = { count = 2 }
"""


def test_rules_are_in_force_once_trusted_and_what_demands_less_is_marked(project: Project) -> None:
    project.write("phasegate.toml", HEAD + RULES)
    assert "rule no-push: new, enforces" in project.ok("policy", "trust")
    opened = open_project(str(project.root), project.env)
    opened.close()
    assert [rule.id for rule in opened.trusted.settings.rules.rules] == ["no-push", "two-people"]
    assert all("rule:two-people" in kind.gates for kind in opened.trusted.workflow.kinds)
    project.write(
        "phasegate.toml", HEAD + '[policy]\nmodes = { generated = "warn" }\n' + RULES.split('[[rules]]\nid = "two')[0]
    )
    said = project.ok("policy", "check")
    assert "DEMANDS LESS: rule two-people (enforce) is gone" in said
    assert "DEMANDS LESS: built-in generated: enforce -> warn" in said


DEMANDS = '[[rules]]\nid = "a"\nat = ["explore"]\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (DEMANDS + 'require = { fact = "test.red", op = "==", value = 0 }\n', 5, "tests.red"),
        (DEMANDS + 'require = { fact = "tests.red", op = "==", value = "0" }\n', 5, "number"),
        (DEMANDS + 'require = { fact = "kind", op = "==", value = "bug" }\n', 5, "never"),
        ('[[rules]]\nid = "a"\nat = ["explor"]\ngate = "covered"\n', 2, "explore"),
        ('[[rules]]\nid = "a"\nat = ["explore"]\ngate = "coverd"\n', 5, "covered"),
        ('[[rules]]\nid = "a"\nat = ["@close"]\n', 2, "one of"),
        ('[[rules]]\nid = "a"\nmode = "warn"\n', 2, "no earlier layer"),
        ('[policy]\nmodes = { secret = "warn" }\n', 3, "always enforced"),
        ('[policy]\nextends = [{ pack = "p.toml", sha256 = "00" }]\n', 3, "SHA-256"),
        ('[policy]\nfile = "none.toml"\n', 1, "there is no file"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_rules_is_told_by_line_and_never_trusted(
    project: Project, text: str, line: int, reason: str
) -> None:
    project.write("phasegate.toml", HEAD + text)
    checked = project.person("policy", "check")
    assert checked.returncode == 1 and f"phasegate.toml:{line}: " in checked.stdout and reason in checked.stdout, (
        checked
    )
    assert project.person("policy", "trust").returncode == 2


def test_a_pack_is_pinned_and_a_repository_only_tightens_it(project: Project) -> None:
    pack = 'format = "phasegate-policy-1"\n[modes]\ngenerated = "enforce"\n' + RULES
    project.write("packs/acme.toml", pack)
    digest = hashlib.sha256(pack.encode()).hexdigest()
    extends = HEAD + f'[policy]\nextends = [{{ pack = "packs/acme.toml", sha256 = "{digest}" }}]\n'
    project.write("phasegate.toml", extends)
    project.ok("policy", "trust")
    project.write("phasegate.toml", extends + 'modes = { generated = "warn" }\n')
    assert "a repository may only tighten" in project.person("policy", "check").stdout
    project.write("phasegate.toml", extends + '[[rules]]\nid = "no-push"\nmode = "observe"\n')
    assert "may only tighten" in project.person("policy", "check").stdout
    project.write("packs/acme.toml", pack + "\n# another\n")
    project.write("phasegate.toml", extends)
    assert "is another than the one named" in project.person("policy", "check").stdout


CASES = """format = "phasegate-policy-cases-1"

[[case]]
command = "git push --force"
expect = "refuse"

[[case]]
command = "git status"
expect = "allow"

[[case]]
rule = "two-people"
facts = { driver = ["ann"], "approvals.strong" = ["ann@example.org", "ben@example.org"] }
expect = "fail"

[[case]]
rule = "two-people"
expect = "unknown"
"""


def test_cases_try_the_rules_before_they_are_trusted_and_a_difference_ends_with_1(project: Project) -> None:
    project.write("phasegate.toml", HEAD + RULES)
    project.write("policy-cases.toml", CASES)
    assert "4 of 4 cases are as expected" in project.ok("policy", "test")
    project.write("policy-cases.toml", CASES.replace('"allow"', '"refuse"'))
    tried = project.person("policy", "test", "--json")
    assert tried.returncode == 1 and '"case":"git status"' in tried.stdout.replace(" ", "").replace(
        "gitstatus", "git status"
    )


def test_another_policy_is_tried_on_the_ledger(project: Project) -> None:
    project.write("strict.toml", 'format = "phasegate-policy-1"\n' + RULES)
    assert "would have been another" in project.ok("policy", "simulate", "--policy", "strict.toml")
    assert project.json("policy", "simulate", "--policy", "strict.toml")["differ"] == 0


def test_the_rules_in_force_are_a_page(project: Project) -> None:
    project.write("phasegate.toml", HEAD + RULES)
    project.ok("policy", "trust")
    page = project.ok("policy", "docs")
    assert "| no\\-push |" in page.replace("no-push", "no\\-push") and "covered-closes" in page
    project.ok("policy", "docs", "--output", "policy.md")
    assert (project.root / "policy.md").read_text() == page


def test_controls_are_listed_with_what_stands_for_them(project: Project) -> None:
    assert "no certificate" in project.ok("policy", "report", "--pack", "ssdf")
    assert project.ok("policy", "report", "--pack", "slsa", "--format", "markdown").startswith("# SLSA")
    found = json.loads(project.ok("policy", "report", "--pack", "soc2", "--format", "json"))
    assert {each["standing"] for each in found["controls"]} <= {"shown", "in force", "not in force", "not shown"}


def test_a_refusal_called_wrong_becomes_a_case_and_can_be_decided_again(project: Project) -> None:
    opened = open_project(str(project.root), project.env)
    refused = CallRefused("", "call-1", "s", "", "Write", "generated", "It is generated.", ("src/gen.py",))
    opened.log.append([draft(refused)], actor=Actor("phasegate", "1"), expected={}, now_ms=1)
    opened.close()
    project.ok("why", "call-1", "--wrong", "Nobody generates it")
    tried = project.person("policy", "test")
    assert tried.returncode == 1 and "expected allow" in tried.stdout
    looser = 'format = "phasegate-policy-1"\nmodes = { generated = "warn" }\n'
    project.write("looser.toml", looser)
    assert "refuse -> allow" in project.ok("why", "call-1", "--policy", "looser.toml")
    assert "1 of 1 cases" in project.ok("policy", "test", "--policy", "looser.toml")
    assert "1 would have been another" in project.ok("policy", "simulate", "--policy", "looser.toml")


def test_a_rule_can_be_asked_of_the_tree_outside_any_phase(project: Project) -> None:
    project.write(
        "phasegate.toml",
        HEAD
        + """
[[rules]]
id = "no-questions"
at = ["@check"]
require = { fact = "questions.open", op = ">", value = 3 }

[[rules]]
id = "no-secrets"
at = ["@check"]
gate = "secrets"
mode = "warn"
""",
    )
    project.ok("policy", "trust")
    checked = project.person("check", "--json", "--junit", "out.log")
    assert '"rule:no-questions"><failure' in project.read("out.log")
    said = {each["gate"]: each["says"] for each in json.loads(checked.stdout)["verdicts"] if "rule:" in each["gate"]}
    assert checked.returncode == 1 and said == {"rule:no-questions": "fail", "rule:no-secrets": "pass"}


def test_what_only_observes_is_shown_to_people(project: Project) -> None:
    few = '{ fact = "changed.files", op = ">", value = 3 }'
    rule = f'id = "few"\nat = ["load_phase_plans"]\nrequire = {few}\nmode = "observe"\n'
    project.write("phasegate.toml", HEAD + "[[rules]]\n" + rule)
    project.ok("policy", "trust")
    project.ok("start", "--no-baseline")
    project.ok("done")
    assert "rule few (observes): not met: changed.files > 3 (it is 0)" in project.ok("status")
    assert "observed, not enforced: not met: changed.files > 3 (it is 0)" in project.ok("why", "rule:few")
