"""Answers to exercise 7.

python lessons/solutions/07_memory.py shakespeare.txt
"""

import sys
from pathlib import Path

import torch
from torch import Tensor


def bytes_of_weights(parameters: int) -> int:
    """Four numbers of four bytes."""
    return 4 * 4 * parameters


def bytes_of_logits(rows: int, time: int, vocabulary: int) -> int:
    """Two numbers of four bytes for each token and each word."""
    return 2 * 4 * rows * time * vocabulary


def loss(x: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a chunk does to both gradients is added up before the next one is looked at."""
    total, by_x, by_weight = x.new_zeros(()), torch.empty_like(x), torch.zeros_like(weight)
    for start in range(0, len(x), chunk):
        here = slice(start, start + chunk)
        shares, target = (x[here] @ weight.T).softmax(-1), targets[here, None]
        total -= shares.gather(1, target).log().sum()
        shares.scatter_add_(1, target, -torch.ones_like(target, dtype=x.dtype))
        by_x[here] = shares @ weight
        by_weight += shares.T @ x[here]
    return total / len(x), by_x / len(x), by_weight / len(x)


def parts(rows: int, bytes_of_a_row: int, budget: int) -> int:
    """The first divisor whose part is small enough."""
    return next(count for count in range(1, rows + 1) if rows % count == 0 and rows // count * bytes_of_a_row <= budget)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "exercises"))
    import checking

    checking.memory(bytes_of_weights, bytes_of_logits, loss, parts)
