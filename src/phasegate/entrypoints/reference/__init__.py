"""The reference in `docs/reference/`: each page is a text made from the definitions it describes, and nothing else."""
