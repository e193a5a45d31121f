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


def memory(bytes_of_weights: Callable, bytes_of_logits: Callable, loss: Callable, parts: Callable) -> None:
    """Exercise 7, on the bytes of the text that the command line names."""
    if len(sys.argv) < 2:
        sys.exit(f"name a text: python {sys.argv[0]} shakespeare.txt")
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    raw = (Path(sys.argv[1]).read_bytes() * 500)[:500]
    targets, dice = torch.tensor(list(raw)), torch.Generator().manual_seed(1)
    x, weight = (torch.randn(n, 24, generator=dice, dtype=torch.float64, requires_grad=True) for n in (len(targets), 256))
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
