"""Links between documents and files: what a document names, and whether it is there."""
