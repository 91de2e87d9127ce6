"""Collectors act and observe: each runs or reads one tool, and gives back evidence in the words of `evidence`."""
