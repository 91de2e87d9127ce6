"""What every fact is: a frozen value, told from others by its name."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import msgspec


class Fact(msgspec.Struct, frozen=True, tag=True, tag_field="fact"):
    """Something that happened."""
