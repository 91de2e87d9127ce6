"""A user's own workflow, written in TOML with the same power as the default's table: reading it, and writing it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from phasegate.errors import Exit, Failure
from phasegate.workflow.definition import Condition, Lane, PhaseKind, Step, Transition, Workflow, condition
from phasegate.workflow.toml_lines import Path, line_at, lines_of, nesting
from phasegate.workflow.validate import MOST_PROBLEMS, Problem, meant, problems, shown, suggestion

MOST_BYTES = 1024 * 1024
MOST_STEPS = 500
MOST_TRANSITIONS = 30
MOST_WORDS = 100
MOST_LETTERS = 8_000
MOST_NESTING = 16

Shape = Literal["a string", "a whole number", "true or false", "a list of strings", "a list of tables"]

WRITTEN: dict[Shape, str] = {
    "a string": f"Write it in quotes, with at most {MOST_LETTERS} characters.",
    "a whole number": "Write it in digits, without quotes.",
    "true or false": "Write it without quotes.",
    "a list of strings": f'Write ["one", "two"], with at most {MOST_WORDS} strings.',
    "a list of tables": "Write a table for each, headed by the key in double brackets.",
}

WORKFLOW: dict[str, Shape] = {
    "name": "a string",
    "start": "a string",
    "recovery": "a string",
    "loop_limit": "a whole number",
    "same_failure_limit": "a whole number",
    "alternation_limit": "a whole number",
    "step": "a list of tables",
    "kind": "a list of tables",
    "lane": "a list of tables",
}
STEP: dict[str, Shape] = {
    "name": "a string",
    "does": "a string",
    "may_edit": "a list of strings",
    "leaves_when": "a list of strings",
    "acts": "a list of strings",
    "counts_loop": "true or false",
    "rests": "true or false",
    "ends": "true or false",
    "then": "a list of tables",
}
THEN: dict[str, Shape] = {"to": "a string", "when": "a list of strings", "otherwise": "true or false"}
KIND: dict[str, Shape] = {"name": "a string", "may_edit": "a list of strings", "gates": "a list of strings"}
LANE: dict[str, Shape] = {
    "name": "a string",
    "start": "a string",
    "without": "a list of strings",
    "gates": "a list of strings",
}


class DefinitionInvalid(Failure):
    """A workflow definition that cannot run, with everything that is wrong with it."""

    code: ClassVar[str] = "definition-invalid"
    exit_code: ClassVar[Exit] = Exit.USAGE

    def __init__(self, path: str, found: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(found, key=lambda problem: problem.line)[:MOST_PROBLEMS])
        where = path if path.isprintable() else shown(path)
        told = "\n".join(f"{where}:{problem.line}: {problem}" for problem in self.problems)
        super().__init__(
            f"This workflow cannot run.\n{told}",
            hint="Mend the lines above. Until then the last workflow that was accepted stays in force.",
        )


def read_workflow(text: str, *, path: str, gates: Collection[str]) -> Workflow:
    """The workflow that `text` defines, where `gates` are the names of the gates there are; else DefinitionInvalid.

    `path` is only for messages.
    """
    found = _parsed(text, path)
    reading = _Reading(lines_of(text))
    workflow = reading.workflow(found)
    if reading.sound:
        reading.problems.extend(reading.placed(problem) for problem in problems(workflow, gates=gates))
    if reading.problems:
        raise DefinitionInvalid(path, reading.problems)
    return workflow


def write_workflow(workflow: Workflow) -> str:
    """The TOML text that reads as `workflow`."""
    head = _pairs(workflow, WORKFLOW)
    steps = (("[[step]]", *_pairs(step, STEP), *_transitions(step)) for step in workflow.steps)
    kinds = (("[[kind]]", *_pairs(kind, KIND)) for kind in workflow.kinds)
    lanes = (("[[lane]]", *_pairs(lane, LANE)) for lane in workflow.lanes)
    return "\n\n".join("\n".join(block) for block in (head, *steps, *kinds, *lanes)) + "\n"


def _parsed(text: str, path: str) -> dict[str, Any]:
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise _refused(path, 1, f"It is larger than {MOST_BYTES} bytes.", "Write shorter instructions.")
    # tomllib needs time in the square of a key's parts, and a frame for every bracket.
    if nesting(text) > MOST_NESTING:
        raise _refused(path, 1, f"It nests deeper than {MOST_NESTING} levels.", "A workflow needs no more than four.")
    try:
        return tomllib.loads(text)
    except ValueError as problem:
        line = _line_told(str(problem), text)
        raise _refused(path, line, f"It is not TOML: {problem}.", "Mend it there.") from problem


def _line_told(message: str, text: str) -> int:
    """The line that a message of tomllib tells, which is its only account of where."""
    if position := re.search(r"\(at line (\d+), column \d+\)$", message):
        return int(position[1])
    return text.rstrip("\n").count("\n") + 1 if "end of document" in message else 1


def _refused(path: str, line: int, reason: str, remedy: str) -> DefinitionInvalid:
    return DefinitionInvalid(path, [Problem(line, "", reason, remedy)])


class _Reading:
    """Turns tables into rows and notes what does not fit; `sound` as long as the rows say what the text says."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self.lines = lines
        self.written: dict[Path, str] = {}  # under the path of a key that was meant, the misspelt one
        self.problems: list[Problem] = []
        self.sound = True

    def workflow(self, found: Mapping[str, Any]) -> Workflow:
        table = self.table(found, WORKFLOW, ("name", "start", "recovery"), ())
        steps = self.rows(table, "step", (), MOST_STEPS)
        kinds = self.rows(table, "kind", (), MOST_WORDS)
        lanes = self.rows(table, "lane", (), MOST_WORDS)
        table["steps"] = tuple(self.step(row, at) for at, row in steps)
        table["kinds"] = tuple(self.kind(row, at) for at, row in kinds)
        table["lanes"] = tuple(self.lane(row, at) for at, row in lanes)
        return Workflow(**{"name": "", "start": "", "recovery": "", **table})

    def step(self, found: Mapping[str, Any], at: Path) -> Step:
        table = self.table(found, STEP, ("name",), at)
        then = self.rows(table, "then", at, MOST_TRANSITIONS)
        table["then"] = tuple(self.transition(row, where) for where, row in then)
        return Step(**{"name": "", **table}, line=self.line(at))

    def transition(self, found: Mapping[str, Any], at: Path) -> Transition:
        table = self.table(found, THEN, ("to",), at)
        table["when"] = tuple(_condition(text) for text in table.get("when", ()))
        return Transition(**{"to": "", **table}, line=self.line(at))

    def kind(self, found: Mapping[str, Any], at: Path) -> PhaseKind:
        table = self.table(found, KIND, ("name", "may_edit", "gates"), at)
        empty = {"name": "", "may_edit": (), "gates": ()}
        return PhaseKind(**{**empty, **table}, line=self.line(at))

    def lane(self, found: Mapping[str, Any], at: Path) -> Lane:
        table = self.table(found, LANE, ("name",), at)
        return Lane(**{"name": "", **table}, line=self.line(at))

    def rows(self, table: dict[str, Any], key: str, at: Path, most: int) -> list[tuple[Path, Mapping[str, Any]]]:
        """Takes the tables under `key` out of `table`; none when there are more than `most`."""
        found = table.pop(key, ())
        if len(found) > most:
            self.misread(f"{len(found)} tables `{key}` are too many.", f"Write at most {most}.", (*at, key))
            return []
        return [((*at, key, position), row) for position, row in enumerate(found)]

    def table(
        self, found: Mapping[str, Any], shapes: Mapping[str, Shape], needed: Collection[str], at: Path
    ) -> dict[str, Any]:
        """The known keys of `found` whose values have the right shape; a misspelt key is read as the one meant."""
        read: dict[str, Any] = {}
        for key, value in found.items():
            known = key if key in shapes else self.unknown(key, found, shapes, at)
            if known and _fits(value, shapes[known]):
                read[known] = tuple(value) if isinstance(value, list) else value
            elif known:
                self.misread(f"{shown(key)} must be {shapes[known]}.", WRITTEN[shapes[known]], (*at, key))
                read[known] = None
        for key in needed:
            if key not in read:
                self.misread(f"`{key}` is missing.", f"Add {shapes[key]}.", at)
        return {key: value for key, value in read.items() if value is not None}

    def unknown(self, key: str, found: Mapping[str, Any], shapes: Mapping[str, Shape], at: Path) -> str:
        """Notes the unknown `key`; the key that was meant, unless that is there too."""
        if len(self.problems) >= MOST_PROBLEMS:
            return ""
        self.problems.append(self.problem(f"Unknown key {shown(key)}.", meant(key, shapes), (*at, key)))
        near = suggestion(key, shapes)
        if not near or near in found:
            return ""
        self.written[*self.spelt(at), near] = key
        return near

    def misread(self, reason: str, remedy: str, at: Path) -> None:
        self.sound = False
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(self.problem(reason, remedy, at))

    def problem(self, reason: str, remedy: str, at: Path) -> Problem:
        return Problem(self.line(at), "", reason, remedy, at)

    def placed(self, problem: Problem) -> Problem:
        return msgspec.structs.replace(problem, line=self.line(problem.at))

    def line(self, at: Path) -> int:
        return line_at(self.lines, self.spelt(at))

    def spelt(self, at: Path) -> Path:
        """`at` with the keys as the text spells them."""
        path: Path = ()
        for part in at:
            path = (*path, self.written.get((*path, part), part))
        return path


def _condition(text: str) -> Condition:
    """The condition that `text` says; text that says none becomes a name that no gate has, which validation reports."""
    try:
        return condition(text)
    except ValueError:
        return Condition(text)


def _fits(value: object, shape: Shape) -> bool:
    match shape:
        case "a string":
            return _is_string(value)
        case "a whole number":
            return isinstance(value, int) and not isinstance(value, bool)
        case "true or false":
            return isinstance(value, bool)
        case "a list of strings":
            return isinstance(value, list) and len(value) <= MOST_WORDS and all(map(_is_string, value))
        case "a list of tables":
            return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _is_string(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_LETTERS


def _transitions(step: Step) -> Iterator[str]:
    for transition in step.then:
        yield "[[step.then]]"
        yield from _pairs(transition, THEN)


def _pairs(row: msgspec.Struct, shapes: Mapping[str, Shape]) -> Iterator[str]:
    """`key = value` for each key that is not a table and says more than its default."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(row)}
    for key in shapes:
        if shapes[key] != "a list of tables" and (value := getattr(row, key)) != defaults[key]:
            yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(str(each)) for each in value)}]"
    # JSON's strings and numbers are TOML's, but for the one control character that JSON does not escape.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
