"""One hook call of a client: payload in on stdin, answer out; whatever goes wrong on our side refuses."""

from __future__ import annotations

import contextlib
import os
import sys

from phasegate.agents.interface import LARGEST_PAYLOAD, Client, Reply, UnreadableCall
from phasegate.engine.answer import answer
from phasegate.errors import Exit, Failure
from phasegate.ledger.event import Actor
from phasegate.policy import calls as c
from phasegate.telemetry.log_lines import LogLines, least_level
from phasegate.wiring import CLIENTS, RealDesk, changed_settings, open_project
from phasegate.workspace import git, place


class HookBroken(Failure):
    """A hook call met an error nobody expected; it is a bug of ours."""

    code = "hook-broken"
    exit_code = Exit.BUG


def main(arguments: list[str]) -> int:
    """Print the answer to the call of the client that is named, in one write, and return its exit code."""
    named = arguments[0] if arguments else "claude"
    client = CLIENTS.get(named)
    if client is None:
        sys.stderr.write(f"phasegate: there is no client called {named!r}.\n")
        return 2
    reply = reply_to(client, sys.stdin.buffer.read(LARGEST_PAYLOAD + 1))
    for stream, content in ((1, reply.stdout), (2, reply.stderr)):
        if content:
            with contextlib.suppress(OSError):  # nobody listens; the exit code is left to say it
                _write(stream, content)
    return reply.exit


def reply_to(client: Client, payload: bytes) -> Reply:
    """The reply to one payload; any failure becomes a refusal where one is possible."""
    moment, first = None, True
    try:
        call = client.read(payload, os.environ)
        moment = _moment(payload)
        if call is None:
            return Reply()
        first = not getattr(call, "again", False)
        return client.write(call, _answer(client, call))
    except UnreadableCall as failure:
        return client.crashed(failure.moment, failure, env=os.environ, first=first)
    except Failure as failure:
        return client.crashed(moment, failure, env=os.environ, first=first)
    except Exception as problem:  # fail closed: a bug of ours must not wave the call through
        broken = HookBroken(
            f"phasegate met a bug: {type(problem).__name__}: {problem}",
            hint="Run `phasegate doctor`; `phasegate pause` lets the agent work without phasegate meanwhile.",
        )
        _log_bug(problem)
        return client.crashed(moment, broken, env=os.environ, first=first)


def _answer(client: Client, call: c.Call) -> c.Answer:
    """Open the project the client works in, and answer; a place without one is none of our business."""
    root = client.root_hint(os.environ, call.caller.cwd)
    try:
        where = place.locate(root)
        if place.read_pointer(where) is None and not _pointed_again(where):
            return _without_ledger(where, call)
        project = open_project(root, os.environ)
    except (git.NotARepository, git.BareRepository, place.NotInitialised):
        return c.Silent()
    except Failure:
        if place.paused(where):
            return c.Silent()
        raise
    lines = LogLines(
        os.path.join(project.directory, "logs"),
        least=least_level(os.environ.get("PHASEGATE_LOG", "")),
        call=_call_id(call),
    )
    try:
        call = _with_process(call)
        actor = Actor("agent", call.caller.client, call.caller.session)
        desk = RealDesk(project, actor)
        said = answer(call, desk)
        lines.write("info", "hook", moment=type(call).__name__, answer=type(said).__name__, events=desk.recorded)
        if isinstance(call, c.SessionOpened | c.TurnEnding) and (changed := changed_settings(project)):
            return _and_settings(said, changed)
        return said
    except Failure as failure:
        lines.write("error", "hook failed", moment=type(call).__name__, code=failure.code, said=failure.message)
        raise
    finally:
        project.close()


def _pointed_again(where: git.Place) -> bool:
    """Whether the pointer of a clone that is known to have a ledger was gone, and is put back."""
    known = place.registered(where, os.environ)
    if known is not None:
        place.write_pointer(where, known)
    return known is not None


def _without_ledger(where: git.Place, call: c.Call) -> c.Answer:
    """A clone whose `phasegate.toml` came with it, but that nobody has set up here."""
    if place.set_up(where):
        missing = place.pointer_path(where.common, where.prefix)
        raise place.PointerUnreadable(
            f"{missing}, which says where the ledger of this clone lies, is gone.",
            hint="Run `phasegate init` again: it finds the ledger or begins a new one.",
        )
    if isinstance(call, c.SessionOpened) and os.path.exists(os.path.join(where.root, place.SETTINGS)):
        return c.Inform("phasegate: this clone is not set up. A person runs `phasegate init` in it once.")
    return c.Silent()


def _and_settings(said: c.Answer, changed: list[str]) -> c.Answer:
    from phasegate.plain import line

    named = ", ".join(line(name, 200) for name in changed[:5]) + (", ..." if len(changed) > 5 else "")
    notice = (
        f"phasegate: not as a person trusted: {named}; the settings trusted last stay in force. "
        "A person looks at what changed with `phasegate policy check` and trusts it with `phasegate policy trust`."
    )
    match said:
        case c.KeepGoing(reason=reason):
            return c.KeepGoing(f"{reason}\n{notice}")
        case c.Inform(text=text):
            return c.Inform(f"{notice}\n{text}")
        case _:
            return c.Inform(notice)


def _client_pid() -> int:
    """The process of the client, which must have called us itself; 0 when it does not say which it is."""
    named = os.environ.get("CLAUDE_PID", "")
    return os.getppid() if named == str(os.getppid()) else 0


def _with_process(call: c.Call) -> c.Call:
    """The call with the client's process, and for a prompt how old the hook's own is."""
    import msgspec

    age = 0
    if isinstance(call, c.PromptGiven):
        from phasegate.workspace.processes import age_ms

        age = age_ms(os.getpid())
    return msgspec.structs.replace(call, caller=msgspec.structs.replace(call.caller, pid=_client_pid(), age_ms=age))


def _call_id(call: c.Call) -> str:
    return call.use.id if isinstance(call, c.ToolAsked | c.ToolReturned) else call.caller.session


def _moment(payload: bytes) -> str | None:
    from phasegate.agents.claude_code import moment_of

    return moment_of(payload)


def _log_bug(problem: Exception) -> None:
    """Leave the trace where `doctor` finds it; never on the client's streams."""
    import traceback

    trace = "".join(traceback.format_exception(problem))
    with contextlib.suppress(Failure):
        directory = os.path.join(place.state_home(os.environ), "logs")
        LogLines(directory).write("error", "hook bug", trace=trace[-8000:])


def _write(stream: int, content: bytes) -> None:
    while content:
        content = content[os.write(stream, content) :]
