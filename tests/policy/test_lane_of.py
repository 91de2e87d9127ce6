"""Which lane a difference needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.policy.lanes import is_higher, lane_of
from phasegate.settings import Lanes, Settings
from phasegate.workflow.definition import LANES

LIMITS = Lanes(trivial_lines=10, trivial_files=2, standard=("src/db/**",), regulated=("src/payments/**",))
SETTINGS = Settings(lanes=LIMITS)


@pytest.mark.parametrize(
    ("changed", "lane"),
    [
        ({}, "trivial"),
        ({"src/a.py": 10}, "trivial"),
        ({"src/a.py": 11}, "standard"),
        ({"src/a.py": 4, "src/b.py": 3, "pyproject.toml": 3}, "standard"),
        ({"docs/a.md": 900, "README.md": 50, "tests/test_a.py": 300}, "trivial"),
        ({"src/db/a.py": 1}, "standard"),
        ({"src/payments/a.py": 1, "src/db/a.py": 1}, "regulated"),
        ({"src/payments/gone.py": 0}, "regulated"),
    ],
)
def test_a_lane_comes_from_lines_files_and_paths(changed: dict[str, int], lane: str) -> None:
    found, why = lane_of(changed, SETTINGS)
    assert found == lane and bool(why) is (lane != "trivial")


PATHS = st.sampled_from(["src/a.py", "src/b.py", "src/c.py", "src/db/a.py", "src/payments/a.py", "docs/a.md"])


@given(st.dictionaries(PATHS, st.integers(0, 20)), st.dictionaries(PATHS, st.integers(0, 20)))
def test_more_changes_never_need_less(one: dict[str, int], other: dict[str, int]) -> None:
    both = {path: max(one.get(path, 0), other.get(path, 0)) for path in one.keys() | other.keys()}
    assert not is_higher(lane_of(one, SETTINGS)[0], lane_of(both, SETTINGS)[0])


def test_the_lanes_are_in_order() -> None:
    assert [is_higher("standard", lane) for lane in LANES] == [True, False, False]
