"""Every kind of fact as one sentence for people: a table of templates, and the small language they are written in.

`{field}` is a field made safe to show, `{field:12}` at most 12 characters of it, `{field:#}` how many it holds,
`{field:yes|no}` words for a flag; a part in `[ ]` is left out when every field in it is empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from phasegate.evidence.findings import FindingsSeen
from phasegate.evidence.items import CommandSeen, CoverageSeen, Evidence, NoCoverage, TestsSeen, per_cent
from phasegate.gates.interface import some
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import EvidenceRecorded
from phasegate.plain import line

SENTENCES: Mapping[str, str] = {
    "LedgerBorn": "the ledger of project {project} began[, copied from {copied_from}]",
    "LedgerMoved": "the clone was found at {home}",
    "SettingsTrusted": "a person trusted the settings {digest:12}",
    "PlanRead": "read {path}: {phases:#} phases[, {imported:#} boxes ticked before are accepted]",
    "BaselineTaken": "how the repository was when phasegate came was recorded",
    "BoxesPutBack": "boxes of the plan were put back to what the ledger says: {boxes}",
    "KindCorrected": "phase {phase} is of kind {kind}",
    "ViewRendered": "{sha256:wrote|removed} {path}",
    "SecretSeen": "a secret ({rule}) was found in {where}{refused: and refused|, and taken out}",
    "PhaseStarted": "phase {phase} began, of kind {kind}",
    "LaneMoved": "phase {phase} goes by the lane {lane} instead of {was}[: {why:200}][ (said by {by})]",
    "BaselineMoved": "the tree changed before phase {phase} was worked on; it is compared with the tree as it is now",
    "PhaseClosed": "phase {phase} is closed; its evidence lies in {archive} ({files:#} files)",
    "ClosurePublished": "the plan shows that phase {phase} is closed",
    "PhaseDeferred": "phase {phase} waits for a person: {why}[ (see {report})]",
    "PhaseReopened": "phase {phase} may be taken up again",
    "TaskLinked": "task {task} is said to be shown by {evidence}",
    "RunStarted": "a run of the workflow {workflow} began at step {step}[, for the task: {task}]",
    "TaskGiven": "the run works on one small phase made of its sentence, and on nothing of the plan",
    "RunPaused": "the run was paused",
    "RunResumed": "the run goes on",
    "RunEnded": "the run ended: {outcome}",
    "SessionBegan": "a session of {client}[ {version}] began ({source})",
    "SessionEnded": "the session ended ({reason})",
    "DriverTaken": "session {session:12} drives the run now",
    "PromptTaken": "a prompt {hands_over:handed the turn to the plan|of the person's own}[: {text}]",
    "StepEntered": "entered step {step}[ from {came_from}][ ({why})][ in phase {phase}]{loop:, one loop more|}",
    "RunRecovered": "a new session went on at step {step}",
    "CallAsked": "{tool} was let through[: {paths}][: `{command}`]",
    "CallRefused": "{tool} was refused[ on {paths}][, `{command}`]: {reason:300} (rule {rule})",
    "WishGranted": "a person's own wish, which the step {step} does not allow, was let through: {paths}",
    "CallReturned": "the call {call} came back{ok:| and had failed}",
    "CallsAbandoned": "these calls will not come back: {calls}",
    "TreeObserved": "the tree was digested as {subject:12}[; changed: {changed}]",
    "PathsRehashed": "edited: {blobs}",
    "ChangePutBack": "a change of {path} was put back (rule {rule}); `{command:300}` restores it",
    "ChangeHeld": "a change of {path} is held (rule {rule}): {why}",
    "ChangeSettled": "the change of {path} is settled: {how}",
    "CheckStarted": "began to run the {what}",
    "CheckEnded": "the runner {lost:was lost|delivered}[: {lost}][ {evidence}]",
    "EvidenceRecorded": "recorded {id} ({assurance}): {saw:300}",
    "NoteAdded": "noted {note}, {kind}, {severity}[, {category}][, at {file}]: {text:300}",
    "NoteCorrected": "{note} was corrected[ to {category}][ to {severity}]",
    "NoteResolved": "{note} is settled: {how}[ (shown by {evidence})]",
    "QuestionAsked": "a person is asked, {question}: {text:300}",
    "QuestionWithdrawn": "question {question} needs no answer any more: {why:200}",
    "QuestionAnswered": "{by} answered {question}: {verdict}[, {words:300}] ({approval} approval)",
    "StopRefused": "the agent wanted to stop and was told to go on: {reason:300}",
    "StopAllowed": "the turn ended ({why})",
    "HookFailed": "a hook call at {moment} failed on our side: {problem}",
    "DriveStarted": "the drive {drive} began[ on branch {branch}][, as an attempt of {attempt_of}]",
    "ClientLaunched": "the client was started[: {why:200}]",
    "ClientEnded": "the client is gone ({how})[: {said:300}]",
    "WaitBegan": "waits before the client is asked again: {why:200}",
    "PhaseCommitted": "phase {phase} was committed as {commit:12} on {branch}",
    "PhaseSetAside": "what was done of phase {phase} {taken_up:came back|was set aside}[ ({branch})]",
    "AttemptChosen": "of the attempts at phase {phase} the gates chose {winner:one|none}[, {winner}][: {why:300}]",
    "DriveEnded": "the drive ended ({outcome})[: {said:300}]",
    "WatchTaken": "{seen:#} files outside the tree are watched",
    "WatchMoved": "watched files hold something else ({why:200}): {seen}",
    "WatchPutBack": "the watched file {path} was put back: {why:300}; `{command:300}` brings back what it held",
    "ViewRestored": "{path}, which shows the state, was changed by somebody else and shows again what the ledger says",
    "SessionBound": "session {session:12} belongs to the process {pid}",
    "CallForged": "a hook call ({moment}) did not come from the client of session {session:12}: {why:300}[ ({above})]",
    "ProcessesLeft": "the turn ended, and what the agent had started still runs: {programs}",
    "HooksMissed": "hook calls were missed: {what:300}",
    "TurnOpened": "the client itself opened a turn",
    "ChangeUngoverned": "the tree changed and no call accounts for it ({why:300}): {paths}",
    "WaiverGiven": "{by} made an exception, {waiver}, of the {what} {subject}[, until {until}]: {reason:300}",
    "WaiverEnded": "the exception {waiver} no longer holds[: {why:200}]",
    "RulesSaid": "{said:#} rules were asked at {place}[ of phase {phase}]",
    "CallJudged": "rules spoke of {tool}[ on {paths}], and it went on",
    "ApprovalGiven": "{by} approved that phase {phase} closes on {subject:12} ({approval} approval)[: {words:300}]",
    "RefusalDisputed": "{by} called the refusal of event {refused} wrong[: {why:300}]",
}

_PART = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


def sentence(fact: Fact) -> str:
    """`fact` as one line for people."""
    values = _values(fact)
    # Split before anything is filled in: what others wrote must never be read as a part of the template.
    pieces = _PART.split(SENTENCES[type(fact).__name__])
    return "".join(_filled(piece, values, optional=bool(at % 2)) for at, piece in enumerate(pieces))


def observed(evidence: Evidence) -> str:
    """What an observation showed, in one line."""
    match evidence.seen:
        case TestsSeen() as tests:
            whole = "" if tests.complete else f", incomplete: {line(tests.why_incomplete)}"
            collector = line(evidence.collector, 60)
            return f"{tests.passed} of {tests.collected} tests pass, {len(tests.red)} red{whole} ({collector})"
        case CoverageSeen() as coverage:
            return (
                f"{per_cent(coverage.percent)} of statements, {per_cent(coverage.changed_percent, 0)} of changed lines"
            )
        case NoCoverage(why=why):
            return f"coverage unknown: {line(why)}"
        case FindingsSeen() as scan:
            why = "".join(f", incomplete: {line(reason)}" for reason in scan.why_unknown[:1])
            return f"{scan.total} findings of {line(scan.scanner, 40)} in {scan.files} files{why}"
        case CommandSeen() as command:
            return f"`{line(' '.join(command.argv))}` ended with {command.exit_code} after {command.seconds:.1f} s"


def _values(fact: Fact) -> Mapping[str, Any]:
    values = {name: getattr(fact, name) for name in fact.__struct_fields__}
    if isinstance(fact, EvidenceRecorded):
        recorded = fact.evidence
        values |= {"id": recorded.id, "assurance": recorded.assurance, "saw": observed(recorded)}
    return values


def _filled(piece: str, values: Mapping[str, Any], *, optional: bool) -> str:
    if optional and not any(values[field[1]] for field in _FIELD.finditer(piece)):
        return ""
    return _FIELD.sub(lambda field: _shown(values[field[1]], field[2] or ""), piece)


def _shown(value: Any, how: str) -> str:
    if "|" in how:
        return how.split("|")[0 if value else 1]
    if how == "#":
        return str(len(value))
    if isinstance(value, tuple | dict):
        return some([line(str(item)) for item in value])
    return line(str(value), int(how or 160))
