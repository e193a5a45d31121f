"""Exercise 1: a tokenizer for Shakespeare.

    python lessons/exercises/01_tokens.py shakespeare.txt

Write the three functions; the check at the end says which are right. Any long text will do, but his is the one to try first:
it is public, about a million characters, and its names in capitals show what a tokenizer does with what is rare.
Do not import `groundup.tokenizer`: everything you need is in lesson 1, sections 3 and 5.
"""

from collections import Counter


def most_frequent_pair(words: dict[tuple[int, ...], int]) -> tuple[int, int]:
    """Task 1. words: ids of each word -> how often it occurs. The pair of neighbours that occurs most often in all.

    Of equally frequent pairs, the smaller one.
    """
    raise NotImplementedError


def learn(counts: Counter[bytes], merges: int) -> list[tuple[int, int]]:
    """Task 2. The pairs that become tokens 256, 257, …, from words and how often each occurs."""
    raise NotImplementedError


def enough(bytes_per_token: dict[int, float], least: float = 0.05) -> int:
    """Task 3. size of vocabulary -> bytes per token, each size double the one before.

    The largest size whose doubling from the one before still made tokens longer by at least `least`.
    """
    raise NotImplementedError


if __name__ == "__main__":
    import checking

    checking.tokens(most_frequent_pair, learn, enough)
