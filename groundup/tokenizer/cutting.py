"""How the compiled loops learn where words end: from a class table for published patterns, from marks for any other.

A loop gets an address and a number. For a published pattern the address is that of the classes and the loop cuts by itself. For a
pattern of one's own the `regex` package cuts first, and the address is that of marks in the shape of the text.
"""

from collections.abc import Callable, Sequence

import numpy as np

from groundup.tokenizer import split
from groundup.tokenizer.batches import PAD
from groundup.tokenizer.classes import fitting

from groundup.kernels import words as scan  # isort: skip (`batches` tells numba of its cache folder first)

NUMBERS = {
    "gpt4": scan.GPT4,
    "llama3": scan.GPT4,
    "qwen2": scan.GPT4 | scan.SINGLY,
    "cl100k": scan.CL100K,
    "gpt2": scan.GPT2,
    "gpt2-digits": scan.GPT2 | scan.SINGLY,
    "o200k": scan.O200K,
    "o200k-digits": scan.O200K | scan.SINGLY,
}


class Cutter:
    """Where words end, by one pattern."""

    def __init__(self, pattern: str, classes: np.ndarray, tell: Callable[[str], None] = lambda text: None):
        """classes: of code points, as in `classes`; `tell` hears once if the pattern is a slow one."""
        self.pattern, self.classes = pattern, np.ascontiguousarray(fitting(classes, pattern))
        self.number = NUMBERS.get(pattern, scan.MARKED)
        if self.number == scan.MARKED:
            tell(
                f"the pattern {pattern[:60]!r} is none of {', '.join(NUMBERS)}: text is cut by `regex`, which is slower"
            )

    def rules(self, parts: Sequence[bytes]) -> np.ndarray:
        """What stands at the address that the loops get for these parts joined; keep it as long as they run."""
        if self.number != scan.MARKED:
            return self.classes
        marks, begin = np.zeros(sum(map(len, parts)) + PAD, np.uint8), 0
        for part in parts:
            text = part.decode(errors="surrogateescape")  # a byte that is not UTF-8 is a character of no class
            for word in split.words(text, self.pattern):
                marks[begin] = 1
                begin += len(word.encode(errors="surrogateescape"))
        return marks
