"""A workflow as a Mermaid flowchart, drawn from its table, with the current step marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from phasegate.workflow.definition import ASKED, Step, Transition, Workflow

STYLES = {
    "current": "fill:#ffd866,stroke:#8a6d00,stroke-width:3px,color:#000000",
    "loops": "stroke:#b3541e,stroke-width:2px,stroke-dasharray:5 3",
}
ASKER = "asker"
LABEL_LENGTH = 120


def mermaid(workflow: Workflow, *, current: str = "") -> str:
    """The flowchart of `workflow`. Steps that count a loop are dashed; no step is marked when none is called `current`.

    Every name is escaped and every identifier is generated, so that any definition, also an invalid one, can be drawn.
    """
    ids = {step.name: f"s{position}" for position, step in enumerate(workflow.steps)}
    body = [*_entries(workflow, ids), *map(_node, ids.values(), _by_name(workflow, ids)), *_edges(workflow, ids)]
    marks = _marks(workflow, ids, current)
    return "\n".join(["flowchart TD", *(f"    {line}" for line in (*body, *marks))]) + "\n"


def _by_name(workflow: Workflow, ids: Mapping[str, str]) -> list[Step]:
    return [workflow.step(name) for name in ids]


def _entries(workflow: Workflow, ids: Mapping[str, str]) -> Iterator[str]:
    entries = (("start", workflow.start, "start"), ("recovery", workflow.recovery, "after an interruption"))
    for name, target, label in entries:
        if target in ids:
            yield f"{name}_entry(({_label(label)})) --> {ids[target]}"


def _node(identifier: str, step: Step) -> str:
    """Square where an agent works, rounded where the engine passes through, doubly framed where a run rests or ends."""
    label = _label(step.name, " ↻" if step.counts_loop else "")
    if step.ends:
        return f"{identifier}((({label})))"
    if step.rests:
        return f"{identifier}[[{label}]]"
    return f"{identifier}({label})" if step.passes_through else f"{identifier}[{label}]"


def _edges(workflow: Workflow, ids: Mapping[str, str]) -> Iterator[str]:
    if any(each.to == ASKED for step in workflow.steps for each in step.then):
        yield f"{ASKER}([{_label('the step that asked')}])"
    known = {**ids, ASKED: ASKER}
    for step in workflow.steps:
        for transition in step.then:
            if transition.to in known:
                yield f"{ids[step.name]} {_arrow(transition)} {known[transition.to]}"


def _arrow(transition: Transition) -> str:
    if transition.otherwise:
        return f"-.->|{_label('otherwise')}|"
    said = " and ".join(str(condition) for condition in transition.when)
    return f"-->|{_label(said)}|" if said else "-->"


def _marks(workflow: Workflow, ids: Mapping[str, str], current: str) -> Iterator[str]:
    marked = {
        "loops": [ids[step.name] for step in workflow.steps if step.counts_loop],
        "current": [ids[current]] if current in ids else [],
    }
    for name, members in marked.items():
        if members:
            yield f"classDef {name} {STYLES[name]}"
            yield f"class {','.join(members)} {name}"


def _label(text: str, mark: str = "") -> str:
    """`text` on one line, in quotes; whatever is not a letter, a digit or harmless becomes a Mermaid entity code."""
    short = text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…"
    return f'"{"".join(map(_escaped, short)).strip() or "(no name)"}{mark}"'


def _escaped(letter: str) -> str:
    # Dots and dashes are harmless to the parser, but "1. a" and "- a" would be drawn as lists.
    if letter.isalnum() or letter in " _,…↻":
        return letter
    return f"#{ord(letter)};" if letter.isprintable() else " "
