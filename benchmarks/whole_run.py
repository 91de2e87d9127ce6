"""What hooks add to an agent's session: the same turns played by the scripted agent, with them and without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import generated
from figures import Figure, Goal, Report, compared
from measure import Action, Cost, Spent, Unexpected, call, interleaved

from phasegate.agents import claude_code
from phasegate.agents.claude_command import SETTINGS_FILES, hook_command
from phasegate.entrypoints.demo import script
from phasegate.entrypoints.demo.client import Place
from phasegate.entrypoints.demo.scripted_client import ScriptedClient
from phasegate.entrypoints.demo.scripted_model import ScriptedModel

PLAIN, HOOKED = "a session without hooks", "the same session with hooks"
THINKING = 5_000.0
"""Milliseconds that a model is assumed to take for a turn; the scripted one takes none."""

GOAL = Goal(1.05, f"5 %, where the model takes {THINKING / 1000:.0f} s a turn")


def turns(cycles: int) -> tuple[script.Turn, ...]:
    """Cycles of three tool calls: a read, a write and a command."""
    found: list[script.Turn] = []
    for cycle in range(cycles):
        found += [
            script.call("Read", file_path="{{PROJECT}}/README.md"),
            script.call("Write", file_path=f"{{{{PROJECT}}}}/tests/test_{cycle}.py", content=f"# cycle {cycle}\n"),
            script.call("Bash", command="ls src", description="look"),
        ]
    return tuple(found)


class Stage:
    """A repository in which the scripted agent plays the same turns again and again."""

    def __init__(self, base: Path, name: str, *, hooks: bool, cycles: int) -> None:
        self._base, self._cycles = base / name, cycles
        self._root = self._base / "project"
        self._env = generated.environment(self._base)
        self._base.mkdir()
        generated.repository(self._root, 50)
        (self._root / "README.md").write_text("# A project\n")
        if hooks:
            self._set_up()

    def _set_up(self) -> None:
        opened = generated.project(self._root, self._env)
        generated.begin_run(opened, driven=False)
        opened.close()
        settings = self._root / SETTINGS_FILES["me"]
        settings.parent.mkdir()
        settings.write_text(claude_code.install(None, hook_command("me", executable=sys.executable)))

    def play(self) -> Cost:
        """One session from its start to its end; model and agent included."""
        with ScriptedModel(script.Script(turns=turns(self._cycles)), variables={"PROJECT": str(self._root)}) as model:
            place = Place(str(self._root), str(self._base), model.url, model.key, self._env)
            ended: list[Any] = []
            cost = call(lambda: ended.append(ScriptedClient(place).start("Look around, and write.").wait()))
        finished = ended[0]
        if finished.exit_code or len(finished.tool_results) != 3 * self._cycles:
            raise Unexpected(f"the session ended with {finished.exit_code}: {finished.stderr[-300:]}")
        if any(result.is_error for result in finished.tool_results):
            raise Unexpected(next(result.text for result in finished.tool_results if result.is_error)[:300])
        return cost


def run(base: Path, *, rounds: int, cycles: int) -> list[Report]:
    """Measure, and say what a tool call costs more."""
    actions: dict[str, Action] = {
        PLAIN: Stage(base, "plain", hooks=False, cycles=cycles).play,
        HOOKED: Stage(base, "hooked", hooks=True, cycles=cycles).play,
    }
    found = interleaved(actions, rounds=rounds)
    figures = (compared(HOOKED, found, PLAIN), compared(HOOKED, found, PLAIN, wall=True), _per_call(found, 3 * cycles))
    return [Report("whole-run", f"A session of {3 * cycles} tool calls by the scripted agent", figures)]


def _per_call(found: dict[str, Spent], calls: int) -> Figure:
    """What a tool call takes longer on the clock, beside a model that thinks."""
    added = (found[HOOKED].wall - found[PLAIN].wall) / calls
    slowest = (found[HOOKED].wall_p90 - found[PLAIN].wall) / calls
    alone = THINKING + found[PLAIN].wall / calls
    return Figure("added to each tool call", "ms wall", added, slowest, "a turn without hooks", 1 + added / alone, GOAL)
