"""What an agent writes is judged by the difference in the tree, whatever route it took; the forbidden is undone."""

from __future__ import annotations

import hashlib

import msgspec

from phasegate.engine import exceptions, plan_watch, wishes
from phasegate.engine.desk import Change, Desk, Observation
from phasegate.errors import Failure
from phasegate.ledger.custody import ChangeUngoverned
from phasegate.ledger.fact import Fact
from phasegate.ledger.facts import ChangeHeld, ChangePutBack, ChangeSettled, TreeObserved
from phasegate.ledger.rulings import CallJudged, RuleSaid
from phasegate.ledger.state import RunRecord, State
from phasegate.policy.edits import CI, STEP, WATCHED, Grounds, Objection, object_to, object_to_ci
from phasegate.policy.secrets import find_secrets

CLIENT_SETTINGS = (".claude/settings.json", ".claude/settings.local.json")
SCANNED_BYTES = 1024 * 1024
"""Larger files that a call left behind are not searched for secrets in a hook."""

AFTER = "after-the-end"
"""The rule by which what was written after the end of a run is put back."""

UNGOVERNED = "ungoverned"
"""The rule by which a change is held that no call and no person accounts for."""

UNTIL = (
    "Undo it; until then no gate opens.",
    "Go on with other things; before the step is left, a person accepts it: `phasegate answer held`.",
)
"""What is told of a held change; of one that a person is to look at, the second."""

STATE_FILE = "state/agent_state.json"
ERROR_INDEX = "logs/errors/index.md"
SHOWN = (STATE_FILE, ERROR_INDEX, "CLAUDE.md", "CLAUDE.local.md")
"""Where agents and people read the state, and git may ignore a forgery."""

LISTED = 50
"""Changed paths that an observation names."""


class Judgement(msgspec.Struct, frozen=True):
    """The tree as it is now, what the agent should be told about it, and the changes to undo."""

    seen: Observation
    facts: tuple[Fact, ...] = ()
    undone: tuple[Change, ...] = ()
    told: tuple[str, ...] = ()
    plan: bytes | None = None


def grounds_of(desk: Desk, state: State, run: RunRecord | None) -> Grounds:
    """On what an edit is judged now: the run's step and kind, or only phasegate's own files without an active run."""
    if run is None or not run.drives:
        return Grounds(desk.settings, desk.workflow)
    kind = state.kind_of(run.phase) if run.phase else ""
    return Grounds(desk.settings, desk.workflow, run.step, kind)


def judge(
    desk: Desk, state: State, run: RunRecord, *, call: str, alone: bool, nobodys: str = ""
) -> Judgement:  # fmt: skip
    """Digest the tree and judge every difference from what is known; `alone` when one call only could have made it.

    `nobodys` says why no call and no person accounts for what differs: then all of it is held.
    """
    views = shown_views(desk, state)
    seen = desk.tree.observe(views)
    unread = _unread(seen)
    if seen.subject == run.subject and seen.tree == run.tree and not run.edits:
        return Judgement(seen, told=unread)
    grounds = grounds_of(desk, state, run)
    changes = _ours(desk, _differences(desk, run, seen))
    facts: list[Fact] = [
        TreeObserved(run.id, seen.tree, seen.subject, tuple(change.path for change in changes[:LISTED]))
    ]
    undone, told, wished, strays = [], [], [], []
    own = wishes.may_have_come(run)
    facts += _reverted(desk, run)
    for change in changes:
        if change.path in run.held or not _differs(change, run) or _own_bytes(desk, change, views):
            continue
        soft: list[RuleSaid] = []
        objection = _objection(desk, state, run, change, grounds, soft)
        if soft:
            facts.append(CallJudged(run.id, call, "", (change.path,), tuple(soft)))
            told += [f"a warning by the rule {said.rule}: {_plain(said.why)}" for said in soft if said.mode == "warn"]
        if nobodys:
            objection = objection or Objection(UNGOVERNED, "no call accounts for its change.")
            strays.append(change.path)
        if objection is None:
            continue
        if own and objection.rule == CI and not nobodys:
            continue
        if own and objection.rule == STEP and not nobodys:
            wished.append(change.path)
            continue
        killed = run.undone.get(change.path) == change.after  # whoever was to put it back
        if killed or (alone and not nobodys and objection.rule != CI):
            fact, text = _undone(desk, run, change, objection, call)
        else:
            fact, text = _held(
                run, change, objection, nobodys or _why_held(call, objection), UNTIL[objection.rule == CI]
            )
        if isinstance(fact, ChangePutBack):
            undone.append(change)
        facts.append(fact)
        told.append(text)
    if strays:
        facts.insert(1, ChangeUngoverned(run.id, tuple(strays[:LISTED]), nobodys))
    if wished:
        facts.append(wishes.granted(run, call, wished))
        told += wishes.told(run, grounds, wished)
    plan = plan_watch.mended(desk, state, run, changes, skip={change.path for change in undone})
    facts += plan.facts
    return Judgement(seen, tuple(facts), tuple(undone), (*told, *unread, *plan.told), plan.content)


def _why_held(call: str, objection: Objection) -> str:
    if objection.rule == CI:
        return "it says how changes are judged at the forge"
    return "more than one call could have made it" if call else "no call of this session made it"


def undo_what_came_after(desk: Desk, state: State, run: RunRecord) -> State:
    """Put back what changed in the tree of a run that is over: it was made after the last gate had looked."""
    views = shown_views(desk, state)
    seen = desk.tree.observe(views)
    changes = [
        change
        for change in _differences(desk, run, seen)
        if _differs(change, run) and not _own_bytes(desk, change, views) and change.path not in CLIENT_SETTINGS
    ]
    if not changes:
        return state
    why = "It changed when the run was over, and no gate looked at it."
    facts = [_undone(desk, run, change, Objection(AFTER, why), "")[0] for change in changes]
    undone = tuple(change for change, fact in zip(changes, facts, strict=True) if isinstance(fact, ChangePutBack))
    return carry_out(desk, desk.record(facts, relying_on=None), Judgement(seen, tuple(facts), undone))


def _undone(
    desk: Desk, run: RunRecord, change: Change, objection: Objection, call: str
) -> tuple[ChangePutBack | ChangeHeld, str]:
    """The fact and the words of putting a change back, or of holding it where that would lose something."""
    try:
        undo = desk.tree.undo(change)
    except Failure as problem:
        why = problem.message.rstrip(".")
        return _held(run, change, objection, why, f"It was not put back: {why}. Undo it, or let a person accept it.")
    fact = ChangePutBack(run.id, change.path, objection.rule, call, change.before, undo.overwritten, undo.command)
    reason = f"{_plain(change.path)} was put back: {_plain(objection.reason)}"
    return fact, f"{reason} What it held is kept; `{undo.command}` restores it."


def _held(run: RunRecord, change: Change, objection: Objection, why: str, then: str) -> tuple[ChangeHeld, str]:
    fact = ChangeHeld(run.id, change.path, objection.rule, why, change.before)
    return fact, f"{_plain(change.path)} is held: {_plain(objection.reason)} {then}"


def _plain(text: str) -> str:
    """`text` as it may be told; imported here because most hook calls have nothing to tell."""
    from phasegate.plain import line

    return line(text, 1000)


def of_a_person(judgement: Judgement) -> Judgement:
    """`judgement` of what changed while nobody was at work for the agent: the person's changes are not held."""
    known = tuple(fact for fact in judgement.facts if not isinstance(fact, ChangeHeld))
    held = {fact.path for fact in judgement.facts if isinstance(fact, ChangeHeld)}
    told = tuple(
        text for text in judgement.told if not any(text.startswith(f"{_plain(path)} is held:") for path in held)
    )
    return msgspec.structs.replace(judgement, facts=known, told=told)


def _unread(seen: Observation) -> tuple[str, ...]:
    if not seen.unread:
        return ()
    named = ", ".join(map(_plain, seen.unread[:5]))
    return (f"these cannot be read, so no gate can tell: {named}. Make them readable.",)


def _differences(desk: Desk, run: RunRecord, seen: Observation) -> tuple[Change, ...]:
    """What differs from the last digest and the single edits known since; also where the tree shows no difference.

    A put-back that was recorded and then interrupted, or an edit that was taken back, is a difference from what is
    known although the tree is as it was digested.
    """
    between = desk.tree.changes(run.tree, seen.tree) if run.tree else ()
    changes = [msgspec.structs.replace(c, before=run.edits.get(c.path, c.before)) for c in between]
    same = set(run.edits) - {change.path for change in between}
    for path, now in desk.tree.rehash(sorted(same)).items():
        if now != run.edits[path]:
            changes.append(Change(path, run.edits[path], now))
    return tuple(changes)


def _ours(desk: Desk, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Less what lies in another project whose own run a client drives: that run judges it."""
    folders = tuple(desk.settings.elsewhere)
    if not folders or not any(change.path.startswith(folders) for change in changes):
        return changes
    theirs = desk.others_at_work()
    return tuple(change for change in changes if not theirs or not change.path.startswith(theirs))


def carry_out(desk: Desk, state: State, judgement: Judgement) -> State:
    """Undo what was judged, after it was recorded; what cannot be undone is held."""
    recorded = {fact.path: fact for fact in judgement.facts if isinstance(fact, ChangePutBack)}
    stuck = []
    for change in sorted(judgement.undone, key=_clears_the_way):
        try:
            desk.tree.put_back(change)
        except Failure as problem:
            fact = recorded[change.path]
            stuck.append(ChangeHeld(fact.run, fact.path, fact.rule, f"not put back: {problem.message}", fact.restored))
    if stuck:
        state = desk.record(stuck, relying_on=None)
    if judgement.plan is not None:
        state = write_own(desk, state, desk.settings.plan, judgement.plan)
    return state


def _clears_the_way(change: Change) -> tuple[bool, int]:
    """What is to go goes first and deepest first: a directory may stand where a file was, or a link for a directory."""
    return bool(change.before), -change.path.count("/")


def shown_views(desk: Desk, state: State) -> dict[str, str]:
    """The digest of every view as it should be, or as it still is because its writer was killed: both are our bytes."""
    views = dict(state.views.get(desk.worktree, {}))
    for path, before in state.replaced.get(desk.worktree, {}).items():
        if _digest(desk, path) == before:
            views[path] = before
    return views


def stale_views(desk: Desk, state: State) -> list[str]:
    """The files that show the state, and hold something else than phasegate wrote last."""
    shown = state.views.get(desk.worktree, {})
    return [path for path in SHOWN if path in shown and _digest(desk, path) != shown[path]]


def _digest(desk: Desk, path: str) -> str:
    """What a file holds, "" when there is none or it cannot be read."""
    try:
        content = desk.files.read(path)
    except Failure:
        return ""
    return hashlib.sha256(content).hexdigest() if content is not None else ""


def write_own(desk: Desk, state: State, path: str, content: bytes | None) -> State:
    """Write a file of phasegate's own: path and digest are recorded first, so that our bytes are no difference."""
    from phasegate.ledger.facts import ViewRendered

    sha256 = hashlib.sha256(content).hexdigest() if content is not None else ""
    if state.views.get(desk.worktree, {}).get(path, "") != sha256:
        state = desk.record([ViewRendered(desk.worktree, path, sha256)], relying_on=None)
    desk.files.write(path, content)
    return state


def weighed(desk: Desk, objection: Objection | None, soft: list[RuleSaid]) -> Objection | None:
    """`objection`, unless the mode of its rule only observes or warns: then it is put into `soft`."""
    mode = desk.settings.rules.mode_of(objection.rule) if objection is not None else "enforce"
    if objection is None or mode == "enforce":
        return objection
    soft.append(RuleSaid(objection.rule, mode, "fail", objection.reason, {}))
    return None


def _objection(
    desk: Desk, state: State, run: RunRecord, change: Change, grounds: Grounds, soft: list[RuleSaid]
) -> Objection | None:
    """The rule a difference breaks, if any: the step's, the limit of a file, a secret that reached it, or one's own.

    What rules say that only observe or warn is put into `soft`.
    """
    objection = weighed(desk, object_to(change.path, grounds), soft)
    if objection and change.path in CLIENT_SETTINGS and not desk.hooks_missing():
        return None  # the client itself keeps a person's permissions there; our hooks are untouched
    return (
        objection
        or _by_content(desk, state, change, soft)
        or _by_rules(desk, state, run, change, soft)
        or object_to_ci(change.path)
    )


def _by_rules(desk: Desk, state: State, run: RunRecord, change: Change, soft: list[RuleSaid]) -> Objection | None:
    """What the rules about calls say of a change, which is an edit by whatever route it came."""
    if not any(rule.calls for rule in desk.settings.rules.rules):
        return None
    from phasegate.engine.call_ruling import object_to_change

    size = len(desk.tree.blob(change.after)) if change.after else 0
    objection, told = object_to_change(desk, state, run, change.path, size)
    soft += told
    return objection


def _by_content(desk: Desk, state: State, change: Change, soft: list[RuleSaid]) -> Objection | None:
    if not change.after:
        return None
    content = desk.tree.blob(change.after)
    too_large = exceptions.size_objection(desk, state, change.path, len(content), beyond=change.too_large)
    too_large = weighed(desk, too_large, soft)
    if too_large is not None:
        return too_large
    found = {secret.fingerprint: secret for secret in find_secrets(_text(content))}
    if found and change.before:  # what stood there before is nothing this call did
        for secret in find_secrets(_text(desk.tree.blob(change.before))):
            found.pop(secret.fingerprint, None)
    left = exceptions.unwaived(desk, state, found.values(), change.path)
    if left:
        rules = ", ".join(sorted({secret.rule for secret in left}))
        return Objection(
            "secret", f"it carries a secret ({rules}). Keep secrets out of the tree: name a variable instead."
        )
    return None


def _differs(change: Change, run: RunRecord) -> bool:
    """Whether content or mode is another than known; of a path known from a single look, the content alone is."""
    if change.before != change.after:
        return True
    return bool(change.before) and change.mode_before != change.mode_after and change.path not in run.edits


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace") if len(content) <= SCANNED_BYTES else ""


def _own_bytes(desk: Desk, change: Change, views: dict[str, str]) -> bool:
    """Whether the file is exactly what phasegate recorded that it would write (or remove)."""
    if change.path not in views:
        return False
    now = hashlib.sha256(desk.tree.blob(change.after)).hexdigest() if change.after else ""
    return now == views[change.path]


def _reverted(desk: Desk, run: RunRecord) -> list[Fact]:
    """Held changes that somebody undid: the path is as it was before."""
    held = {path: each.before for path, each in run.held.items() if each.rule != WATCHED}
    now = desk.tree.rehash(held) if held else {}
    return [ChangeSettled(run.id, path, "reverted") for path, before in held.items() if now[path] == before]
