"""The loss on a whole text that was held out: every token is foretold once, in windows one after the other.

A mean over all of it has no luck of the draw in it, so two programs can be compared by it; who makes the logits is theirs.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.evaluation.distance import losses

ROWS = 128  # windows at once


@torch.inference_mode()
def whole_split(logits: Callable[[Tensor], Tensor], tokens: np.ndarray, time: int) -> tuple[float, int]:
    """(mean loss in nats, tokens that were foretold): ids (batch, time) -> logits (batch, time, vocabulary) comes in."""
    windows = (len(tokens) - 1) // time
    if not windows:
        raise Problem(
            f"{len(tokens)} tokens are held out, too few for one window of {time} and the token after it: give a longer "
            f"text, or a smaller `time`."
        )
    text = torch.from_numpy(np.asarray(tokens[: windows * time + 1], np.int64))
    ids, targets = text[:-1].view(windows, time), text[1:].view(windows, time)
    total = 0.0
    for first in range(0, windows, ROWS):
        here = slice(first, first + ROWS)
        total += losses(logits(ids[here]).float(), targets[here]).sum().item()
    return total / targets.numel(), targets.numel()
