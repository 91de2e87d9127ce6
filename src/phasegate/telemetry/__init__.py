"""How phasegate tells about itself: log lines apart from the ledger; one way a file."""
