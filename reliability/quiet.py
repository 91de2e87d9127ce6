"""Replays what honest agents do through the real hook, and counts what is refused, put back or held all the same.

    python reliability/quiet.py --calls 2000 --record

A trial is one session in a project of its own: a language, a kind of phase and a step that lets some files be edited,
and calls as `benign.py` draws them. Each call goes through the hook's own entry point in this process, with the payload
that Claude Code sends before and after it, and its effect really happens in the tree. Nothing in a session is
forbidden, so whatever the ledger says was refused, put back or held is wrong. Exit code 1 when that is more than one
call in two hundred, or when a refusal does not name its rule, what it rests on, and the permitted way.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from benign import Move, Session
from trials import Lost, Trial, parsed, parser, run

from phasegate.agents import claude_code
from phasegate.entrypoints import hook_call
from phasegate.ledger.custody import WatchPutBack
from phasegate.ledger.event import Actor
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import (
    CallRefused,
    ChangeHeld,
    ChangePutBack,
    PhaseStarted,
    PlanRead,
    RunStarted,
    StepEntered,
    TreeObserved,
)
from phasegate.ledger.schema import fact_of
from phasegate.rules.rule import BUILT_IN as RULES
from phasegate.settings import Settings
from phasegate.wiring import RealDesk, Trusted, begin_ledger, open_project
from phasegate.workflow.default import DEFAULT
from phasegate.workflow.plan import Phase, Task
from phasegate.workspace import git

CALLS: Final = 50
"""Of one session."""

MOST_WRONG: Final = 0.005
"""Share of calls."""

PLACES: Final = (
    ("feature", "explore"), ("feature", "write_tests"), ("feature", "implement"), ("refactor", "implement"),
    ("docs", "implement"), ("chore", "implement"), ("", ""),
)  # fmt: skip
"""The kind of a phase and its step; without both there is no run."""

WRONG: Final = (CallRefused, ChangePutBack, ChangeHeld, WatchPutBack)


def main() -> int:
    arguments = parsed(parser(__doc__, counts="calls", default=2000, bugs=BUGS))
    allowed = int(arguments.goal * MOST_WRONG)
    wrong: list[str] = []
    turn = itertools.count()

    def play(trial: Trial) -> tuple[int, str]:
        if trial.bug:
            BUGS[trial.bug]()
        language = ("python", "javascript", "go")[next(turn) % 3]
        count = min(CALLS, trial.left)
        kind, step = trial.chance.choice(PLACES)
        found = replay(trial, language, kind, step, count)
        wrong.extend(found)
        for said in found:
            print(f"  wrong: {said}", flush=True)
        if len(wrong) > allowed:
            raise Lost(f"{len(wrong)} wrong refusals, where {allowed} of {arguments.goal} calls are allowed")
        return count, f"{language}, {kind or 'no run'} {step}, {len(wrong)} wrong so far"

    what = f"benign tool calls of which at most {MOST_WRONG:.1%} were refused, put back or held"
    return run(arguments, play, name="quiet", counts="calls", what=what)


def replay(trial: Trial, language: str, kind: str, step: str, count: int) -> list[str]:
    """Play one session; what was wrongly refused in it."""
    root = Path(trial.directory) / "shop"
    root.mkdir()
    os.environ.update(
        HOME=trial.directory, XDG_STATE_HOME=f"{trial.directory}/state", CLAUDE_PROJECT_DIR=str(root),
        AI_AGENT="claude-code_2-1-330_harness",
    )  # fmt: skip
    classes = may_edit(kind, step, language)
    session = Session(root, language, classes, trial.chance)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    session.run("add", "-A")
    session.commit()
    begin(root, kind, step)
    payloads = Payloads(root)
    if step:
        payloads.send("SessionStart", source="startup")
        payloads.send("UserPromptSubmit", prompt="Continue the plan.")
    for move in session.moves(count):
        payloads.call(move)
    return list(refused(root))


def may_edit(kind: str, step: str, language: str) -> tuple[str, ...]:
    """The classes of files that this step of such a phase lets an agent edit."""
    every = ("source", "tests", "docs", "config") if language != "go" else ("source", "tests", "docs")
    if not step:
        return every
    of_kind = DEFAULT.kind(kind).may_edit
    return tuple(each for each in DEFAULT.step(step).may_edit if each in of_kind and each in every)


def begin(root: Path, kind: str, step: str) -> None:
    """A ledger, and with a step a run that stands at it."""
    settings = Settings(project="p")
    begin_ledger(git.locate(str(root)), "p", Trusted(settings, DEFAULT, ""), os.environ).close()
    if not step:
        return
    project = open_project(str(root), os.environ)
    try:
        desk = RealDesk(project, Actor("person", "ann"))
        seen = desk.tree.observe({})
        phase = Phase("1", "Prices", kind, True, "", (Task("1.1", "Do it", False, 3),), (), False, 1, False, "", "")
        facts: list[Fact] = [
            PlanRead(settings.plan, "d", (phase,)), RunStarted("run-1", str(root), "start", "default", "explore"),
            TreeObserved("run-1", seen.tree, seen.subject),
            PhaseStarted("1", "run-1", kind, seen.subject, seen.tree),
            StepEntered("run-1", step, "explore", "", "1", seen.subject),
        ]  # fmt: skip
        desk.record(facts, relying_on=None)
    finally:
        project.close()


class Payloads:
    """Calls the hook as Claude Code does."""

    def __init__(self, root: Path) -> None:
        self.common = {"session_id": "s-1", "transcript_path": f"{root}.jsonl", "cwd": str(root), "prompt_id": "p-1",
                       "permission_mode": "acceptEdits"}  # fmt: skip
        self.count = 0

    def send(self, event: str, **fields: Any) -> bool:
        """Whether the client would go on."""
        payload = msgspec.json.encode({**self.common, "hook_event_name": event, **fields})
        return hook_call.reply_to(claude_code, payload).exit == 0

    def call(self, move: Move) -> None:
        """One tool call: asked, done, returned; nothing is done that is refused."""
        self.count += 1
        about = {"tool_name": move.tool, "tool_input": move.given, "tool_use_id": f"toolu_{self.count}"}
        if not self.send("PreToolUse", **about):
            return
        move.effect()
        if move.ok:
            self.send("PostToolUse", **about, tool_response={"stdout": "", "stderr": ""}, duration_ms=12)
        else:
            self.send("PostToolUseFailure", **about, error="Exit code 1", is_interrupt=False, duration_ms=12)


def refused(root: Path) -> Iterator[str]:
    """What the ledger says was refused, put back or held; each must name its rule, and a reason with a way."""
    project = open_project(str(root), os.environ)
    try:
        facts = [fact_of(event) for event in project.log.read()]
    finally:
        project.close()
    for fact in facts:
        if isinstance(fact, WRONG):
            rule = getattr(fact, "rule", "watched")
            why = getattr(fact, "reason", "") or getattr(fact, "why", "") or getattr(fact, "command", "")
            if rule not in RULES or not why:
                raise Lost(f"a refusal that names no rule or no reason: {fact}")
            about = getattr(fact, "path", "") or getattr(fact, "paths", "") or getattr(fact, "command", "")
            yield f"{type(fact).__name__} by {rule} of {about}: {why[:200]}"


# -- planted bugs ------------------------------------------------------------------------------------------------------


def _tests_are_closed() -> None:
    from phasegate.policy import edits

    permits = edits._step_permits
    edits._step_permits = lambda path, cls, grounds, step: cls != "tests" and permits(path, cls, grounds, step)


def _every_setting_of_git_counts() -> None:
    from phasegate.policy import custody

    custody._is_harmless = lambda section, name: False


def _a_digest_is_a_secret() -> None:
    import re

    from phasegate.engine import exceptions
    from phasegate.policy.secrets import SecretFound

    def find(text: str) -> list[SecretFound]:
        found = re.findall(r"\b[0-9a-f]{40}\b", text)
        return [SecretFound("digest", 1, 1, each, each) for each in found]

    exceptions.find_secrets = find  # type: ignore[assignment]


BUGS: Final = {
    "tests-are-closed": _tests_are_closed,
    "every-git-setting-counts": _every_setting_of_git_counts,
    "a-digest-is-a-secret": _a_digest_is_a_secret,
}

if __name__ == "__main__":
    sys.exit(main())
