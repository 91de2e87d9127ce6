"""What a verdict becomes when it leaves this machine: statements, envelopes, bundles, exported ledgers."""
