"""Drives a coding agent through a plan; a phase closes only on evidence that phasegate recorded itself."""

__version__ = "0.1.0"
