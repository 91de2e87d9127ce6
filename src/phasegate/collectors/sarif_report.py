"""Reads SARIF 2.1.0, as any scanner may write it: what was found, and whether the tool came to its end.

Nothing in the file silences a finding: what it calls suppressed or unchanged is a finding like the others, and says so.
A file that cannot be read, that speaks of no run, or whose tool did not end well leaves open what else there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from phasegate.collectors.sarif_places import Artifact, Base, Places
from phasegate.collectors.scanners.interface import Looked, ToolSaysNothing, together
from phasegate.evidence.findings import Finding, Severity
from phasegate.foreign import NotReadable, from_json
from phasegate.plain import line

LARGEST = 64 << 20
"""Bytes of a report."""
MOST_RESULTS = 200_000
LONGEST = 2000
LEVELS: Mapping[str, Severity] = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
NO_PROBLEM = ("pass", "notApplicable", "informational")
"""Kinds of result that speak of no problem (SARIF 2.1.0, section 3.27.9)."""


class Message(Struct, frozen=True, rename="camel"):
    """A text, or the name of one among the rule's (section 3.11)."""

    text: str = ""
    id: str = ""
    arguments: tuple[str, ...] = ()


class Reference(Struct, frozen=True, rename="camel"):
    """Which rule of which part of the tool (section 3.52)."""

    id: str = ""
    index: int = -1
    tool_component: Reference | None = None


class Region(Struct, frozen=True, rename="camel"):
    """Lines and columns from 1."""

    start_line: int = 0
    start_column: int = 0
    end_line: int = 0


class PhysicalLocation(Struct, frozen=True, rename="camel"):
    """A region of a file."""

    artifact_location: Artifact = Artifact()
    region: Region = Region()


class Location(Struct, frozen=True, rename="camel"):
    """Where a result lies."""

    physical_location: PhysicalLocation = PhysicalLocation()


class Suppression(Struct, frozen=True, rename="camel"):
    """Somebody's wish not to be told."""

    kind: str = ""
    justification: str = ""


class Result(Struct, frozen=True, rename="camel"):
    """What a tool found (section 3.27)."""

    rule_id: str = ""
    rule_index: int = -1
    rule: Reference = Reference()
    kind: str = "fail"
    level: str = ""
    message: Message = Message()
    locations: tuple[Location, ...] | None = ()
    suppressions: tuple[Suppression, ...] | None = ()
    partial_fingerprints: dict[str, str] | None = {}
    baseline_state: str = ""


class Configuration(Struct, frozen=True, rename="camel"):
    """How a rule is set when nobody sets it."""

    level: str = "warning"


class Rule(Struct, frozen=True, rename="camel"):
    """A rule's description (section 3.49)."""

    id: str = ""
    default_configuration: Configuration = Configuration()
    message_strings: dict[str, Message] | None = {}
    short_description: Message = Message()
    properties: dict[str, Any] | None = {}


class Component(Struct, frozen=True, rename="camel"):
    """A tool's driver or an extension of it."""

    name: str = ""
    version: str = ""
    semantic_version: str = ""
    rules: tuple[Rule, ...] | None = ()


class Tool(Struct, frozen=True):
    """The program of a run."""

    driver: Component
    extensions: tuple[Component, ...] | None = ()


class Notification(Struct, frozen=True, rename="camel"):
    """What the tool said of itself."""

    level: str = "warning"
    message: Message = Message()


class Invocation(Struct, frozen=True, rename="camel"):
    """One call of the tool; what it does not say of its success is taken for failure, as the format demands it."""

    execution_successful: bool = False
    tool_execution_notifications: tuple[Notification, ...] | None = ()
    tool_configuration_notifications: tuple[Notification, ...] | None = ()
    exit_code: int | None = None


class ArtifactEntry(Struct, frozen=True):
    """A file that a run mentions."""

    location: Artifact = Artifact()


class Run(Struct, frozen=True, rename="camel"):
    """One run of one tool."""

    tool: Tool
    results: tuple[Result, ...] | None = None
    invocations: tuple[Invocation, ...] | None = ()
    artifacts: tuple[ArtifactEntry, ...] | None = ()
    original_uri_base_ids: dict[str, Base] | None = {}
    external_property_file_references: dict[str, Any] | None = {}


class Log(Struct, frozen=True):
    """The file."""

    version: str
    runs: tuple[Run, ...] | None


def read(content: bytes, *, root: str, name: str = "the SARIF report") -> Looked:
    """What the report says of files below `root`; findings carry no fingerprints yet. Raises ToolSaysNothing."""
    log = _log(content, name)
    if log.version != "2.1.0":
        raise ToolSaysNothing(f"{name} is SARIF {line(log.version, 20)}, and only 2.1.0 is read.", hint="")
    if not log.runs:
        raise ToolSaysNothing(f"{name} tells of no run of any tool.", hint="")
    if sum(len(run.results or ()) for run in log.runs) > MOST_RESULTS:
        raise ToolSaysNothing(f"{name} has more than {MOST_RESULTS} results.", hint="")
    return together([_looked(run, root, name) for run in log.runs])


def _log(content: bytes, name: str) -> Log:
    if len(content) > LARGEST:
        raise ToolSaysNothing(f"{name} is larger than {LARGEST >> 20} MiB.", hint="")
    try:
        return from_json(content.removeprefix(b"\xef\xbb\xbf"), Log)
    except NotReadable as problem:
        raise ToolSaysNothing(f"{name} cannot be read: {line(str(problem), 200)}.", hint="") from problem


def _looked(run: Run, root: str, name: str) -> Looked:
    driver = run.tool.driver
    tool = line(driver.name, 60) or "a tool without a name"
    version = line(driver.semantic_version or driver.version, 30)
    places = Places(root, run.original_uri_base_ids or {}, [entry.location for entry in run.artifacts or ()])
    rules = _Rules(run.tool)
    found = tuple(_finding(each, rules, places, tool) for each in run.results or () if _is_problem(each))
    why = (*_went_wrong(run, tool), *_elsewhere(run, tool, name))
    return Looked(found, (), why, (f"{tool} {version}".strip(),))


def _is_problem(result: Result) -> bool:
    """What is no longer there (`absent`) is none; `unchanged` is, for the report's baseline is not ours."""
    return result.kind not in NO_PROBLEM and result.baseline_state != "absent"


def _went_wrong(run: Run, tool: str) -> Iterator[str]:
    for invocation in run.invocations or ():
        if not invocation.execution_successful:
            yield f"{tool} says that it did not come to its end"
        told = (*(invocation.tool_execution_notifications or ()), *(invocation.tool_configuration_notifications or ()))
        for said in told:
            if said.level == "error":
                yield f"{tool} says: {line(said.message.text, 200) or 'an error without words'}"


def _elsewhere(run: Run, tool: str, name: str) -> Iterator[str]:
    if run.results is None:
        yield f"{name} has no results of {tool}, not even that there are none"
    if run.external_property_file_references:
        yield f"{name} keeps what {tool} found in other files"


class _Rules:
    """The rules of a run's tool, by id and by index, of the driver and of each extension."""

    def __init__(self, tool: Tool) -> None:
        self._parts = [tool.driver.rules or (), *(part.rules or () for part in tool.extensions or ())]
        self._by_id = {rule.id: rule for rules in reversed(self._parts) for rule in rules if rule.id}

    def of(self, result: Result) -> Rule:
        """The rule that a result breaks, as far as the file describes it."""
        index = result.rule_index if result.rule_index >= 0 else result.rule.index
        part = result.rule.tool_component
        rules: Sequence[Rule] = self._parts[0]
        if part is not None and 0 <= part.index < len(self._parts) - 1:
            rules = self._parts[part.index + 1]
        id = result.rule_id or result.rule.id
        if 0 <= index < len(rules) and (not id or _is_of(id, rules[index].id)):
            return rules[index]
        parents = [id, *(id.rsplit("/", up)[0] for up in range(1, id.count("/") + 1))] if id.count("/") < 20 else [id]
        return next((self._by_id[each] for each in parents if each in self._by_id), Rule(id))


def _is_of(id: str, rule: str) -> bool:
    """Whether `id` names the rule or a part of it (section 3.27.5)."""
    return id == rule or id.startswith(f"{rule}/")


def _finding(result: Result, rules: _Rules, places: Places, tool: str) -> Finding:
    rule = rules.of(result)
    place = next((each.physical_location for each in result.locations or ()), PhysicalLocation())
    path = places.path(place.artifact_location)
    id = line(result.rule_id or rule.id, 200) or "finding"
    said = line(_words(result.message, rule), LONGEST) or line(rule.short_description.text, LONGEST) or id
    return Finding(
        id, path, max(0, place.region.start_line), said, _known_as(result), tool, _severity(result, rule),
        max(0, place.region.start_column), suppressed=_suppressed(result),
        last=max(0, place.region.end_line),
    )  # fmt: skip


def _known_as(result: Result) -> str:
    """What the tool knows the result by, of use where its place has no text."""
    known = result.partial_fingerprints or {}
    return "\n".join(f"{name}={value}" for name, value in sorted(known.items()))[:LONGEST]


def _words(message: Message, rule: Rule) -> str:
    text = message.text or (rule.message_strings or {}).get(message.id, Message()).text
    for at, argument in enumerate(message.arguments[:20]):
        text = text[:LONGEST].replace(f"{{{at}}}", argument[:200])
    return text[: 2 * LONGEST]


def _severity(result: Result, rule: Rule) -> Severity:
    """By the number that GitHub reads (`security-severity`, as in CVSS) where the rule has one, else by the level."""
    score = _score((rule.properties or {}).get("security-severity"))
    if score is not None and result.level != "none":
        return severity_of(score)
    level = result.level or (rule.default_configuration.level if result.kind == "fail" else "warning")
    return LEVELS.get(level, "unknown")


def _score(said: Any) -> float | None:
    try:
        score = float(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return score if 0 < score <= 10 else None


def severity_of(score: float) -> Severity:
    """The word for a CVSS score (CVSS 3.1, section 5)."""
    bounds: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
    return next((word for least, word in bounds if score >= least), "info")


def _suppressed(result: Result) -> str:
    kinds = [f"{each.kind or 'a suppression'} {each.justification}" for each in result.suppressions or ()]
    return line("; ".join(kinds), 200)
