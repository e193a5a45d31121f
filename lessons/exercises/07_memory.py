"""Exercise 7: a loss without logits.

    python lessons/exercises/07_memory.py shakespeare.txt

Write the four functions; the check at the end says which are right. The bytes of the text are its tokens here, so any text will do.
Do not import `groundup`: everything you need is in lesson 7, and the formula of the slope in the docstring of task 3.
"""

from torch import Tensor


def bytes_of_weights(parameters: int) -> int:
    """Task 1. Bytes that weights, their gradients and AdamW's two running means take, all in f32."""
    raise NotImplementedError


def bytes_of_logits(rows: int, time: int, vocabulary: int) -> int:
    """Task 2. Bytes of the logits of a step and of their gradient, both in f32."""
    raise NotImplementedError


def loss(x: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> tuple[Tensor, Tensor, Tensor]:
    """Task 3. x (tokens, width), weight (vocabulary, width), targets (tokens) -> the mean of -log p(target), and its gradients
    by x and by weight. Logits are x · weightᵀ; never more than `chunk` rows of them may be there at once.

    The slope of a token's loss by its logits is softmax(logits), minus one at the target.
    """
    raise NotImplementedError


def parts(rows: int, bytes_of_a_row: int, budget: int) -> int:
    """Task 4. Into how many equal parts a step of so many rows must be split, at least, for one part to fit into the budget."""
    raise NotImplementedError


if __name__ == "__main__":
    import checking

    checking.memory(bytes_of_weights, bytes_of_logits, loss, parts)
