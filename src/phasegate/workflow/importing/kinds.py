"""Of what kind a drafted phase is: by its own heading, by what such headings mean, else by the group it belongs to."""

from __future__ import annotations

import re

from phasegate.workflow.plan import KINDS, Kind
from phasegate.workflow.plan_phases import inferred_kind

_ROLES: dict[Kind, str] = {
    "docs": r"(?:user |developer |api )?(?:documentation|docs)\b",
    "fix": r"(?:known |critical |minor |major |open )?(?:bugs?|bug ?fix(?:es)?|defects|fixes)\b|fixme\b",
    "refactor": r"(?:technical |tech )debt|code (?:quality|cleanup)|refactor",
    "spike": r"(?:research|investigations?|spikes?|exploration|open questions)\b",
    "chore": r"(?:project |initial |environment )?set ?-?up\b|initiali[sz]ation|scaffold|polish|clean ?-?up|"
    r"(?:(?:final|unit|integration|e2e|manual) )*(?:verification|validation|quality|tests?\b|testing\b|qa\b)|"
    r"[\w ]{1,30}testing$|"
    r"(?:pre-?|post-?)?releas|deploy|ci\b|"
    r"tooling|dependencies|infrastructure|housekeeping|maintenance|archiv",
}
_LABELS: dict[str, Kind] = {
    "bug": "fix", "fix": "fix", "regression": "fix", "documentation": "docs", "docs": "docs", "enhancement": "feature",
    "feature": "feature", "refactor": "refactor", "refactoring": "refactor", "chore": "chore", "maintenance": "chore",
    "dependencies": "chore", "spike": "spike", "research": "spike",
}  # fmt: skip


def kind_of(heading: str, group: str = "") -> Kind:
    """The kind that a heading says; where it says none, that of `group`, and else a feature."""
    if tag := re.search(rf"[(\[][ \t]*({'|'.join(KINDS)})[ \t]*[)\]]", heading.lower()):
        return next(kind for kind in KINDS if kind == tag[1])  # a plan reads it as the kind, whatever else is there
    words = re.sub(r"^[\W_\d]+", "", heading).lower()
    for kind, pattern in _ROLES.items():
        if re.match(pattern, words):
            return kind
    return inferred_kind(heading) or inferred_kind(group) or "feature"


def kind_of_labels(labels: list[str]) -> Kind | None:
    """The kind that the labels of an issue say."""
    words = [word for label in labels for word in re.findall(r"[a-z]+", label.lower())]
    return next((_LABELS[word] for word in words if word in _LABELS), None)
