"""The old place of `phasegate.plain`, for code that still asks here."""

from phasegate.plain import line as line
from phasegate.plain import paragraph as paragraph
