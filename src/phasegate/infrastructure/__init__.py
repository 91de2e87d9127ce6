"""What runs around the tests of a project: which files it is, and which parts of others, from their text alone."""
