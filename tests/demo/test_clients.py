"""The real client and its stand-in tell hooks the same, obey them alike, and can be killed and resumed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate.entrypoints.demo.client import Client, ClientTimedOut, Finished, Place
from phasegate.entrypoints.demo.real_client import ClientNotFound, RealClient, find_client
from phasegate.entrypoints.demo.script import ApiError, Call, Route, Script, Step, Text, Turn, call, say
from phasegate.entrypoints.demo.scripted_client import ScriptedClient
from phasegate.entrypoints.demo.scripted_model import ScriptedModel

Hooks = dict[str, list[dict[str, Any]]]
Start = Callable[[Place], Client]

RECORDER = """
import json, os, sys
payload = json.load(sys.stdin)
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps({"payload": payload, "environment": sorted(os.environ), "agent": os.environ["AI_AGENT"],
                             "leader": os.getsid(0) == os.getpid()}) + "\\n")
summarising = payload.get("agent_type") == ""
if payload["hook_event_name"] in ("Stop", "SubagentStop") and not payload["stop_hook_active"] and not summarising:
    print(json.dumps({"decision": "block", "reason": "not yet"}))
"""
"""Writes down every payload, and refuses the first stop of the session and of each subagent."""

UNRULY = """
import json, os, signal, sys, time
payload = json.load(sys.stdin)
event = payload["hook_event_name"]
def answer(decision, event=event, **more):
    return json.dumps({"hookSpecificOutput": {"hookEventName": event, **decision, **more}})
deny = answer({"permissionDecision": "deny", "permissionDecisionReason": "R!"})
context = answer({"additionalContext": "CONTEXT"})
def end(out="", code=0, err=""):
    sys.stdout.write(out)
    sys.stderr.write(err)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
match os.path.basename(payload["tool_input"]["file_path"]):
    case "deny, exit 0": end(deny)
    case "deny, exit 1": end(deny, 1)
    case "deny, exit 2": end(deny, 2, "E!")
    case "allow, exit 2": end(deny.replace("deny", "allow"), 2, "E!")
    case "deny without a reason": end(answer({"permissionDecision": "deny"}))
    case "exit 2": end("", 2, "E!")
    case "exit 2, silent": end("", 2)
    case "legacy block, exit 1": end('{"decision": "block", "reason": "L!"}', 1)
    case "ask": end(deny.replace("deny", "ask"))
    case "crash": end("", 1, "boom")
    case "killed": os.kill(os.getpid(), signal.SIGKILL)
    case "too slow": time.sleep(30)
    case "noise before a deny": end("noise\\n" + deny)
    case "noise before a deny, exit 1": end("noise\\n" + deny, 1)
    case "noise after a deny, exit 1": end(deny + "\\nnoise", 1)
    case "half a deny": end(deny[:-5])
    case "half a deny, exit 1": end(deny[:-5], 1)
    case "another event's deny": end(deny.replace("PreToolUse", "PostToolUse"))
    case "no such decision": end(deny.replace("deny", "denny"))
    case "unknown keys": end('{"foo": 1}')
    case "empty object, exit 1": end("{}", 1)
    case "context": end(context)
    case "other input": end(answer({"updatedInput": payload["tool_input"] | {"content": "other"}}))
"""
"""Answers in the way that the name of the file to be written says."""

PASSED, REFUSED_OR_PASSED = "passed", "refused where onFailure says so"
CONDUCT = {
    "deny, exit 0": "PreToolUse:Write hook error: R!",
    "deny, exit 1": "PreToolUse:Write hook error: R!",
    "deny, exit 2": "PreToolUse:Write hook error: R!",
    "allow, exit 2": "PreToolUse:Write hook error: [HOOK]: E!",
    "deny without a reason": "PreToolUse:Write hook error: Blocked by hook",
    "exit 2": "PreToolUse:Write hook error: [HOOK]: E!",
    "exit 2, silent": "PreToolUse:Write hook error: [HOOK]: No stderr output",
    "legacy block, exit 1": "PreToolUse:Write hook error: L!",
    "ask": "R!",
    "crash": REFUSED_OR_PASSED,
    "killed": REFUSED_OR_PASSED,
    "too slow": REFUSED_OR_PASSED,
    "noise before a deny": PASSED,
    "noise before a deny, exit 1": REFUSED_OR_PASSED,
    "noise after a deny, exit 1": REFUSED_OR_PASSED,
    "half a deny": PASSED,
    "half a deny, exit 1": REFUSED_OR_PASSED,
    "another event's deny": REFUSED_OR_PASSED,
    "no such decision": REFUSED_OR_PASSED,
    "unknown keys": PASSED,
    "empty object, exit 1": REFUSED_OR_PASSED,
    "context": PASSED,
    "other input": PASSED,
}
"""What comes of each way to answer PreToolUse."""

EVERY_EVENT = """
    SessionStart UserPromptSubmit PreToolUse PostToolUse PostToolUseFailure PostToolBatch PermissionRequest
    SubagentStart SubagentStop Stop StopFailure PreCompact PostCompact ConfigChange SessionEnd
""".split()

REAL_ONLY_ABOUT_SUBAGENTS = """
    canContinueAgent harnessNoteCount harnessSectionHash harnessTailCount resolvedModel toolStats toolsUsed
    totalDurationMs totalTokens totalToolUseCount usage
""".split()
"""Figures of the real program about a subagent's work; nothing of ours reads them."""
CLIENT_ONLY_ENVIRONMENT = {
    # The real program's private channels to its children.
    "CLAUDE_CODE_CHILD_NOTES_DIR",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_MESSAGING_SOCKET",
    "CLAUDE_CODE_MESSAGING_TOKEN",
    "CLAUDE_CODE_SESSION_ATTENDED",
    # What it sets for package managers and shells of its own accord.
    "COREPACK_ENABLE_AUTO_PIN",
    "NoDefaultCurrentDirectoryInExePath",
}


def _real(place: Place) -> Client:
    try:
        found = find_client()
    except ClientNotFound as problem:
        pytest.skip(f"NOT TESTED WITH THE REAL CLIENT: {problem}")
    return RealClient(place, found)


real_client = pytest.mark.real_client
both = pytest.mark.parametrize("start", [pytest.param(_real, marks=real_client, id="real"), ScriptedClient])


class Ground:
    """A project with hooks, a private home, and the scripted model that both clients talk to."""

    def __init__(self, folder: Path, hooks: Hooks) -> None:
        self.project = folder / "project"
        self.home = folder / "home"
        self.record = folder / "record.jsonl"
        (self.project / ".claude").mkdir(parents=True)
        self.home.mkdir()
        subprocess.run(["git", "init", "-q", self.project], check=True)
        settings = {"hooks": {event: [{"hooks": entries}] for event, entries in hooks.items()}}
        (self.project / ".claude/settings.json").write_text(json.dumps(settings))

    def place(self, model: ScriptedModel) -> Place:
        extra = {"RECORD": str(self.record)}
        return Place(str(self.project), str(self.home), model.url, model.key, extra)

    def path(self, name: str) -> str:
        return str(self.project / name)

    def play(self, start: Start, *turns: Step, routes: tuple[Route, ...] = ()) -> tuple[Finished, ScriptedModel]:
        with ScriptedModel(Script(turns=turns, routes=routes)) as model:
            finished = start(self.place(model)).start("go").wait(120)
        assert model.problems == []
        return finished, model

    def recorded(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


def hook(code: str, **fields: Any) -> dict[str, Any]:
    """A hook in Python, in exec form."""
    return {"type": "command", "command": sys.executable, "args": ["-I", "-c", code], "timeout": 20, **fields}


def _every_kind_of_turn(ground: Ground) -> tuple[Step, ...]:
    a = ground.path("a.txt")
    return (
        call("Write", file_path=a, content="one\ntwo\n"),
        call("Edit", file_path=a, old_string="two", new_string="three"),
        call("Edit", file_path=a, old_string="not there", new_string="x"),
        Turn(blocks=(Text("Two."), Call("Bash", {"command": "echo out; echo err >&2", "description": "works"}))),
        call("Bash", command="echo out; echo err >&2; exit 3", description="fails"),
        call("Bash", command="mkdir -p d && cd d", description="moves"),
        call("Bash", command="cd ..", description="moves back"),
        call("Bash", command="cd /", description="moves away"),
        call("Read", file_path=a),
        call("Read", file_path=ground.path("missing.txt")),
        call("Agent", description="d", prompt="SUBTASK", subagent_type="general-purpose", run_in_background=False),
        call("Write", file_path=a, content="over\n"),
        call("Bash", command="printf 'changed\\nunder it\\n' > a.txt", description="writes unseen"),
        call("Edit", file_path=a, old_string="over", new_string="x"),
        call("Edit", file_path=a, old_string="changed", new_string="edited"),
        call("Read", file_path=a),
        call("Bash", command="echo again >> a.txt", description="writes unseen"),
        call("Edit", file_path=a, old_string="over", new_string="x"),
        call("Edit", file_path=a, old_string="again", new_string="once more"),
        call("Edit", file_path=ground.path("unread.txt"), old_string="un", new_string="never-"),
        call("Edit", file_path=ground.path("new.txt"), old_string="", new_string="made by an edit\n"),
        call("Edit", file_path=ground.path("missing.txt"), old_string="x", new_string="y"),
        call("Edit", file_path=a, old_string="edited", new_string="edited"),
        call("Write", file_path=ground.path(".claude/settings.json"), content="{}"),
        call("MultiEdit", file_path=a),
        call("Write", content="x"),
        Turn(blocks=(Call("Bash", {"command": "true", "description": "fills up"}),), usage={"input_tokens": 980_000}),
        say("All done."),
        say("Really."),
    )


def _told(ground: Ground, start: Start) -> list[dict[str, Any]]:
    (ground.project / "unread.txt").write_text("unread\n")
    route = Route("SUBTASK", (call("Bash", command="echo sub", description="d"), say("sub done"), say("sub really")))
    finished, _ = ground.play(start, *_every_kind_of_turn(ground), routes=(route,))
    assert (finished.exit_code, finished.result, finished.reason) == (0, "Really.", "completed")
    return ground.recorded()


def _plain(ground: Ground, payload: dict[str, Any]) -> dict[str, Any]:
    """A payload without what is another at every run, and without the differences that are known and explained."""
    text = json.dumps(payload).replace(re.sub(r"[^A-Za-z0-9]", "-", str(ground.project)), "PROJECT")
    text = text.replace(str(ground.project.parent), "GROUND")
    for changing in (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"toolu_\w+", r"\ba[0-9a-f]{16}\b"):
        text = re.sub(changing, "ID", text)
    plain: dict[str, Any] = json.loads(re.sub(r'"duration_ms": \d+', '"duration_ms": 0', text))
    response = plain.get("tool_response", {})
    for figure in REAL_ONLY_ABOUT_SUBAGENTS if plain.get("tool_name") == "Agent" else ():
        response.pop(figure, None)
    if plain.get("tool_name") == "Bash" and response:
        # The real program guesses this from the words of the command.
        del response["noOutputExpected"]
    for call_made in plain.get("tool_calls", ()):
        if call_made["tool_name"] == "Agent":
            # A longer preamble against forged reports.
            call_made["tool_response"] = "..."
    return plain


@real_client
def test_the_stand_in_tells_hooks_what_the_real_client_tells_them(tmp_path: Path) -> None:
    """Same events in the same order, with the same fields and the same environment."""
    hooks = {event: [hook(RECORDER)] for event in EVERY_EVENT}
    theirs, ours = Ground(tmp_path / "real", hooks), Ground(tmp_path / "stand-in", hooks)
    real, stand_in = _told(theirs, _real), _told(ours, ScriptedClient)
    assert [_plain(ours, one["payload"]) for one in stand_in] == [_plain(theirs, one["payload"]) for one in real]
    assert [list(one["payload"]) for one in stand_in] == [list(one["payload"]) for one in real]
    for mine, its in zip(stand_in, real, strict=True):
        assert set(its["environment"]) - set(mine["environment"]) <= CLIENT_ONLY_ENVIRONMENT
        assert set(mine["environment"]) <= set(its["environment"])
        assert (mine["agent"], mine["leader"]) == (its["agent"], its["leader"])


@both
@pytest.mark.parametrize("on_failure", ["continue", "block"])
def test_an_answer_to_pretooluse_means_what_the_table_says(start: Start, on_failure: str, tmp_path: Path) -> None:
    """Each way a hook can answer, or fail to, is tried on a file named after it."""
    unruly = hook(UNRULY, timeout=4, onFailure=on_failure)
    ground = Ground(tmp_path, {"PreToolUse": [unruly]})
    finished, _ = ground.play(start, *(call("Write", file_path=ground.path(way), content="x") for way in CONDUCT))
    line = " ".join((unruly["command"], *unruly["args"]))
    for (way, expected), result in zip(CONDUCT.items(), finished.tool_results, strict=True):
        refused = expected != PASSED and (expected != REFUSED_OR_PASSED or on_failure == "block")
        assert (way, result.is_error, os.path.exists(ground.path(way))) == (way, refused, not refused)
        if expected not in (PASSED, REFUSED_OR_PASSED):
            assert result.text == expected.replace("HOOK", line)
        elif refused:
            assert 'blocking because onFailure is "block"' in result.text
    assert (ground.project / "other input").read_text() == "other"


@both
def test_a_hook_that_is_not_there_refuses_only_under_on_failure(start: Start, tmp_path: Path) -> None:
    missing = {"type": "command", "command": "/nowhere/at/all", "args": []}
    for name, fields, passes in (("open", {}, True), ("closed", {"onFailure": "block"}, False)):
        ground = Ground(tmp_path / name, {"PreToolUse": [missing | fields]})
        ground.play(start, call("Write", file_path=ground.path("a.txt"), content="x"))
        assert os.path.exists(ground.path("a.txt")) is passes


@both
def test_one_invalid_entry_under_pretooluse_voids_every_hook(start: Start, tmp_path: Path) -> None:
    hooks = {"PreToolUse": [hook(RECORDER), hook(RECORDER, onFailure="nonsense")], "Stop": [hook(RECORDER)]}
    ground = Ground(tmp_path, hooks)
    ground.play(start, call("Write", file_path=ground.path("a.txt"), content="x"))
    assert not ground.record.exists()


@both
def test_stop_is_refused_eight_times_in_a_row_and_no_more(start: Start, tmp_path: Path) -> None:
    refuse = hook('print(\'{"decision": "block", "reason": "no"}\'); raise SystemExit(1)')
    ground = Ground(tmp_path, {"Stop": [refuse]})
    finished, model = ground.play(start, *(say(str(number)) for number in range(12)))
    assert [seen.event for seen in finished.hooks] == ["Stop"] * 9
    assert (finished.exit_code, finished.result, finished.reason) == (0, "", "completed")
    assert model.requests[8].last_user == "Stop hook feedback:\nno"


@both
def test_a_stop_hook_that_crashes_lets_the_agent_stop(start: Start, tmp_path: Path) -> None:
    ground = Ground(tmp_path, {"Stop": [hook("raise SystemExit(1)", onFailure="block")]})
    finished, model = ground.play(start, say("over"), say("not reached"))
    assert (finished.result, len(model.requests)) == ("over", 1)


@both
def test_a_stop_hook_may_refuse_by_exit_code_two(start: Start, tmp_path: Path) -> None:
    code = "import json, sys\nif not json.load(sys.stdin)['stop_hook_active']: sys.stderr.write('E!'); sys.exit(2)"
    finished, model = Ground(tmp_path, {"Stop": [hook(code)]}).play(start, say("one"), say("two"))
    assert finished.result == "two"
    assert model.requests[1].news.endswith("]: E!")


@both
def test_a_refused_prompt_never_reaches_the_model(start: Start, tmp_path: Path) -> None:
    refuse = hook('print(\'{"decision": "block", "reason": "no"}\')')
    ground = Ground(tmp_path, {"UserPromptSubmit": [refuse], "SessionEnd": [hook(RECORDER)]})
    finished, model = ground.play(start, say("never"))
    assert model.requests == ()
    assert finished.exit_code == 0
    assert finished.result == "UserPromptSubmit operation blocked by hook:\nno\n\nOriginal prompt: go"
    assert [one["payload"]["hook_event_name"] for one in ground.recorded()] == ["SessionEnd"]


@both
def test_what_hooks_have_to_add_reaches_the_model(start: Start, tmp_path: Path) -> None:
    def tells(event: str) -> dict[str, Any]:
        told = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": f"FROM {event}"}}
        return hook(f"print({json.dumps(told)!r})")

    events = ("SessionStart", "PreToolUse", "PostToolUse", "PostToolUseFailure")
    ground = Ground(
        tmp_path, {event: [tells(event)] for event in events} | {"UserPromptSubmit": [hook("print('PLAIN')")]}
    )
    works, fails = call("Bash", command="true", description="d"), call("Bash", command="exit 3", description="d")
    _, model = ground.play(start, works, fails, say("end"))
    assert "FROM SessionStart" in model.requests[0].news
    assert "PLAIN" in model.requests[0].news
    assert "PreToolUse:Bash hook additional context: FROM PreToolUse" in model.requests[1].news
    assert "PostToolUse:Bash hook additional context: FROM PostToolUse" in model.requests[1].news
    assert "PostToolUseFailure:Bash hook additional context: FROM PostToolUseFailure" in model.requests[2].news


@both
def test_a_refusal_after_the_deed_is_only_told_to_the_model(start: Start, tmp_path: Path) -> None:
    refuse = hook('print(\'{"decision": "block", "reason": "no"}\')')
    ground = Ground(tmp_path, {"PostToolUse": [refuse]})
    _, model = ground.play(start, call("Write", file_path=ground.path("a.txt"), content="x"), say("end"))
    assert os.path.exists(ground.path("a.txt"))
    assert "PostToolUse:Write hook blocking error from command:" in model.requests[1].news
    assert not model.requests[1].refused


@both
@pytest.mark.parametrize("refusal", ["crash", "word", "none"])
def test_hooks_stay_in_force_when_their_change_is_refused(start: Start, refusal: str, tmp_path: Path) -> None:
    """By word or, under `onFailure`, by a crash; otherwise new hooks bite within the session."""
    code = {"crash": "raise SystemExit(1)", "word": 'print(\'{"decision": "block", "reason": "no"}\')'}
    guard = {} if refusal == "none" else {"ConfigChange": [hook(code[refusal], onFailure="block")]}
    ground = Ground(tmp_path, guard)
    new = {"hooks": {"PreToolUse": [{"matcher": "Write", "hooks": [{"type": "command", "command": "exit 2"}]}]}}
    (ground.project / "new.json").write_text(json.dumps(new))
    change = "python3 -c \"import shutil; shutil.copy('new.json', '.claude/settings.local.json')\""
    ground.play(
        start,
        call("Bash", command=change, description="changes the hooks"),
        call("Bash", command="sleep 4", description="lets the client notice"),
        call("Write", file_path=ground.path("a.txt"), content="x"),
    )
    assert os.path.exists(ground.path("a.txt")) is (refusal != "none")


@both
def test_a_killed_session_leaves_nothing_running_and_resumes_at_the_next_turn(start: Start, tmp_path: Path) -> None:
    """The shell that the client had started dies with it, though it leads a session of its own."""
    ground = Ground(tmp_path, {"SessionStart": [hook(RECORDER)]})
    waits = "echo $$ > pid; sleep 60; touch survived"
    turns = (call("Bash", command=waits, description="waits"), say("after"), say("and on"))
    with ScriptedModel(Script(turns=turns)) as model:
        client = start(ground.place(model))
        killed = client.start("go")
        _wait_for(lambda: (ground.project / "pid").exists() and (ground.project / "pid").read_text() != "")
        assert killed.kill().killed
        _wait_for(lambda: not _runs(int((ground.project / "pid").read_text())))
        resumed = client.start("go on", resume=killed.session_id)
        assert resumed.wait(60).result == "after"
        assert resumed.session_id == killed.session_id
        carried_on = client.start("still there?", carry_on=True)
        assert carried_on.wait(60).result == "and on"
        assert carried_on.session_id == killed.session_id
        last = model.requests[-1]
    assert (last.first_user, last.last_user) == ("go", "still there?")
    assert [one["payload"]["source"] for one in ground.recorded()] == ["startup", "resume", "resume"]


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which is all that is left of it until its new parent looks."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")


def _wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@both
def test_a_hook_in_the_middle_of_its_work_dies_with_its_client(start: Start, tmp_path: Path) -> None:
    lingers = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    ground = Ground(tmp_path, {"PreToolUse": [hook(lingers)]})
    with ScriptedModel(Script(turns=(call("Bash", command="true", description="d"),))) as model:
        session = start(ground.place(model)).start("go")
        _wait_for(lambda: (ground.project / "pid").exists() and (ground.project / "pid").read_text() != "")
        finished = session.kill()
    assert (finished.killed, finished.reason) == (True, "")
    _wait_for(lambda: not _runs(int((ground.project / "pid").read_text())))


@both
def test_a_client_that_takes_too_long_is_killed_aloud(start: Start, tmp_path: Path) -> None:
    with ScriptedModel(Script(turns=(Turn(delay=30.0),))) as model:
        session = start(Ground(tmp_path, {}).place(model)).start("go")
        with pytest.raises(ClientTimedOut):
            session.wait(0.5)
        assert not session.running


@both
def test_an_api_that_stumbles_is_asked_again(start: Start, tmp_path: Path) -> None:
    """An overloaded model, and a line that drops in the middle of an answer."""
    busy = Turn(error=ApiError(529, "overloaded_error", "busy"))
    dropped = Turn(blocks=(Text("half an answer"),), hang_up=True)
    finished, _ = Ground(tmp_path, {}).play(start, busy, dropped, say("at last"))
    assert (finished.exit_code, finished.result) == (0, "at last")


@both
def test_an_api_that_goes_on_refusing_ends_the_session(start: Start, tmp_path: Path) -> None:
    """Not through Stop: only SessionEnd is sure to be told."""
    ground = Ground(tmp_path, {"Stop": [hook(RECORDER)], "SessionEnd": [hook(RECORDER)]})
    finished, _ = ground.play(start, *[Turn(error=ApiError(message="bad request"))] * 12)
    assert (finished.exit_code, finished.reason) == (1, "api_error")
    assert finished.result == "API Error: 400 bad request"
    assert [one["payload"]["hook_event_name"] for one in ground.recorded()] == ["SessionEnd"]


@both
def test_a_hook_that_says_not_to_continue_ends_the_turn_after_the_call(start: Start, tmp_path: Path) -> None:
    ground = Ground(tmp_path, {"PreToolUse": [hook("print('{\"continue\": false}')")], "Stop": [hook(RECORDER)]})
    finished, model = ground.play(start, call("Write", file_path=ground.path("a.txt"), content="x"), say("not reached"))
    assert (finished.exit_code, finished.reason, len(model.requests)) == (0, "hook_stopped", 1)
    assert os.path.exists(ground.path("a.txt"))
    assert not ground.record.exists()


@both
def test_a_session_that_is_not_there_cannot_be_resumed(start: Start, tmp_path: Path) -> None:
    """Hooks hear of its end without having heard of its beginning."""
    ground = Ground(tmp_path, {"SessionStart": [hook(RECORDER)], "SessionEnd": [hook(RECORDER)]})
    with ScriptedModel(Script()) as model:
        finished = start(ground.place(model)).start("go", resume="11111111-2222-4333-8444-555555555555").wait(60)
    assert (finished.exit_code, finished.subtype) == (1, "error_during_execution")
    assert [one["payload"]["hook_event_name"] for one in ground.recorded()] == ["SessionEnd"]


@both
def test_carrying_on_where_nothing_was_begun_begins(start: Start, tmp_path: Path) -> None:
    ground = Ground(tmp_path, {"SessionStart": [hook(RECORDER)]})
    with ScriptedModel(Script()) as model:
        assert start(ground.place(model)).start("go", carry_on=True).wait(60).exit_code == 0
    assert [one["payload"]["source"] for one in ground.recorded()] == ["startup"]


@both
def test_settings_and_places_outside_the_project_are_not_written(start: Start, tmp_path: Path) -> None:
    ground = Ground(tmp_path, {})
    places = (ground.path(".claude/settings.local.json"), str(tmp_path / "outside.txt"))
    finished, _ = ground.play(start, *(call("Write", file_path=place, content="{}") for place in places))
    assert [result.is_error for result in finished.tool_results] == [True, True]
    assert not any(os.path.exists(place) for place in places)


@both
def test_the_clients_world_holds_nothing_of_ours_but_phasegate(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_OURS", "hush")
    command = "env | grep -c hush; command -v phasegate python; echo $HOME"
    finished, _ = Ground(tmp_path, {}).play(start, call("Bash", command=command, description="looks around"))
    scripts = os.path.dirname(sys.executable)
    expected = f"0\n{scripts}/phasegate\n{scripts}/python\n{tmp_path}/home"
    assert finished.tool_results[0].text == expected


def test_a_client_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\necho '2.1.197 (Claude Code)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PHASEGATE_CLAUDE", str(program))
    found = find_client()
    assert (found.path, found.version, found.fails_closed) == (str(program), (2, 1, 197), False)


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "not a program"])
def test_a_client_that_does_not_tell_its_version_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "claude"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PHASEGATE_CLAUDE", str(program))
    with pytest.raises(ClientNotFound) as refusal:
        find_client()
    assert refusal.value.hint
