"""Weights in fewer bits: how a matrix is written, which kinds there are, and what each needs to know of the text."""
