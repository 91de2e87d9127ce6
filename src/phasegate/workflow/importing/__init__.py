"""Plans from what is there: read lists that people keep already, and draft phases out of their own words."""
