"""Engine-owned test runs: where a suite runs, what it is given, and what it was seen to do there."""
