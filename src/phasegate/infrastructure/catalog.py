"""Every test runner by its name, and what of a tree runs around the tests that it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from phasegate.infrastructure.files import Files
from phasegate.infrastructure.go import around_go
from phasegate.infrastructure.javascript import around_javascript
from phasegate.settings import Runner

AROUND: Mapping[Runner, Callable[[Files], dict[str, str]]] = {
    "jest": around_javascript,
    "vitest": around_javascript,
    "mocha": around_javascript,
    "node": around_javascript,
    "go": around_go,
}


def around(runner: Runner, files: Files) -> dict[str, str]:
    """Each file that runs around the tests, by its path, with the reason; nothing for a runner that is not known."""
    return AROUND[runner](files) if runner in AROUND else {}
