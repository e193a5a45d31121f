"""What says whether the tasks of an exercise are done: each is compared with what the package itself gives."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from groundup import Tokenizer
from groundup.tokenizer import bpe
from groundup.tokenizer.report.sizes import curve


def tokens(most_frequent_pair: Callable, learn: Callable, enough: Callable) -> None:
    """Exercise 1, on the text that the command line names."""
    if len(sys.argv) < 2:
        sys.exit(f"name a text: python {sys.argv[0]} shakespeare.txt")
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    counts = bpe.count_words([text])
    some = dict(counts.most_common(300))
    pairs = bpe.count_pairs({word: list(word) for word in counts}, counts)
    best = min(pairs, key=lambda pair: (-pairs[pair], pair))
    sizes = {point["size"]: point["bytes_per_token"] for point in curve(Tokenizer.train(text, 8192), [text])}
    gains = [(b, sizes[b] / sizes[a] - 1) for a, b in zip(list(sizes), list(sizes)[1:], strict=False)]
    knee = max(size for size, gain in gains if gain >= 0.05)
    finish(
        {
            "1 the most frequent pair": lambda: most_frequent_pair({tuple(word): n for word, n in counts.items()}) == best,
            "1 of equally frequent ones the smaller": lambda: most_frequent_pair({(5, 6): 2, (3, 4, 3, 4): 1}) == (3, 4),
            "2 forty merges": lambda: list(learn(Counter(some), 40)) == bpe.merge_pairs(some, 296),
            "2 a run of one byte": lambda: list(learn(Counter({b"aaaa": 1}), 2)) == [(97, 97), (256, 256)],
            "2 no more merges than there are pairs": lambda: list(learn(Counter({b"ab": 1}), 9)) == [(97, 98)],
            "3 where more tokens stop to pay": lambda: enough(sizes) == knee,
        }
    )
    print(f"   on this text {knee:,} tokens, of {sizes[knee]:.2f} bytes each")


def finish(tasks: dict[str, Callable[[], bool]]) -> None:
    """Say of each task whether it is right; leave with 1 unless all are."""
    right = 0
    for name, task in tasks.items():
        try:
            said = "right" if task() else "not yet: the answer differs"
        except NotImplementedError:
            said = "not written yet"
        except Exception as error:  # noqa: BLE001  whatever a learner's code does wrong is told, and the next task is tried
            said = f"not yet: {type(error).__name__}: {error}"
        right += said == "right"
        print(f"{name:<45} {said}")
    if right < len(tasks):
        sys.exit(1)
