"""What happened: facts, the chain that binds them, the fold that reads them, and the Log that keeps them."""
