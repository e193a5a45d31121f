"""Exercise 3: copies, rules and leaks.

    python lessons/exercises/03_data.py shakespeare.txt

Write the five functions; the check at the end says which are right. Any text of a few pages will do.
Do not import `groundup`: everything you need is in lesson 3, sections 3 to 6, and in the docstrings.
"""


def jaccard(one: set[int], other: set[int]) -> float:
    """Task 1. The share of the members of both sets together that both of them have; of two empty sets 0."""
    raise NotImplementedError


def signature(members: set[int], factors: list[int], addends: list[int]) -> list[int]:
    """Task 2. MinHash: for each factor and addend the smallest (member * factor + addend), of whose 64 bits the upper 32 count."""
    raise NotImplementedError


def meet(one: list[int], other: list[int], rows: int) -> bool:
    """Task 3. Whether two signatures agree in all rows of some band: band 0 is the first `rows` numbers, and so on."""
    raise NotImplementedError


def rows_of_bands(numbers: int, similarity: float) -> int:
    """Task 4. Of so many numbers in a signature, the rows a band must have (a divisor of `numbers`, the bands are the rest) so that the
    chance 1 - (1 - s^rows)^bands that a pair of this similarity meets is as near to one half as can be; of equally near ones
    the fewer rows."""
    raise NotImplementedError


def clean(text: str) -> str:
    """Task 5. C4's rules for lines: keep those (without blanks at their ends) that end in . ? ! or a quotation mark " or ', but
    not in ..., that have at least three words, and that do not say `javascript` in whatever case; nothing is left of a text
    that says `lorem ipsum` or has a { in a line that would stay."""
    raise NotImplementedError


if __name__ == "__main__":
    import checking

    checking.data(jaccard, signature, meet, rows_of_bands, clean)
