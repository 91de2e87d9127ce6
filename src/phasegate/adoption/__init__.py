"""What is there when phasegate comes to a repository: languages, test suites, and what else has a say in it."""
