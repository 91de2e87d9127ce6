"""Hypothesis without a time limit for each example: how fast the machine is proves nothing here."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
