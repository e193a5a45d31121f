"""Tokens become guesses here: the transformer and its parts, its files in other people's formats, its cost.

`settings` and `cost` are light; everything else needs torch and is imported by name, not from here.
"""
