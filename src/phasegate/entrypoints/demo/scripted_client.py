"""The stand-in for Claude Code where that is not installed: same hooks, same payloads, same obedience.

A process of its own, like the client it stands in for, so that it can be killed like it:
`python -m phasegate.entrypoints.demo.scripted_client -p PROMPT`, with the model in `ANTHROPIC_BASE_URL`. It prints the
same JSON lines.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import uuid
from collections.abc import Sequence

from phasegate.entrypoints.demo.client import Place, Session
from phasegate.entrypoints.demo.real_client import session_options
from phasegate.entrypoints.demo.scripted_session import MODEL, Conversation, Desk, Json, ModelRefused, project_folder
from phasegate.entrypoints.demo.scripted_tools import REQUIRED


class ScriptedClient:
    """Starts the stand-in in `place`, like RealClient starts the real one."""

    name = "scripted agent"
    real = False

    def __init__(self, place: Place) -> None:
        self.place = place

    def start(self, prompt: str, *, resume: str | None = None, carry_on: bool = False) -> Session:
        """Begin with `prompt`: a new session, the one named by `resume`, or the newest of the project."""
        fresh = "" if resume or carry_on else str(uuid.uuid4())
        argv = [sys.executable, "-I", "-m", __name__, "-p", prompt]
        argv += session_options(resume, carry_on=carry_on, fresh=fresh)
        return Session(argv, cwd=self.place.project, environment=self.place.environment, session_id=resume or fresh)


# --- the program ------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """One `-p` session: 0 when it ended, whatever hooks said about it; 1 when the model could not be asked."""
    options = _options(argv)
    old = options.resume or (_newest_session() if options.carry_on else "")
    desk = Desk(old or options.session_id or str(uuid.uuid4()))
    conversation = Conversation(desk)
    if old and not os.path.exists(desk.transcript):
        exit_code = _lost(desk)
    else:
        _begin(conversation, old=bool(old))
        exit_code = _serve(conversation, options.prompt)
    desk.hook("SessionEnd", {"reason": "other"})
    return exit_code


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-p", dest="prompt", required=True)
    parser.add_argument("--session-id", default="")
    parser.add_argument("--resume", default="")
    parser.add_argument("--continue", dest="carry_on", action="store_true")
    return parser.parse_args(argv)


def _newest_session() -> str:
    with contextlib.suppress(FileNotFoundError), os.scandir(project_folder(os.getcwd())) as entries:
        found = [entry for entry in entries if entry.name.endswith(".jsonl")]
        newest = max(found, key=lambda entry: entry.stat().st_mtime_ns, default=None)
        return newest.name.removesuffix(".jsonl") if newest else ""
    return ""


def _lost(desk: Desk) -> int:
    """The end of a session that was to be resumed, and is not there."""
    print(f"No conversation found with session ID: {desk.session_id}", file=sys.stderr)
    desk.tell(type="result", subtype="error_during_execution", is_error=True)
    return 1


def _begin(conversation: Conversation, *, old: bool) -> None:
    fields: Json = {"source": "startup"}
    if old:
        conversation.load()
        idle = time.time() - os.stat(conversation.transcript).st_mtime
        cost = {"prompt_cache_likely_expired": idle > 300, "estimated_cache_write_usd": 0.0}
        fields = {"source": "resume", "seconds_since_last_response": int(idle), "context_tokens": 0, **cost}
    conversation.inform("SessionStart", conversation.desk.hook("SessionStart", fields))


def _serve(conversation: Conversation, prompt: str) -> int:
    desk = conversation.desk
    desk.prompt_id = str(uuid.uuid4())
    answers = desk.hook("UserPromptSubmit", {"prompt": prompt})
    desk.tell(type="system", subtype="init", cwd=desk.project, tools=list(REQUIRED), model=MODEL)
    refusal = next((answer.refusal for answer in answers if answer.refusal is not None), None)
    if refusal is not None:
        told = f"UserPromptSubmit operation blocked by hook:\n{refusal}\n\nOriginal prompt: {prompt}"
        return _end(desk, told, reason="")
    conversation.inform("UserPromptSubmit", answers)
    conversation.add("user", prompt)
    try:
        last_words = conversation.converse()
    except ModelRefused as problem:
        desk.hook("StopFailure", {"error": "unknown", "last_assistant_message": str(problem)})
        return _end(desk, str(problem), reason="api_error", exit_code=1)
    return _end(desk, last_words, reason=conversation.over or "completed")


def _end(desk: Desk, result: str, *, reason: str, exit_code: int = 0) -> int:
    failed = bool(exit_code)
    desk.tell(type="result", subtype="success", is_error=failed, result=result, terminal_reason=reason)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
