"""Text written several tokens at a time: a draft says what may come, the model reads it at once and keeps what it agrees to.

What is written follows the model's own distribution, whatever the draft says: a bad draft costs time, never quality.
"""
