"""The bench: a project with a two-phase plan in a real repository, and a run that has just begun on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import Bench


@pytest.fixture
def lay_out(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Projects without a run, each with the plan, settings or workflow it is given."""
    made: list[Bench] = []

    def one(**how: object) -> Bench:
        home = tmp_path / f"project-{len(made)}"
        new = Bench(home, {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")})
        new.lay_out(**how)  # type: ignore[arg-type]
        made.append(new)
        return new

    yield one
    for bench in made:
        bench.desk.project.close()


@pytest.fixture
def bench(lay_out: Callable[..., Bench]) -> Bench:
    """A run at its first step, its tests known, driven by `session-1`."""
    made = lay_out()
    made.begin()
    made.opens()
    made.prompt()
    return made
