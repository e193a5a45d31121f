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
            "1 the most frequent pair": lambda: (
                most_frequent_pair({tuple(word): n for word, n in counts.items()}) == best
            ),
            "1 of equally frequent ones the smaller": lambda: (
                most_frequent_pair({(5, 6): 2, (3, 4, 3, 4): 1}) == (3, 4)
            ),
            "2 forty merges": lambda: list(learn(Counter(some), 40)) == bpe.merge_pairs(some, 296),
            "2 a run of one byte": lambda: list(learn(Counter({b"aaaa": 1}), 2)) == [(97, 97), (256, 256)],
            "2 no more merges than there are pairs": lambda: list(learn(Counter({b"ab": 1}), 9)) == [(97, 98)],
            "3 where more tokens stop to pay": lambda: enough(sizes) == knee,
        }
    )
    print(f"   on this text {knee:,} tokens, of {sizes[knee]:.2f} bytes each")


def data(jaccard: Callable, signature: Callable, meet: Callable, rows_of_bands: Callable, clean: Callable) -> None:
    """Exercise 3, on the text that the command line names and on pages made of it."""
    if len(sys.argv) < 2:
        sys.exit(f"name a text: python {sys.argv[0]} shakespeare.txt")
    from groundup.data.copies.near import meets, resemblance, runs_of
    from groundup.data.filters.c4 import C4Settings, clean_plainly
    from groundup.kernels import minhash

    text = Path(sys.argv[1]).read_text(encoding="utf-8")[:4000]
    whole, half = runs_of(text, 5), runs_of(text[: 3 * len(text) // 4] + " and then the rest of it is another one", 5)
    a, b = set(whole.tolist()), set(half.tolist())
    keys = minhash.keys(112)
    signed = [minhash.signature(members, *keys).tolist() for members in (whole, half)]
    plain = [key.tolist() for key in keys]
    rules = C4Settings.model_validate({"notes": False, "sentences": 0, "lines_without": ["javascript"]})
    lines = [
        "It is a line. ",
        "Too short.",
        "No end of it",
        "And then ...",
        "Please enable JavaScript for this.",
        "He said 'yes'",
    ]
    pages = [
        "\n".join([*lines, more])
        for more in ("A { bracket of ours.", "A { in a menu", "It says Lorem Ipsum here.", text)
    ]

    def said(page: str) -> str:
        left = clean_plainly(page, rules)
        return "" if left.startswith("<") else left

    def best(numbers: int, similarity: float) -> int:
        found = [rows for rows in range(1, numbers + 1) if numbers % rows == 0]
        return min(found, key=lambda rows: (abs(meets(similarity, numbers // rows, rows) - 0.5), rows))

    shifted = [0, *range(1, 8)], [9, 0, *range(1, 7)]  # the same numbers, but nowhere in the same place
    finish(
        {
            "1 similarity of two texts": lambda: abs(jaccard(a, b) - resemblance(whole, half)) < 1e-12,
            "1 of nothing at all": lambda: jaccard(set(), set()) == 0,
            "2 a signature": lambda: [list(signature(members, *plain)) for members in (a, b)] == signed,
            "3 a band is a place": lambda: (
                [meet(*pair, 2) for pair in (shifted, ([1, 2, 3, 4], [0, 2, 3, 4]), ([1, 2, 3, 4], [9, 2, 3, 9]))]
                == [False, True, False]
            ),
            "3 the whole signature is one band": lambda: (
                meet(signed[0], signed[0], 112) and not meet([1, 2], [1, 3], 2)
            ),
            "4 rows for a similarity": lambda: (
                [rows_of_bands(112, s) for s in (0.3, 0.5, 0.7, 0.9)] == [best(112, s) for s in (0.3, 0.5, 0.7, 0.9)]
            ),
            "5 lines and pages by C4's rules": lambda: (
                [clean(page) for page in pages] == [said(page) for page in pages]
            ),
        }
    )


def memory(bytes_of_weights: Callable, bytes_of_logits: Callable, loss: Callable, parts: Callable) -> None:
    """Exercise 7, on the bytes of the text that the command line names."""
    if len(sys.argv) < 2:
        sys.exit(f"name a text: python {sys.argv[0]} shakespeare.txt")
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    raw = (Path(sys.argv[1]).read_bytes() * 500)[:500]
    targets, dice = torch.tensor(list(raw)), torch.Generator().manual_seed(1)
    x, weight = (
        torch.randn(n, 24, generator=dice, dtype=torch.float64, requires_grad=True) for n in (len(targets), 256)
    )
    wanted = torch.nn.functional.cross_entropy(x @ weight.T, targets)
    wanted.backward()

    class Watched(TorchDispatchMode):
        """The most rows of logits that any operation made."""

        rows = 0

        def __torch_dispatch__(self, called, types, given=(), named=None):
            made = called(*given, **(named or {}))
            if isinstance(made, torch.Tensor) and made.ndim == 2 and made.shape[1] == 256:
                self.rows = max(self.rows, made.shape[0] if made.shape[0] != 24 else 0)
            return made

    def close(chunk: int) -> bool:
        with torch.no_grad(), Watched() as watched:
            found = loss(x.detach(), weight.detach(), targets, chunk)
        return watched.rows <= chunk and all(
            torch.allclose(one, other) for one, other in zip(found, (wanted.detach(), x.grad, weight.grad), strict=True)
        )

    finish(
        {
            "1 weights, gradients, two means": lambda: bytes_of_weights(1_000_000) == 16_000_000,
            "2 logits and their gradient": lambda: bytes_of_logits(8, 256, 8192) == 134_217_728,
            "3 loss and gradients, all tokens at once": lambda: close(len(targets)),
            "3 the same in chunks, the last one shorter": lambda: close(64),
            "4 parts of a step": lambda: [parts(12, 10, budget) for budget in (120, 119, 59, 10)] == [1, 2, 3, 12],
        }
    )


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
