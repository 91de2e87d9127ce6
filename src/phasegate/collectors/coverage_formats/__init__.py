"""Coverage reports as tools write them: one format a file, each read into the one model of `evidence.coverage`."""
