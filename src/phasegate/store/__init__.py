"""Where ledgers and the bytes beside them live: in memory, in SQLite, in a directory; one suite holds them all."""
