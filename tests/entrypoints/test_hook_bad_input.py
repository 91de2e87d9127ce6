"""Whatever reaches the hook, or is wrong around it, it answers in a form the client obeys, and fails closed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import PHASEGATE
from tests.cli.terminal import Project

RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
PLAN_FILE = "docs/development_roadmap/phases.md"
Done = subprocess.CompletedProcess[bytes]


class Client:
    """A client in `project` that calls the installed hook command as the real one does."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.env = {
            "PATH": os.environ["PATH"], "CLAUDE_PROJECT_DIR": str(project.root),
            "AI_AGENT": "claude-code_2-1-330_x", **project.env,
        }  # fmt: skip

    def raw(self, payload: bytes, env: Mapping[str, str] | None = None) -> Done:
        return subprocess.run(
            [PHASEGATE, "hook", "claude"], input=payload, capture_output=True, env={**self.env, **(env or {})},
            cwd=self.project.root, check=False,
        )  # fmt: skip

    def call(self, moment: str, env: Mapping[str, str] | None = None, **fields: Any) -> Done:
        common = {"session_id": "s1", "transcript_path": "/none", "cwd": str(self.project.root)}
        done = self.raw(json.dumps({**common, "hook_event_name": moment, **fields}).encode(), env)
        assert b"Traceback" not in done.stderr and b"met a bug" not in done.stdout + done.stderr, done
        return done

    def opens(self, env: Mapping[str, str] | None = None) -> str:
        return self.call("SessionStart", env, source="startup").stdout.decode()

    def stops(self, env: Mapping[str, str] | None = None) -> Done:
        return self.call("Stop", env, stop_hook_active=False)

    def writes(self, path: str, env: Mapping[str, str] | None = None, content: str = "x = 1\n") -> Done:
        asked = {"file_path": path, "content": content}
        return self.call("PreToolUse", env, tool_name="Write", tool_use_id="w1", tool_input=asked)

    def shell(self, command: str) -> str:
        """A shell call from its question to its result; what the agent is told after it."""
        fields: dict[str, Any] = {"tool_name": "Bash", "tool_use_id": "b1", "tool_input": {"command": command}}
        assert self.call("PreToolUse", **fields).returncode == 0
        subprocess.run(["bash", "-c", command], cwd=self.project.root, check=False)
        done = self.call("PostToolUse", **fields, tool_response={"stdout": "", "stderr": "", "interrupted": False})
        return json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"] if done.stdout else ""


def refuses(done: Done, said: str = "") -> None:
    """A denial in JSON with exit code 1: what a client that obeys `onFailure` takes for a refusal."""
    answer = json.loads(done.stdout)["hookSpecificOutput"]
    assert done.returncode == 1 and answer["permissionDecision"] == "deny"
    assert said in answer["permissionDecisionReason"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("tests/test_a.py", "def test_a() -> None:\n    assert True\n")
    return made


@pytest.fixture
def client(project: Project) -> Client:
    """A client in a run, in a step that may edit nothing."""
    project.ok("start", "--no-baseline")
    return Client(project)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The same for tests that leave the tree as it was: setting one up takes longer than asking it."""
    project = Project(tmp_path_factory.mktemp("standing"))
    project.ok("start", "--no-baseline")
    return Client(project)


def names(project: Project) -> set[bytes]:
    return set(os.listdir(os.fsencode(project.root)))


# --- stdin and stdout -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"{" * 100_000])
def test_payloads_that_are_none_are_refused(standing: Client, payload: bytes) -> None:
    refuses(standing.raw(payload), "phasegate cannot decide")


def test_a_payload_above_the_cap_is_refused_and_says_how_large_it_may_be(standing: Client) -> None:
    refuses(standing.writes("tests/a.py", content="x" * (33 << 20)), "32 MiB")


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", ">/dev/full", "| true", ">&- 2>&-"])
def test_a_refusal_keeps_its_exit_code_when_nobody_listens(standing: Client, tmp_path: Path, redirect: str) -> None:
    asked = {
        "session_id": "s1", "cwd": str(standing.project.root), "hook_event_name": "PreToolUse", "tool_name": "Write",
        "tool_use_id": "w1", "tool_input": {"file_path": "src/a.py", "content": "x"},
    }  # fmt: skip
    (tmp_path / "payload").write_text(json.dumps(asked))
    given = "" if redirect == "<&-" else f"<'{tmp_path}/payload'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {PHASEGATE} hook claude {given} {redirect}"],
        cwd=standing.project.root, env=standing.env, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and b"Traceback" not in done.stderr, done
    standing.project.ok("log", "verify")


def test_a_damaged_installation_refuses_instead_of_passing(standing: Client) -> None:
    damaged = (
        "import sys; sys.modules['phasegate.entrypoints.hook_call'] = None; "
        "from phasegate.entrypoints import hook; hook.main(['claude'])"
    )
    run = [sys.executable, "-c", damaged]
    done = subprocess.run(run, input=b"{}", env=standing.env, capture_output=True, check=False)
    refuses(done, "phasegate uninstall")
    assert b"Traceback" not in done.stderr


def test_a_process_id_that_is_none_stops_nothing(standing: Client) -> None:
    for pid in ("", "x", "-1", "9" * 30, "²"):
        assert "load_phase_plans" in standing.opens({"CLAUDE_PID": pid})


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a b.py", "q'\"`$x.py", r"new\nline.py", "ünï😀.py", "-rf", r"tab\t", r"\x01ctl", r"end\n", r"we\xffird"]
)
def test_a_file_of_any_name_is_put_back_and_its_bytes_can_be_had_again(standing: Client, name: str) -> None:
    before = names(standing.project)
    escaped = name.replace("'", r"\'")
    told = standing.shell(f"printf kept > ./$'{escaped}'")
    assert "was put back" in told
    assert names(standing.project) == before
    restore = told.split("What it held is kept; `", 1)[1].removesuffix("` restores it.")
    subprocess.run(["bash", "-c", restore], check=True)
    (new,) = names(standing.project) - before
    restored = Path(os.fsdecode(os.fsencode(standing.project.root) + b"/" + new))
    assert restored.read_bytes() == b"kept"
    restored.unlink()


@pytest.mark.parametrize("path", ["", ".", "a" * 5000, ".git/config", "~/x", "loop", "dangling", "dangling/x.py"])
def test_edits_of_odd_paths_in_the_tree_are_judged(client: Client, path: str) -> None:
    os.symlink("loop", client.project.root / "loop")
    os.symlink(b"nowh\xffere", os.fsencode(client.project.root / "dangling"))
    refuses(client.writes(path))


@pytest.mark.parametrize("path", ["out/f.py", "out.py", "../" * 50 + "etc/x", "/", "\0"])
def test_edits_that_lead_out_of_the_tree_are_refused(client: Client, tmp_path: Path, path: str) -> None:
    os.symlink(tmp_path, client.project.root / "out")
    os.symlink(tmp_path / "out.py", client.project.root / "out.py")
    refuses(client.writes(path), "outside")


def test_links_pipes_and_lost_links_in_the_tree_stop_nothing(client: Client) -> None:
    told = client.shell("ln -s /etc etc; ln -s nowhere lost; ln -s self self; mkfifo pipe; rm tests/test_a.py")
    assert "etc was put back" in told and "lost was put back" in told and "tests/test_a.py was put back" in told
    assert {b"etc", b"lost", b"self"}.isdisjoint(names(client.project))
    assert "load_phase_plans" in client.opens()


def test_submodules_and_nested_repositories_are_judged_as_content(project: Project, tmp_path: Path) -> None:
    make = (
        "git init -q -b main ../lib; echo 1 > ../lib/s.py; git -C ../lib add .; git -C ../lib commit -qm s; "
        "git -c protocol.file.allow=always submodule --quiet add ../lib mod; cp -r ../lib nested; "
        "git init -q -b main unborn; echo 1 > unborn/n.py"
    )
    subprocess.run(["bash", "-ec", make], cwd=project.root, env={**os.environ, **project.env}, check=True)
    project.ok("start", "--no-baseline")
    client = Client(project)
    paths = ("mod/s.py", "nested/s.py", "unborn/n.py")
    told = client.shell("; ".join(f"echo 5 > {path}" for path in paths))
    for path in paths:
        refuses(client.writes(path))
        assert f"{path} was put back" in told
        assert project.read(path) == "1\n"


def test_a_very_long_line_is_judged_like_any_other(client: Client) -> None:
    assert "big.py was put back" in client.shell("head -c 3000000 /dev/zero | tr '\\0' x > big.py")


# --- what the run stands on -------------------------------------------------------------------------------------------


def test_a_plan_turned_into_nonsense_where_it_may_be_edited_is_told(client: Client) -> None:
    from phasegate.ledger.facts import StepEntered

    project = client.project
    (run,) = project.state().runs.values()
    step = "update_plans_within_phase"
    project.recorded([StepEntered(run.id, step, run.step, "", run.phase, run.subject)])
    told = client.shell(rf"printf '\377 nonsense' > {PLAN_FILE}")
    assert "not UTF-8" in told and "last one read" in told
    assert project.root.joinpath(PLAN_FILE).read_bytes() == b"\xff nonsense"
    assert step in client.opens()
    assert client.stops().returncode == 0


@pytest.mark.parametrize("damage", ["ledger", "pointer"])
def test_what_cannot_be_read_refuses_tools_and_lets_turns_end(client: Client, damage: str) -> None:
    project = client.project
    broken = project.ledger if damage == "ledger" else project.root / ".git/phasegate/ledger.json"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:40])
    refuses(client.writes("src/a.py"), "cannot be read" if damage == "pointer" else "damaged")
    assert "not guiding this session" in client.opens()
    assert b"not guiding" in client.stops().stdout
    project.ok("pause")
    assert client.writes("src/a.py").returncode == 0
    assert client.opens() == ""


def test_a_missing_git_refuses_tools_that_need_it_and_says_what_to_install(client: Client, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = client.stops({"PATH": str(tmp_path / "bin")})
    assert done.returncode == 0 and b"Install git" in done.stdout


def test_settings_spoilt_during_a_run_stay_as_they_were_trusted_and_the_session_is_told(client: Client) -> None:
    client.project.write("phasegate.toml", "render = [[[\n")
    told = client.opens()
    assert "the settings trusted last stay in force" in told and "load_phase_plans" in told
    assert b"phasegate.toml; the settings trusted last stay in force" in client.stops().stdout
    refuses(client.writes("src/a.py"), "load_phase_plans")


def test_a_file_that_settings_name_is_told_when_it_is_another_as_a_session_begins_and_a_turn_ends(
    project: Project,
) -> None:
    pack, rules = 'format = "phasegate-policy-1"\n[modes]\ngenerated = "enforce"\n', 'format = "phasegate-policy-1"\n'
    project.write("packs/ours.toml", pack)
    project.write("rules.toml", rules)
    pinned = f'{{ pack = "packs/ours.toml", sha256 = "{hashlib.sha256(pack.encode()).hexdigest()}" }}'
    own = (project.root / "phasegate.toml").read_text()
    project.write("phasegate.toml", f'{own}[policy]\nfile = "rules.toml"\nextends = [{pinned}]\n')
    project.ok("policy", "trust")
    client = Client(project)
    assert "stay in force" not in client.opens() + client.stops().stdout.decode()
    project.write("packs/ours.toml", pack + "# another\n")
    (project.root / "rules.toml").unlink()
    for told in (client.opens(), client.stops().stdout.decode()):
        assert "not as a person trusted: packs/ours.toml, rules.toml; the settings trusted last stay in force" in told
    assert "packs/ours.toml" in project.ok("status")
    project.write("packs/ours.toml", pack)
    project.write("rules.toml", rules + "# says the same\n")
    assert "rules.toml" in client.opens()
    project.ok("policy", "trust")
    assert "stay in force" not in client.opens()


def test_a_home_that_is_missing_or_no_path_stops_no_refusal(standing: Client) -> None:
    for home, state in (("", ""), ("/none", "x"), ("/", "/dev/null")):
        refuses(standing.writes("src/a.py", {"HOME": home, "XDG_STATE_HOME": state}))
    assert names(standing.project).isdisjoint({b"~", b"x"})


# --- logs -------------------------------------------------------------------------------------------------------------


def test_one_id_joins_a_hooks_log_line_with_its_events(client: Client) -> None:
    refuses(client.writes("src/a.py"))
    log = client.project.ledger.parent / "logs/phasegate.jsonl"
    (line,) = [row for row in map(json.loads, log.read_text().splitlines()) if row["call"] == "w1"]
    shown = map(json.loads, client.project.ok("log", "show", "--json").splitlines())
    (event,) = [row for row in shown if row["position"] in line["events"]]
    assert event["kind"] == "CallRefused" and event["body"]["call"] == "w1"


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release lays out 40,000 files")
def test_a_repository_of_40000_files_is_driven(tmp_path: Path) -> None:
    """Prints what init, start, a refusal, a shell call and a stop take; nothing about time is asserted."""
    project = Project(tmp_path)
    for folder in range(400):
        (project.root / f"src/p{folder}").mkdir(parents=True)
        for file in range(100):
            (project.root / f"src/p{folder}/m{file}.py").write_text(f"value = {folder * file}\n")
    project.commit()
    client, took = Client(project), []
    for name, act in (
        ("init", lambda: project.ok("init", "--allow-ephemeral")),
        ("start", lambda: project.ok("start", "--no-baseline")),
        ("refusal", lambda: refuses(client.writes("src/p1/m1.py"))),
        ("shell call, two hooks", lambda: client.shell("echo 2 > src/p1/m1.py")),
        ("stop", client.stops),
        ("stop again", client.stops),
    ):
        began = time.monotonic()
        act()
        took.append(f"{name} {time.monotonic() - began:.2f} s")
    print("40,000 files:", ", ".join(took))
    assert project.read("src/p1/m1.py") == "value = 1\n"
