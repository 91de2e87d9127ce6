"""Pure questions about evidence: one gate a file, all of them in `catalog.py`."""
