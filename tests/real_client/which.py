"""Which client a test runs with: each that there is, only the real one, or (saying nothing) only the stand-in."""

import pytest

REAL = pytest.param("real", marks=pytest.mark.real_client)

with_both = pytest.mark.parametrize("which", ["scripted", REAL])
with_the_real_one = pytest.mark.parametrize("which", [REAL])
