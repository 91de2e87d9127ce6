"""kill -9 of client, hook or runner at any moment: the run goes on at its step with nothing lost or doubled."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator

from phasegate.entrypoints.demo.script import say
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import HAND_OVER, OWN, SHOP, Project, bash, sound, wait_for
from tests.real_client.which import with_both

HOOK = b"phasegate.entrypoints.hook"


@with_both
def test_a_client_killed_in_a_shell_call_that_wrote_a_forbidden_file_is_recovered_and_the_file_put_back(
    project: Project,
) -> None:
    before = project.text(SHOP)
    with project.model(bash(f"echo 'x = 1' >> {SHOP}; sleep 100"), say("Here I am again.")) as model:
        client = project.client(model)
        session = client.start(HAND_OVER)
        wait_for(lambda: project.text(SHOP) != before, session=session)
        assert session.kill().killed and project.run.in_flight
        finished = sound(client.start(OWN).wait())
    assert project.text(SHOP) == before and project.put_back() == [SHOP] and not project.held()
    assert not project.run.in_flight and project.run.step == "load_phase_plans"
    assert [fact.step for fact in project.facts(f.RunRecovered)] == ["load_phase_plans"]
    told = [hook.stdout for hook in finished.hooks if hook.event == "SessionStart"]
    assert "was put back" in told[0] and "step load_phase_plans" in told[0]
    assert len(project.facts(f.RunStarted)) == 1


@with_both
def test_a_hook_killed_before_the_call_refuses_it_and_records_nothing_of_it(project: Project) -> None:
    with project.model(bash("echo x > refused.txt"), bash("true")) as model:
        session = project.client(model).start(OWN)
        wait_for(lambda: project.facts(f.PromptTaken), session=session)
        with ledger_locked(project):
            pid = hook_at_work(project, b"PreToolUse")
            os.kill(pid, signal.SIGKILL)
        finished = session.wait()
    refused, passed = finished.tool_results
    assert refused.is_error and not project.has("refused.txt") and not passed.is_error
    assert [fact.command for fact in project.facts(f.CallAsked)] == ["true"]


@with_both
def test_a_hook_killed_after_the_call_leaves_its_judging_to_the_next_one(project: Project) -> None:
    """The shell itself holds the ledger while it ends, so that the hook after it can be caught."""
    before = project.text(SHOP)
    with project.model(bash(f"echo 'x = 1' >> {SHOP}; sleep 1"), say("Done.")) as model:
        session = project.client(model).start(HAND_OVER)
        wait_for(lambda: project.text(SHOP) != before, session=session)
        with ledger_locked(project):
            pid = hook_at_work(project, b"PostToolUse")
            os.kill(pid, signal.SIGKILL)
        session.wait()
    assert project.text(SHOP) == before and project.put_back() == [SHOP]
    assert len(project.facts(f.CallAsked)) == 1 and not project.run.in_flight


def test_every_hook_of_a_session_may_be_killed_once(project: Project) -> None:
    """The one at the end of the turn lets the agent stop: nothing can close without the ledger."""
    with project.model(bash("true"), say("Done.")) as model:
        session = project.client(model).start(HAND_OVER)
        killed = 0
        with contextlib.suppress(AssertionError):
            while session.running and killed < 3:
                with ledger_locked(project):
                    os.kill(hook_at_work(project, b"", seconds=5), signal.SIGKILL)
                killed += 1
        assert killed and session.wait().exit_code == 0
    project.play(say("I know the phase."), prompt=HAND_OVER)
    assert len(project.facts(f.RunStarted)) == 1 and project.run.step == "explore"


@contextlib.contextmanager
def ledger_locked(project: Project) -> Iterator[None]:
    """Nobody can write to the ledger meanwhile: whoever wants to waits."""
    with project.desk() as desk:
        path = os.path.join(desk.project.directory, "ledger.db.queue")
    with open(path, "rb+") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield


def hook_at_work(project: Project, event: bytes, *, seconds: float = 30.0) -> int:
    """The pid of a hook process of this project's client; `event` is what the reader needs to know, not checked."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_hook(pid, project)]
        return bool(found)

    wait_for(look, seconds=seconds)
    return found[0]


def _is_hook(pid: int, project: Project) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read()
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return False
    return HOOK in words and f"CLAUDE_PROJECT_DIR={project.root}".encode() in environment


@with_both
def test_a_killed_test_runner_is_noticed_and_the_check_is_made_again(new_project: NewProject) -> None:
    project = new_project()
    gate = project.folder / "hang"
    slow = (
        f"import os, time\n\n\ndef test_slow():\n    while os.path.exists({str(gate)!r}):\n        time.sleep(0.05)\n"
    )
    project.write("tests/test_slow.py", slow)
    project.begin(at="explore")
    gate.touch()
    with project.model(bash("phasegate check tests"), bash("phasegate check tests")) as model:
        session = project.client(model).start(OWN)
        wait_for(lambda: project.facts(f.CheckStarted), session=session)
        os.kill(project.facts(f.CheckStarted)[0].pid, signal.SIGKILL)
        gate.unlink()
        first, second = session.wait().tool_results
    assert first.is_error and "runner-died" in first.text
    assert "2 of 2 tests pass" in second.text
    lost, made = project.facts(f.CheckEnded)
    assert "died" in lost.lost and not lost.evidence and made.evidence


@with_both
def test_tests_that_run_while_the_client_is_killed_are_recorded_all_the_same(new_project: NewProject) -> None:
    project = new_project()
    gate = project.folder / "hang"
    slow = (
        f"import os, time\n\n\ndef test_slow():\n    while os.path.exists({str(gate)!r}):\n        time.sleep(0.05)\n"
    )
    project.write("tests/test_slow.py", slow)
    project.begin(at="explore")
    gate.touch()
    with project.model(bash("phasegate check tests"), bash("phasegate wait")) as model:
        client = project.client(model)
        session = client.start(OWN)
        wait_for(lambda: project.facts(f.CheckStarted), session=session)
        # The client's shell kills its process group only; the runner has a session of its own, as after a log-out.
        os.kill(session.pid, signal.SIGKILL)
        gate.unlink()
        wait_for(lambda: project.facts(f.CheckEnded))
        finished = client.start(OWN).wait()
    assert "2 of 2 tests pass" in finished.tool_results[0].text
    assert project.facts(f.CheckEnded)[0].evidence and not project.run.checks


@with_both
def test_a_person_may_have_changed_files_between_two_sessions(project: Project) -> None:
    project.play(say("Hello."))
    project.write(SHOP, "PERSONS = 1\n")
    project.play(bash("true"))
    assert project.text(SHOP) == "PERSONS = 1\n"
    assert not project.put_back() and not project.held()
