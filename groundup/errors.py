"""What goes wrong that a person can put right."""


class Problem(Exception):
    """One sentence to a person: what was found, where, what was expected, and what to do about it."""
