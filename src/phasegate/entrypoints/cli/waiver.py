"""`phasegate waiver`: exceptions that a person makes, each with an owner, a reason and an end."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import msgspec
import rich_click as click

from phasegate.engine.exceptions import expired
from phasegate.entrypoints.cli import output
from phasegate.entrypoints.cli.approval import approval_of, signature_option, signed_text
from phasegate.entrypoints.cli.asking import answered_by, ask
from phasegate.entrypoints.cli.infrastructure import difference_of, pending_infrastructure
from phasegate.entrypoints.cli.session import actor, desk, json_option, only_people, version_option
from phasegate.errors import Exit, Failure
from phasegate.evidence.levels import Infrastructure
from phasegate.gates.catalog import CATALOG, NEVER_WAIVED
from phasegate.ledger.state import State, Waiver
from phasegate.ledger.waivers import Waivable, WaiverEnded, WaiverGiven
from phasegate.plain import line
from phasegate.policy.secrets import find_secrets
from phasegate.rules.rule import LEAD
from phasegate.wiring import RealDesk

KINDS = tuple(kind for kind in get_args(Waivable) if kind != "infrastructure")
MOST_LETTERS = 1000
MOST_DAYS = 366
FINGERPRINT = re.compile(r"[0-9a-f]{16}")


class WaiverUnfit(Failure):
    """An exception without a reason, without an end that is to come, or of nothing that can be excepted."""

    code = "waiver-unfit"
    exit_code = Exit.USAGE


class UnknownWaiver(Failure):
    """An exception was named that does not exist or is over."""

    code = "unknown-waiver"
    exit_code = Exit.USAGE


@click.group()
def waiver() -> None:
    """Make, show and end exceptions: of a file's limits, a secret that is none, a gate in one phase.

    Example: phasegate waiver list
    """


waiver.add_command(ask)


@waiver.command()
@click.argument("what", type=click.Choice(KINDS))
@click.argument("subject")
@click.option("--reason", required=True, help="Why the exception is right.")
@click.option(
    "--until", required=True, metavar="DATE|30d", help="The last UTC day on which it holds, or days from now."
)
@click.option("--owner", default="", help="Who answers for it; default: whoever calls.")
@signature_option
@json_option
@version_option
def add(
    what: Waivable, subject: str, reason: str, until: str, owner: str, signature: str | None, as_json: bool,
    if_version: int | None,
) -> int:  # fmt: skip
    """Make an exception; only for a person, at a terminal or by a signature.

    SUBJECT is a path or a glob of paths (file), a fingerprint or RULE@PATH (secret, reference, finding), the id of an
    advisory, ID@PACKAGE or FINGERPRINT@PHASE (finding), GATE@PHASE (gate).

    Example: phasegate waiver add file "data/*.csv" --reason "Test data of the bank" --until 30d
    """
    with desk(if_version) as opened:
        _refuse_unfit(opened, what, subject, reason)
        last = _last_day(until, opened.today())
        rows = [f"waive: {what} {msgspec.json.encode(subject).decode()}", f"until: {last}"]
        approval = approval_of(opened, signed_text(opened, rows, reason), signature)
        state, id_ = opened.state(), opened.new_id("waiver")
        who = owner or actor().name
        given = WaiverGiven(
            id_, what, subject, who, reason, last, approval.strength, approval.by, approval.text, approval.signature
        )
        answered = answered_by(state, what, subject, id_)
        state = opened.record([*expired(opened, state), given, *answered], relying_on=state)
    if as_json:
        output.give({"waiver": state.waivers[id_], "version": state.position})
    else:
        output.say(f"phasegate: {_line(state.waivers[id_], 'holds')}")
    return Exit.OK


@waiver.command()
@click.option("--reason", default="", help="Why the change is right.")
@click.option("--dry-run", is_flag=True, help="Show the differences and approve nothing.")
@signature_option
@json_option
@version_option
def infrastructure(reason: str, dry_run: bool, signature: str | None, as_json: bool, if_version: int | None) -> int:
    """Show how the test infrastructure changed that the newest result hangs on, and approve it as it is.

    That is conftest files, configuration of the test tools, plugins, changed test data. An approval holds for these
    very bytes, of which the phase's tests are then run; any further change needs another.

    Example: phasegate waiver infrastructure --reason "New fixture for the basket"
    """
    with desk(if_version, looks=dry_run) as opened:
        state, pending = opened.state(), pending_infrastructure(opened)
        for each in pending:
            output.progress(difference_of(opened, each))
        if dry_run or not pending:
            return _tell_infrastructure(pending, [], as_json=as_json)
        rows = [f"approve: {msgspec.json.encode(each.subject).decode()}" for each in pending]
        approval = approval_of(opened, signed_text(opened, rows, reason), signature)
        given = [
            WaiverGiven(
                opened.new_id("waiver"), "infrastructure", each.subject, actor().name, reason or "approved as it is",
                "", approval.strength, approval.by,
            )
            for each in pending
        ]  # fmt: skip
        opened.record(given, relying_on=state)
    return _tell_infrastructure(pending, [each.waiver for each in given], as_json=as_json)


def _tell_infrastructure(pending: list[Infrastructure], ids: list[str], *, as_json: bool) -> int:
    if as_json:
        output.give({"infrastructure": pending, "approved": ids})
    elif not pending:
        output.say("phasegate: no result hangs on changed test infrastructure that is not approved.")
    else:
        done = "approved as they are" if ids else "waiting for an approval"
        output.say(f"phasegate: {done}: {', '.join(line(each.path, 200) for each in pending)}.")
    return Exit.OK


@waiver.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@json_option
def list_(everything: bool, as_json: bool) -> int:
    """Show the exceptions in force, with owner, reason and end.

    Example: phasegate waiver list --all
    """
    with desk(looks=True) as opened:
        today, found = opened.today(), list(opened.state().waivers.values())
    shown = [each for each in found if everything or each.holds_on(today)]
    if as_json:
        output.give([{"holds": each.holds_on(today), "waiver": each} for each in shown])
        return Exit.OK
    for each in shown:
        output.say(_line(each, _standing(each, today)))
    if not shown:
        output.say("No exception is in force.")
    return Exit.OK


@waiver.command()
@click.argument("id_", metavar="ID")
@json_option
def show(id_: str, as_json: bool) -> int:
    """Show one exception whole.

    Example: phasegate waiver show waiver-1a2b3c4d5e
    """
    with desk(looks=True) as opened:
        today, found = opened.today(), opened.state().waivers.get(id_)
    if found is None:
        raise _unknown(id_)
    if as_json:
        output.give({"holds": found.holds_on(today), "waiver": found})
        return Exit.OK
    given = datetime.fromtimestamp(found.given_ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
    output.say(
        f"{_line(found, _standing(found, today))}\n  owner: {line(found.owner)}\n"
        f"  given {given} by {line(found.by)}, a {found.approval} approval"
    )
    return Exit.OK


@waiver.command()
@click.argument("id_", metavar="ID")
@click.option("--reason", default="", help="Why it ends.")
@json_option
@version_option
def end(id_: str, reason: str, as_json: bool, if_version: int | None) -> int:
    """End an exception before its last day.

    Example: phasegate waiver end waiver-1a2b3c4d5e --reason "The file is gone"
    """
    only_people("`phasegate waiver end`")
    with desk(if_version) as opened:
        state = opened.state()
        found = state.waivers.get(id_)
        if found is None or found.ended:
            raise _unknown(id_)
        state = opened.record([WaiverEnded(id_, reason[:MOST_LETTERS] or "ended")], relying_on=state)
    return _tell_ended([id_], state, as_json=as_json)


@waiver.command()
@click.option("--dry-run", is_flag=True, help="Show what would end and record nothing.")
@json_option
def prune(dry_run: bool, as_json: bool) -> int:
    """Record the end of every exception whose last day is over; none of them holds any more, pruned or not.

    Example: phasegate waiver prune
    """
    with desk() as opened:
        state = opened.state()
        over = [fact for fact in expired(opened, state) if isinstance(fact, WaiverEnded)]
        state = state if dry_run or not over else opened.record(over, relying_on=state)
    return _tell_ended([fact.waiver for fact in over], state, as_json=as_json)


def _tell_ended(ids: list[str], state: State, *, as_json: bool) -> int:
    if as_json:
        output.give({"ended": ids, "version": state.position})
    else:
        output.say(f"phasegate: no longer in force: {', '.join(ids)}." if ids else "phasegate: nothing is over.")
    return Exit.OK


def _refuse_unfit(opened: RealDesk, what: Waivable, subject: str, reason: str) -> None:
    if not reason.strip() or len(reason) > MOST_LETTERS:
        raise WaiverUnfit(
            "An exception needs a reason.", hint=f'Say why: --reason "...", at most {MOST_LETTERS} letters.'
        )
    if not subject.strip() or len(subject) > MOST_LETTERS:
        raise WaiverUnfit("An exception is of something.", hint="Name a path, a fingerprint, RULE@PATH or GATE@PHASE.")
    if find_secrets(subject) or find_secrets(reason):
        raise WaiverUnfit(
            "That would record a secret.", hint="Name its fingerprint, as the refusal does, or RULE@PATH."
        )
    gate = subject.partition("@")[0]
    rule = opened.settings.rules.rule(gate.removeprefix(LEAD)) if gate.startswith(LEAD) else None
    known = gate in CATALOG or (rule is not None and rule.waiver != "never")
    if what == "gate" and (not known or gate in NEVER_WAIVED or not subject.partition("@")[2]):
        raise WaiverUnfit(
            f"{subject!r} names no gate that can be waived in a phase.", hint="Write GATE@PHASE, as in `covered@2`."
        )
    if what == "secret" and not FINGERPRINT.fullmatch(subject) and "@" not in subject:
        raise WaiverUnfit(f"{subject!r} names no secret.", hint="Write its fingerprint or RULE@PATH; never the secret.")
    if what == "finding" and not set(subject.partition("@")[0]) - set("*?"):
        raise WaiverUnfit(
            "That would except whatever is found.", hint="Write a fingerprint, RULE@PATH or the id of an advisory."
        )
    if what == "file" and set(subject) <= {"*", "/", "."}:
        raise WaiverUnfit("That would except every file.", hint="Name a path or a narrower glob.")


def _last_day(until: str, today: str) -> str:
    """The last day on which an exception holds, of a date or a number of days."""
    now = date.fromisoformat(today)
    days = re.fullmatch(r"(\d{1,4})d", until)
    try:
        last = now + timedelta(days=int(days[1])) if days else date.fromisoformat(until)
    except (ValueError, OverflowError) as problem:
        raise WaiverUnfit(
            f"{until!r} is no end.", hint="Write a date, as in 2027-01-31, or days, as in 30d."
        ) from problem
    if last < now or last > now + timedelta(days=MOST_DAYS):
        raise WaiverUnfit(
            f"{until!r} is no end that can be given on {today}.", hint=f"Name a day to come, at most {MOST_DAYS}d away."
        )
    return last.isoformat()


def _unknown(id_: str) -> UnknownWaiver:
    return UnknownWaiver(f"No exception is called {id_!r}, or it is over.", hint="See `phasegate waiver list --all`.")


def _standing(found: Waiver, today: str) -> str:
    return "holds" if found.holds_on(today) else f"over: {line(found.ended)}" if found.ended else "over: expired"


def _line(found: Waiver, standing: str) -> str:
    until = f" until {found.until}" if found.until else ""
    return f"{found.id} {found.what} {line(found.subject, 200)}{until} ({standing}): {line(found.reason, 300)}"


def in_force(opened: RealDesk, state: State) -> list[str]:
    """The exceptions in force, and those that ran out without anybody having said so; for `phasegate status`."""
    today = opened.today()
    told = [each for each in state.waivers.values() if not each.ended]
    return [f"  exception {_line(each, _standing(each, today))}" for each in told]
