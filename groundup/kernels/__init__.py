"""Small compiled loops behind plain references: each says which readable function it must agree with.

Nothing here is imported until a room needs speed; a law test holds every loop equal to its reference.
"""
