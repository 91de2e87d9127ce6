"""The demo's story: a small project, a plan of two phases, and an agent that does what agents do when left alone."""

from __future__ import annotations

from phasegate.entrypoints.demo.script import Script, Turn, call, say

PLAN = "docs/development_roadmap/phases.md"

FILES = {
    "README.md": "# Tally\n\nShares the cost of an evening among friends. Amounts are whole cents.\n",
    "pyproject.toml": (
        '[project]\nname = "tally"\nversion = "0.1.0"\n\n[tool.pytest.ini_options]\npythonpath = ["src"]\n'
    ),
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
    "src/tally/__init__.py": '"""Shares the cost of an evening among friends."""\n',
    "src/tally/bill.py": (
        '"""A bill and what it comes to. Amounts are whole cents."""\n\n\n'
        "def total(items: list[int]) -> int:\n"
        '    """What the items cost together."""\n'
        "    return sum(items)\n"
    ),
    "tests/test_bill.py": (
        "from tally.bill import total\n\n\ndef test_the_total_is_the_sum_of_the_items():\n"
        "    assert total([1250, 480]) == 1730\n"
    ),
    PLAN: (
        "# Plan\n\n"
        "## Phase 1: Share a bill\n\nKind: feature\n\n"
        "- [ ] `share` divides a total among people\n"
        "- [ ] no cent is lost when it does not divide evenly\n\n"
        "## Phase 2: Refuse a bill for nobody\n\nKind: fix\nblocked by: Phase 1\n\n"
        "- [ ] `share` among no people raises `ValueError`\n"
    ),
}
"""The project as the demo finds it, by path."""

SHARE_TESTS = (
    "from tally.share import share\n\n\n"
    "def test_an_even_bill_is_shared_evenly():\n    assert share(900, 3) == [300, 300, 300]\n\n\n"
    "def test_no_cent_is_lost():\n    assert sum(share(1000, 3)) == 1000\n"
)

SHARE_WRONG = (
    '"""Who owes how much."""\n\n\n'
    "def share(amount: int, people: int) -> list[int]:\n"
    '    """Divide `amount` cents among `people`."""\n'
    "    return [amount // people] * people\n"
)

SHARE_RIGHT = (
    '"""Who owes how much."""\n\n\n'
    "def share(amount: int, people: int) -> list[int]:\n"
    '    """Divide `amount` cents among `people`; the first ones pay the cents that are left."""\n'
    "    each, left = divmod(amount, people)\n"
    "    return [each + (person < left) for person in range(people)]\n"
)

NOBODY_TEST = (
    "import pytest\n\nfrom tally.share import share\n\n\n"
    "def test_a_bill_for_nobody_is_refused():\n"
    '    with pytest.raises(ValueError, match="nobody"):\n        share(900, 0)\n'
)

CATEGORISE = (
    "for note in $(phasegate note list --json | python3 -c "
    "'import json, sys; [print(n[\"id\"]) for n in json.load(sys.stdin)]'); "
    "do phasegate note correct $note --category implement; done; phasegate done"
)

KILL_AT = 12
"""The turn during whose tool call the client is killed with everything below it."""

FIRST = (
    say("I have read the plan: phase 1 shares a bill."),
    call("Write", file_path="{{PROJECT}}/src/tally/share.py", content=SHARE_WRONG),
    say("I have looked around; everything is clear."),
    call("Bash", command="echo 'RATE = 3' >> src/tally/bill.py", description="try something"),
    call("Write", file_path="{{PROJECT}}/tests/test_share.py", content=SHARE_TESTS),
    call("Bash", command="phasegate check tests", description="see the tests fail"),
    call("Bash", command="phasegate done", description="end the step"),
    call("Write", file_path="{{PROJECT}}/src/tally/share.py", content=SHARE_WRONG),
    say("Done! Sharing a bill works."),
    call("Bash", command="phasegate check tests", description="run the tests"),
    call("Bash", command="phasegate done", description="end the step"),
    call("Bash", command=CATEGORISE, description="say what the uncertainty needs"),
    call("Bash", command="python3 -c 'import time; time.sleep(120)'", description="think for a long time"),
)
"""Until the client is killed."""

SECOND = (
    call("Bash", command="phasegate next", description="where was I?"),
    call("Write", file_path="{{PROJECT}}/src/tally/share.py", content=SHARE_RIGHT),
    call("Bash", command="phasegate done", description="end the step"),
    call("Bash", command="phasegate check tests && phasegate done", description="run the tests"),
    say("Done. The phase is finished."),
    call("Bash", command="phasegate evidence link 1.1 1.2 && phasegate done", description="link the tasks"),
    call("Bash", command="phasegate done", description="close the phase"),
    call("Bash", command="phasegate done", description="the documents are still true"),
    call("Bash", command="phasegate done", description="phase 2: I have looked around"),
    call("Write", file_path="{{PROJECT}}/tests/test_nobody.py", content=NOBODY_TEST),
    call("Bash", command="phasegate check tests && exit 1 || phasegate done", description="see it fail"),
    call(
        "Edit",
        file_path="{{PROJECT}}/src/tally/share.py",
        old_string="    each, left",
        new_string='    if people < 1:\n        raise ValueError("a bill for nobody")\n    each, left',
    ),
    call("Bash", command="phasegate done && phasegate check tests && phasegate done", description="run the tests"),
    call("Bash", command="phasegate evidence link 2.1 && phasegate done", description="link the task"),
    call("Bash", command="phasegate done", description="close the phase"),
    call("Bash", command="phasegate done", description="the documents are still true"),
)
"""After the recovery, to the end of the plan."""


def script() -> Script:
    """Everything the scripted model says; `{{PROJECT}}` stands for the project's folder."""
    turns: tuple[Turn, ...] = (*FIRST, *SECOND)
    return Script(turns=turns, final="The plan is complete.")
