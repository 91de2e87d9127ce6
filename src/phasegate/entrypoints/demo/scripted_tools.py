"""The tools of the stand-in: Write, Edit, Read and Bash, carried out for real and told in the words of Claude Code."""

from __future__ import annotations

import contextlib
import difflib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

import msgspec

IN_CONTEXT = " (file state is current in your context — no need to Read it back)"
BUT_CHANGED = (
    " (note: the file had been modified on disk since you last read it — the edit applied cleanly, but the file"
    " contains other changes not in your context. Read it before edits that depend on surrounding content.)"
)
REQUIRED = {
    "Write": ("file_path", "content"),
    "Edit": ("file_path", "old_string", "new_string"),
    "Read": ("file_path",),
    "Bash": ("command",),
    "Agent": ("description", "prompt"),
}
"""The tools there are, and what each cannot do without."""
SHELL = """for file in "$3"/*.sh; do [ -r "$file" ] && . "$file"; done
eval "$1" < /dev/null && pwd -P >| "$2"
"""
"""Runs `$1` under what hooks exported into the folder `$3`, and tells in `$2` where it ended up if it went well."""


class Invalid(Exception):
    """A call that is turned down before any hook hears of it; the message is for the model."""


class Unsuccessful(Exception):
    """A call that ran and failed; the message is for the model and for PostToolUseFailure."""


class Done(msgspec.Struct, frozen=True):
    """A call that worked: text for the model, the response for PostToolUse."""

    text: str
    response: dict[str, Any]


class Workbench:
    """A project as the tools of one session see it: where the shell stands, and which files the model knows."""

    def __init__(self, project: str, *, environment: Mapping[str, str], shell_files: str) -> None:
        self.project = project
        self.cwd = project
        self._environment = {**environment, "CLAUDECODE": "1", "SHELL": "/bin/bash", "GIT_EDITOR": "true"}
        self._shell_files = shell_files
        # What the model last read of a file; None once it wrote the file itself, from when on changes go unnoticed.
        self._known: dict[str, str | None] = {}

    def prepare(self, tool: str, given: dict[str, Any]) -> dict[str, Any]:
        """The input as hooks will see it; raises Invalid for a call that no hook will see."""
        if tool not in REQUIRED:
            raise Invalid(f"Error: No such tool available: {tool}")
        for name in REQUIRED[tool]:
            if not isinstance(given.get(name), str):
                problem = f"The required parameter `{name}` is missing"
                raise Invalid(f"InputValidationError: {tool} failed due to the following issue:\n{problem}")
        if "file_path" in given:
            given = given | {"file_path": os.path.join(self.cwd, given["file_path"])}
        if tool == "Edit":
            self._edited(given)
        return given

    def needs_permission(self, tool: str, given: dict[str, Any]) -> bool:
        """Whether a person would be asked, who is not there: writes outside the project, or to its settings."""
        if tool not in ("Write", "Edit"):
            return False
        inside = os.path.relpath(os.path.realpath(given["file_path"]), os.path.realpath(self.project))
        return inside.startswith("..") or (inside.startswith(".claude/settings") and inside.endswith(".json"))

    def carry_out(self, tool: str, given: dict[str, Any]) -> Done:
        """Do it; raises Unsuccessful."""
        try:
            match tool:
                case "Write":
                    return self._write(given["file_path"], given["content"])
                case "Edit":
                    return self._edit(given)
                case "Read":
                    return self._read(given["file_path"])
                case _:
                    return self._bash(given["command"], given.get("timeout", 120_000) / 1000)
        except (OSError, UnicodeError) as problem:
            raise Unsuccessful(str(problem)) from problem

    def _changed_since_read(self, path: str, content: str | None) -> bool:
        return self._known.get(path) is not None and self._known[path] != content

    def _edited(self, given: dict[str, Any]) -> tuple[str | None, str]:
        """A file before and after an edit; raises Invalid where the edit does not fit."""
        path, old, new = given["file_path"], given["old_string"], given["new_string"]
        before = _text(path) if os.path.exists(path) else None
        if old == new:
            raise Invalid("No changes to make: old_string and new_string are exactly the same.")
        if before is None and old:
            raise Invalid(f"File does not exist. Note: your current working directory is {self.cwd}.")
        count = (before or "").count(old) if old else 1
        if count == 0 and self._changed_since_read(path, before):
            problem = "File has been modified since read, either by the user or by a linter."
            raise Invalid(f"{problem} Read it again before attempting to write it.")
        if count == 0:
            raise Invalid(f"String to replace not found in file.\nString: {old}")
        if count > 1 and not given["replace_all"]:
            raise Invalid(f"Found {count} matches of the string to replace, but replace_all is false.\nString: {old}")
        return before, (before or "").replace(old, new) if old else new

    def _write(self, path: str, content: str) -> Done:
        before = _text(path) if os.path.exists(path) else None
        self._store(path, content)
        response = {
            "type": "create" if before is None else "update",
            "filePath": path,
            "content": content,
            "structuredPatch": [] if before is None else hunks(before, content),
            "originalFile": before,
            "userModified": False,
        }
        said = f"File created successfully at: {path}" if before is None else _updated(path)
        return Done(said + IN_CONTEXT, response)

    def _edit(self, given: dict[str, Any]) -> Done:
        path = given["file_path"]
        before, after = self._edited(given)
        stale = self._changed_since_read(path, before)
        unseen = stale or (before is not None and path not in self._known)
        note = BUT_CHANGED if stale else "" if unseen else IN_CONTEXT
        self._store(path, after)
        response = {
            "filePath": path,
            "oldString": given["old_string"],
            "newString": given["new_string"],
            "originalFile": before or "",
            "structuredPatch": hunks(before or "", after),
            "userModified": False,
            "replaceAll": given["replace_all"],
            **({"staleRecovered": True} if stale else {}),
            **({"contentNotInModelContext": True} if unseen else {}),
        }
        return Done(_updated(path) + note, response)

    def _store(self, path: str, content: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(content)
        self._known[path] = None

    def _read(self, path: str) -> Done:
        if not os.path.exists(path):
            raise Unsuccessful(f"File does not exist. Note: your current working directory is {self.cwd}.")
        content = self._known[path] = _text(path)
        lines = content.split("\n")
        numbered = "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, 1))
        file = {"filePath": path, "content": content, "numLines": len(lines), "startLine": 1, "totalLines": len(lines)}
        return Done(numbered, {"type": "text", "file": file})

    def _bash(self, command: str, timeout: float) -> Done:
        exit_code, output, cwd = self._shell(command, timeout)
        output = output.rstrip("\n")
        if exit_code is None:
            raise Unsuccessful(f"Exit code 143\nCommand timed out after {timeout:g}s")
        if exit_code:
            raise Unsuccessful(f"Exit code {exit_code}" + (f"\n{output}" if output else ""))
        reset = "" if _inside(cwd, self.project) else f"\nShell cwd was reset to {self.cwd}"
        self.cwd = self.cwd if reset else cwd
        flags = {"interrupted": False, "isImage": False, "noOutputExpected": not output}
        text = (output + reset).lstrip("\n") or "(Bash completed with no output)"
        return Done(text, {"stdout": output, "stderr": reset, **flags})

    def _shell(self, command: str, timeout: float) -> tuple[int | None, str, str]:
        """Exit code (None: out of time), both outputs in one, and where the shell stood at the end."""
        with tempfile.NamedTemporaryFile("r") as place, tempfile.TemporaryFile("w+", errors="replace") as output:
            # The output goes to a file: a process left in the background must not hold the shell's caller up.
            argv = ["/bin/bash", "-c", SHELL, "bash", command, place.name, self._shell_files]
            process = subprocess.Popen(
                argv,
                cwd=self.cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                exit_code: int | None = process.wait(timeout)
            except subprocess.TimeoutExpired:
                exit_code = None
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            output.seek(0)
            return exit_code, output.read(), place.read().strip() or self.cwd


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def _updated(path: str) -> str:
    return f"The file {path} has been updated successfully."


def _inside(path: str, folder: str) -> bool:
    real = os.path.realpath(folder)
    return os.path.commonpath((os.path.realpath(path), real)) == real


def hunks(before: str, after: str) -> list[dict[str, Any]]:
    """The difference as the client tells it, three lines of context around each change."""
    old, new = before.splitlines(), after.splitlines()
    groups = difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3)
    return [_hunk(group, old, new) for group in groups]


def _hunk(group: list[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> dict[str, Any]:
    lines: list[str] = []
    for kind, old_from, old_to, new_from, new_to in group:
        if kind == "equal":
            lines += [f" {line}" for line in old[old_from:old_to]]
        else:
            lines += [f"-{line}" for line in old[old_from:old_to]] + [f"+{line}" for line in new[new_from:new_to]]
    first, last = group[0], group[-1]
    spans = {"oldStart": first[1] + 1, "oldLines": last[2] - first[1]}
    return {**spans, "newStart": first[3] + 1, "newLines": last[4] - first[3], "lines": lines}
