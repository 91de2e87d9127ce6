"""The coding agents: what each client sends to its hooks and obeys, to and from the words of `policy/calls.py`."""
