"""Hook calls, a process each, as the client starts them; against the interpreter with and without the two libraries."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import generated
import msgspec
from figures import Figure, Goal, Report, compared
from measure import Action, interleaved, process

BARE = "python -I -S"
FLOOR = "python -I -S + apsw, msgspec"
WITH_TYPING = "the same with typing_extensions"
"""What importing msgspec costs where that library is installed and nobody prevents it."""
NO_DIGEST = Goal(50 / 26, "50 ms where the floor is 26 ms: 1.9 x")

Payload = dict[str, Any]


class Hooks:
    """One project whose hooks are called."""

    def __init__(self, base: Path, name: str, events: int | None) -> None:
        """`events` is the length of the ledger of a run under way; None begins no run."""
        self._env = generated.environment(base)
        self._root = generated.repository(base / name, 50)
        self._inputs = base / f"{name}-inputs"
        self._inputs.mkdir()
        opened = generated.project(self._root, self._env)
        if events is not None:
            generated.lengthen(opened, events - 7)
            generated.begin_run(opened)
        opened.close()

    def call(self, name: str, payload: Payload, *, status: int = 0, edits: bool = False) -> Action:
        """A call with this payload that must exit with `status`; with `edits` a file has changed before it."""
        given = self._inputs / f"{name}.json"
        common = {"session_id": generated.SESSION, "cwd": str(self._root), "permission_mode": "acceptEdits"}
        given.write_bytes(msgspec.json.encode({**common, **payload}))
        argv = generated.interpreter("-I", "-m", "phasegate.entrypoints.hook", "claude")
        env = {**self._env, "CLAUDE_PROJECT_DIR": str(self._root)}

        def act() -> Any:
            if edits:
                self._edit()
            return process(argv, environment=env, given=str(given), status=status)

        return act

    def tool(self, moment: str, tool: str, **fields: str) -> Payload:
        """The payload of an event about one tool call; `{root}` in a field stands for the project."""
        given = {key: value.replace("{root}", str(self._root)) for key, value in fields.items()}
        response = {"tool_response": {"stdout": "ok"}} if moment == "PostToolUse" else {}
        return {
            "hook_event_name": moment,
            "tool_name": tool,
            "tool_use_id": f"toolu_01Hq7vTfW8mNd2sZ5xLb{tool}",
            "tool_input": given,
            **response,
        }

    def edit(self, moment: str, path: str) -> Payload:
        """The payload of an Edit of `path`."""
        return self.tool(moment, "Edit", file_path=f"{{root}}/{path}", old_string="VALUE = 1", new_string="VALUE = 2")

    def _edit(self) -> None:
        (self._root / generated.TESTS).write_text(f"# {os.urandom(8).hex()}\n")


def baselines(env: Mapping[str, str]) -> dict[str, Action]:
    """What a hook call is compared to."""
    site = os.path.dirname(os.path.dirname(msgspec.__file__))
    path = f"import sys; sys.path.append({site!r})"
    alone = f"{path}; sys.modules['typing_extensions'] = None; import apsw, msgspec"
    isolated = generated.interpreter("-I", "-S", "-c")
    return {
        BARE: lambda: process((*isolated, "pass"), environment=env),
        FLOOR: lambda: process((*isolated, alone), environment=env),
        WITH_TYPING: lambda: process((*isolated, f"{path}; import apsw, msgspec"), environment=env),
    }


def without_a_run(hooks: Hooks) -> dict[str, Action]:
    """Calls that phasegate only guards."""
    bash = hooks.tool("PreToolUse", "Bash", command="ls")
    return {
        "no run: Read": hooks.call("read", hooks.tool("PreToolUse", "Read", file_path="{root}/README.md")),
        "no run: Edit": hooks.call("edit", hooks.edit("PreToolUse", "src/part00/area0/module00001.py")),
        "no run: Edit, refused": hooks.call("refused", hooks.edit("PreToolUse", "phasegate.toml"), status=1),
        "no run: Bash": hooks.call("bash", bash),
        "no run: Stop": hooks.call("stop", {"hook_event_name": "Stop", "stop_hook_active": False}),
    }


def in_a_run(hooks: Hooks, name: str) -> dict[str, Action]:
    """The calls of a turn, in the order of a turn."""
    source, tests = "src/part00/area0/module00001.py", generated.TESTS
    return {
        f"{name}: Read": hooks.call("read", hooks.tool("PreToolUse", "Read", file_path="{root}/README.md")),
        f"{name}: before Edit": hooks.call("edit", hooks.edit("PreToolUse", tests)),
        f"{name}: after Edit": hooks.call("edited", hooks.edit("PostToolUse", tests), edits=True),
        f"{name}: before Edit, refused": hooks.call("refused", hooks.edit("PreToolUse", source), status=1),
        f"{name}: before Bash": hooks.call("bash", hooks.tool("PreToolUse", "Bash", command="ls")),
        f"{name}: after Bash, digest": hooks.call("ran", hooks.tool("PostToolUse", "Bash", command="ls"), edits=True),
        f"{name}: Stop, digest": hooks.call("stop", {"hook_event_name": "Stop", "stop_hook_active": True}),
    }


def run(base: Path, *, rounds: int, events: Mapping[str, int]) -> list[Report]:
    """Measure, and compare."""
    actions = {**baselines(generated.environment(base)), **without_a_run(Hooks(base, "guarded", None))}
    for name, length in events.items():
        actions |= in_a_run(Hooks(base, f"run-{length}", length), name)
    found = interleaved(actions, rounds=rounds)
    plain = [compared(case, found, FLOOR, goal=_goal(case)) for case in actions if case != FLOOR]
    walls = [compared(case, found, FLOOR, wall=True) for case in actions if case != FLOOR]
    reports = [
        Report("hook-cpu", f"Hook calls, a process each (floor: {found[FLOOR].cpu:.1f} ms CPU)", tuple(plain)),
        Report("hook-wall", f"The same on the clock (floor: {found[FLOOR].wall:.1f} ms)", tuple(walls)),
    ]
    short, *longer = events
    growth = tuple(
        _grown(case, case.replace(short, long), found) for long in longer for case in actions if case.startswith(short)
    )
    return [*reports, Report("hook-growth", "What a long ledger costs a hook call", growth)] if growth else reports


def _goal(case: str) -> Goal | None:
    return None if "digest" in case or case in (BARE, WITH_TYPING) else NO_DIGEST


def _grown(short: str, long: str, found: Any) -> Figure:
    return compared(long, found, short, goal=Goal(1.1, "about the same: 1.1 x"))
