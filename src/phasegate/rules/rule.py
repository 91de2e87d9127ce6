"""What a rule is: where it applies, and the gate, condition or approvals that it demands there. Never text to run."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

Mode = Literal["observe", "warn", "enforce"]
MODES: tuple[Mode, ...] = ("observe", "warn", "enforce")
"""From the least to the most: recorded; recorded and told to the agent; a rule that is not met shuts."""

Call = Literal["edit", "shell", "mcp", "subagent", "other"]
"""Tool calls that a rule can be about. A read is in nobody's way."""

Value = str | bool | int | float | tuple[str | int | float, ...]
"""What a fact can be, and what it can be compared with."""

CLOSE, CHECK, VERIFY = "@close", "@check", "@verify"
"""Where a rule applies beside steps: before a phase closes, in `phasegate check`, in `phasegate verify`."""
PLACES = (CLOSE, CHECK, VERIFY)

LEAD = "rule:"
"""Before the id of a rule where gates are named."""

BUILT_IN: dict[str, str] = {
    "own-files": "phasegate's own files, its settings and git's are never edited by an agent",
    "hooks": "phasegate's hooks stay in the client's settings while it guards a project",
    "secret": "no text that carries a secret reaches a file or a commit",
    "after-the-end": "what was written when the run was over was looked at by no gate",
    "watched": "files beside the tree that bend how work is judged stay as they were when the run began",
    "ungoverned": "what no call and no person accounts for is looked at before anything relies on it",
    "ci": "what judges a change at the forge is changed under a person's eyes",
    "caller": "a hook call comes from the client whose session it names",
    "plan-demands-less": "a plan in force loses nothing that it demanded, unless a person says so",
    "plan-unreadable": "a plan in force can be read",
    "step": "a step and the kind of its phase name what may be edited; everything else waits for another step",
    "too-large": "no file above the limit is written by an agent",
    "binary": "no binary content under the name of a text",
    "generated": "what a tool generates is changed where it is generated from",
    "outside": "an edit stays inside the work tree",
}
"""The refusals that are there without any rule, and what each demands."""

LOOSENED = ("step", "too-large", "binary", "generated", "outside")
"""Built-in refusals whose mode a person can lower. Without the others nothing else would hold."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"not_": "not"}):
    """A fact compared with a value, or conditions put together by `all`, `any`, `not`: one of the four."""

    fact: str = ""
    op: str = ""
    value: Value | None = None
    all: tuple["Condition", ...] | None = None
    any: tuple["Condition", ...] | None = None
    not_: "Condition | None" = None


class Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whose approval of the tree as it is a rule demands: of how many people, of whom (`of` empty: of anybody).

    `kind` strong counts signatures alone, weak also what was typed at a terminal. Whoever drives the run does not count
    unless `driver_counts`. With `codeowners` each changed file needs one of its owners among them.
    """

    count: int = 1
    of: tuple[str, ...] = ()
    kind: Literal["weak", "strong"] = "strong"
    driver_counts: bool = False
    codeowners: bool = False


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A gate, a condition (`require`) or `approvals` demanded `at` steps or places; or tool `calls` that it limits.

    It applies where all that it names fits: one of the `kinds`, `lanes`, `phases`; a changed (or written) file that
    matches `paths`; `when`. A rule about calls that requires nothing refuses them. `waiver` is the approval that an
    exception of it needs.
    """

    id: str
    says: str = ""
    gate: str = ""
    require: Condition | None = None
    approvals: Approvals | None = None
    calls: tuple[Call, ...] = ()
    at: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    when: Condition | None = None
    mode: Mode = "enforce"
    remedy: str = ""
    waiver: Literal["weak", "strong", "never"] = "weak"
    layer: str = ""


class Owned(msgspec.Struct, frozen=True):
    """A row of a CODEOWNERS file: what matches `pattern` belongs to `owners` (none: to nobody)."""

    pattern: str
    owners: tuple[str, ...]


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """All rules in force, put together when a person trusted them.

    `modes` are those of built-in refusals that differ from enforce; `owners` the rows of CODEOWNERS, None without one;
    `people` the identities behind a handle or team; `layers` what they were put together from, with digests.
    """

    rules: tuple[Rule, ...] = ()
    modes: dict[str, Mode] = {}
    owners: tuple[Owned, ...] | None = None
    people: dict[str, tuple[str, ...]] = {}
    layers: tuple[str, ...] = ()

    def rule(self, id_: str) -> Rule | None:
        """The rule called `id_`."""
        return next((rule for rule in self.rules if rule.id == id_), None)

    def at(self, place: str) -> tuple[Rule, ...]:
        """The rules that demand something at a step or place."""
        return tuple(rule for rule in self.rules if place in rule.at and not rule.calls)

    def about_calls(self) -> tuple[Rule, ...]:
        """The rules that limit tool calls."""
        return tuple(rule for rule in self.rules if rule.calls)

    def mode_of(self, built_in: str) -> Mode:
        """The mode of a built-in refusal; what nothing else would hold without is always enforced."""
        return self.modes.get(built_in, "enforce") if built_in in LOOSENED else "enforce"
