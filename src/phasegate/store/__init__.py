"""Where ledgers and the bytes beside them live: in memory, in SQLite, in a directory; all held to one conformance suite."""
