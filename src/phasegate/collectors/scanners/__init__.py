"""Programs that look for weak code and for known holes, one a file, and what they have in common."""
