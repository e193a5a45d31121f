"""Thousands of prompts on several cores: each core takes its share of them, instead of all sharing every small matrix.

Threads that work on one small matrix wait for each other longer than they compute, above all where something else runs
on the machine as well; threads that have prompts of their own never wait.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from groundup.model.transformer import Transformer

Done = Callable[[int], None]
Result = TypeVar("Result")
SMALL = 50_000_000  # parameters up to which a model is read by several threads at once
FEWEST = 32  # prompts that are worth a thread


def side_by_side(
    model: Transformer,
    places: Sequence[int],
    some: Callable[[list[int], Done], list[Result]],
    done: Done | None = None,
) -> list[Result]:
    """`some(places, done)` for all places, in order: at once, or for small models every n-th place in each of n threads."""
    threads = torch.get_num_threads()
    weights = sum(weight.numel() for weight in model.parameters())
    alone = next(model.parameters()).device.type != "cpu" or weights > SMALL
    parts = 1 if alone else max(1, min(threads, len(places) // FEWEST))
    finished = [0] * parts

    def part(number: int) -> list[Result]:
        def heard(count: int) -> None:
            finished[number] = count
            if done:
                done(sum(finished))

        if not alone:
            torch.set_num_threads(1)
        return some(list(places[number::parts]), heard)

    try:
        with ThreadPoolExecutor(parts) as pool:
            made = list(pool.map(part, range(parts)))
    finally:
        torch.set_num_threads(threads)
    return [made[place % parts][place // parts] for place in range(len(places))]
