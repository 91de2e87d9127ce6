"""Two versions of a project's files in, what the tests of the second check less than those of the first out."""
