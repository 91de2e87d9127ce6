"""Which client a test runs with: each that there is, only the real one, or (saying nothing) only the stand-in."""

import os

import pytest

REAL = pytest.param("real", marks=pytest.mark.real_client)
RELEASE = os.environ.get("PHASEGATE_TIER") == "release"
LATER = pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it: the real client does the same")

with_both = pytest.mark.parametrize("which", ["scripted", REAL])
with_the_real_one = pytest.mark.parametrize("which", [REAL])

with_the_real_one_first = pytest.mark.parametrize("which", [REAL, pytest.param("scripted", marks=LATER)])
"""For the longest stories: the stand-in plays them before a release only."""
