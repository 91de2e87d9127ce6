"""`phasegate lookback` tells what was planted in transcripts and in git, needs no set-up, writes and sends nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from phasegate.agents.claude_transcripts import slug
from tests.cli.people import as_person

KEY = "AKIA" + "QWERTYUIOPASDFGH"
TEST = "def test_price():\n    assert price(3) == 6\n"

WATCHED = """
import os, sys
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate")
def watch(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"NETWORK {event} {args}")
    writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and args[0] != "/dev/null"
    if (writes or event in CHANGES) and os.path.dirname(str(args[0])) != os.environ["TMPDIR"]:
        raise SystemExit(f"WRITE {event} {args}")
sys.dont_write_bytecode = True
sys.addaudithook(watch)
from phasegate.entrypoints.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


class Past:
    """A repository and a home with transcripts."""

    def __init__(self, folder: Path, *, repository: bool = True) -> None:
        self.root, self.home = folder / "shop", folder / "home"
        self.root.mkdir(parents=True)
        self.home.mkdir()
        self.lines: list[str] = []
        if repository:
            self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> None:
        config = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *config, *words], cwd=self.root, check=True, capture_output=True)

    def commit(self, message: str, **files: str) -> None:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def add(self, kind: str, content: Any, **more: Any) -> None:
        stamp = f"2026-11-01T10:{len(self.lines) // 60:02d}:{len(self.lines) % 60:02d}.000Z"
        message = {"role": kind, "content": content, "id": f"m{len(self.lines)}"}
        fields = {"type": kind, "message": message, "cwd": str(self.root), "timestamp": stamp, "sessionId": "s"}
        self.lines.append(json.dumps(fields | more))

    def prompt(self, text: str) -> None:
        self.add("user", text)

    def says(self, text: str) -> None:
        self.add("assistant", [{"type": "text", "text": text}])

    def bash(self, command: str, output: str, *, failed: bool = False) -> None:
        name = f"t{len(self.lines)}"
        self.add("assistant", [{"type": "tool_use", "id": name, "name": "Bash", "input": {"command": command}}])
        self.add("user", [{"type": "tool_result", "tool_use_id": name, "content": output, "is_error": failed}])

    def edit(self, path: str, original: str, old: str, new: str) -> None:
        name, where = f"t{len(self.lines)}", str(self.root / path)
        given = {"file_path": where, "old_string": old, "new_string": new}
        self.add("assistant", [{"type": "tool_use", "id": name, "name": "Edit", "input": given}])
        result = {"filePath": where, "originalFile": original, "oldString": old, "newString": new}
        self.add("user", [{"type": "tool_result", "tool_use_id": name, "content": "ok"}], toolUseResult=result)

    def keep(self) -> None:
        folder = self.home / ".claude" / "projects" / slug(str(self.root))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "0a1b2c3d-session.jsonl").write_text("\n".join(self.lines) + "\n")

    def look(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.keep()
        env = {"HOME": str(self.home), "LANG": "C.UTF-8", "COLUMNS": "100"}
        return as_person(["phasegate", "lookback", "--since", "all", *words], self.root, env)

    def found(self, *words: str) -> list[dict[str, Any]]:
        return json.loads(self.look("--json", *words).stdout)["findings"]


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def misdeeds(past: Past) -> Past:
    """A session in which everything goes wrong, and a commit that does."""
    past.commit("Begin", tests__test_price_dot_py=TEST)
    past.prompt(f"Use the key {KEY}, and make it work.")
    past.edit("tests/test_price.py", TEST, "== 6", ">= 0")
    for number in range(3):
        past.edit("src/shop.py", f"x = {number}\n", str(number), str(number + 1))
        past.bash("pytest -q", "Exit code 1\nE  assert 5 == 6\n1 failed in 0.1s", failed=True)
    past.edit("src/shop.py", "x = 3\n", "3", "4")
    past.says("All tests pass. The task is complete.")
    past.commit("Work", tests__test_price_dot_py=TEST.replace("== 6", ">= 0"))
    past.lines.append(json.dumps({"type": "cost-state", "totalCostUSD": 1.25}))
    return past


def test_each_misdeed_is_told_with_its_place(past: Past) -> None:
    found = misdeeds(past).found()
    assert [finding["rule"] for finding in found] == ["key", "weakened", "claim", "loop"]
    key, weak, claim, loop = found
    assert "aws-access-key-id" in key["what"] and key["at"] == {
        "file": "0a1b2c3d-session.jsonl",
        "line": 1,
        "commit": "",
    }
    assert weak["at"]["file"] == "tests/test_price.py" and weak["at"]["commit"] and weak["also"][0]["line"] == 2
    assert "All tests pass." in claim["what"] and claim["at"]["line"] == len(past.lines) - 1
    assert "failed 3 times the same way" in loop["what"]


def test_the_page_tells_the_same_and_never_the_key(past: Past) -> None:
    shown = misdeeds(past).look()
    assert shown.returncode == 1 and shown.stderr == ""
    for words in ("4 findings in 1 session and 2 commits", "0a1b2c3d-session.jsonl:1", "$1.25", "phasegate init",
                  "assert price(3) == 6 → assert price(3) >= 0"):  # fmt: skip
        assert words in shown.stdout
    as_markdown = past.look("--format", "markdown")
    assert as_markdown.stdout.startswith("# What happened before phasegate") and as_markdown.returncode == 1
    for text in (shown.stdout, as_markdown.stdout, past.look("--json").stdout):
        assert KEY not in text


def test_good_work_has_no_findings(past: Past) -> None:
    past.commit("Begin", src__shop_dot_py="x = 1\n", tests__test_price_dot_py=TEST)
    past.prompt("Add a discount.")
    past.edit("src/shop.py", "x = 1\n", "1", "2")
    past.bash("pytest -q", "Exit code 1\n1 failed in 0.1s", failed=True)
    past.edit("src/shop.py", "x = 2\n", "2", "3")
    past.bash("pytest -q", "1 passed in 0.1s")
    past.says("All tests pass. The task is complete.")
    past.commit(
        "Add a discount", src__shop_dot_py="x = 3\n", tests__test_price_dot_py=TEST + "    assert price(0) == 0\n"
    )
    shown = past.look()
    assert shown.returncode == 0 and "Nothing was found in 1 session and 2 commits" in shown.stdout


def test_it_works_without_git_and_without_transcripts(tmp_path: Path) -> None:
    shown = Past(tmp_path, repository=False).look()
    assert shown.returncode == 0 and "No git history" in shown.stdout and shown.stderr == ""


def test_sessions_of_another_place_can_be_named(past: Past, tmp_path: Path) -> None:
    misdeeds(past).keep()
    other = Past(tmp_path / "other")
    folder = past.home / ".claude" / "projects" / slug(str(past.root))
    assert {finding["rule"] for finding in other.found("--sessions", str(folder))} == {"key", "loop"}
    assert other.found() == []
    assert other.look("--sessions", "nowhere").returncode == 2


def test_nothing_is_written_and_nothing_is_sent(past: Past) -> None:
    misdeeds(past).keep()
    before = _everything(past)
    scratch = past.root.parent / "scratch"  # what git is asked passes through unnamed files there
    scratch.mkdir()
    env = {"HOME": str(past.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", WATCHED, "lookback", "--since", "all"]
    ran = subprocess.run(command, cwd=past.root, env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (1, ""), ran.stderr
    assert _everything(past) == before and not any(scratch.iterdir())


def _everything(past: Past) -> dict[str, bytes]:
    folders = (past.root, past.home)
    return {str(path): path.read_bytes() if path.is_file() else b"" for folder in folders for path in folder.rglob("*")}


def test_what_others_wrote_steers_no_terminal(past: Past) -> None:
    past.commit("Begin \x1b[31m", tests__test_price_dot_py=TEST)
    past.prompt("x")
    past.edit("src/\x1b]0;t\x07a\u202e.py", "x = 1\n", "1", "2")
    past.says("All \u202e\x1b[2Jtests pass.")
    past.says("Done.\x1b[2J")
    shown = past.look()
    assert shown.returncode == 1 and not set(shown.stdout) & set("\x1b\x07\u202e")
