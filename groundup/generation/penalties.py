"""What a text has said already changes what it says next: penalties on tokens seen, and a bias on tokens named.

`altered_by_definition` is the definition, one row in plain Python; `altered` does all rows of a step at once.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from groundup.generation.sample import Sampling


class Past:
    """What one text holds so far, token by token of the vocabulary: whether it is there, and how often it was made."""

    def __init__(self, vocabulary: int, prompt: Sequence[int], device: torch.device | str = "cpu"):
        self.known = torch.zeros(vocabulary, dtype=torch.bool, device=device)  # in the prompt or made
        self.known[torch.tensor(list(prompt), dtype=torch.int64, device=device)] = True
        self.made = torch.zeros(vocabulary, dtype=torch.int32, device=device)  # the prompt does not count

    def take(self, token: int) -> None:
        """One more token was made."""
        self.known[token] = True
        self.made[token] += 1


def altered_by_definition(
    logits: Sequence[float], sampling: "Sampling", prompt: Sequence[int] = (), made: Sequence[int] = ()
) -> list[float]:
    """The logits after the bias and the penalties.

    The repetition penalty divides what is above 0 and multiplies what is below (Keskar et al. 2019), for tokens of the prompt
    and of the answer. The two others are subtracted for tokens of the answer: once, and for each time.
    """
    changed = list(logits)
    for token, bias in sampling.logit_bias:
        changed[token] += bias
    for token in {*prompt, *made}:
        penalty = sampling.repetition_penalty
        changed[token] = changed[token] / penalty if changed[token] > 0 else changed[token] * penalty
    for token in set(made):
        changed[token] -= sampling.frequency_penalty * made.count(token) + sampling.presence_penalty
    return changed


def altered(logits: Tensor, samplings: Sequence["Sampling"], pasts: Sequence[Past | None]) -> Tensor:
    """logits (rows, vocabulary) -> the same after each row's bias and penalties, exact enough to equal the definition."""

    def column(name: str) -> Tensor:
        return torch.tensor([getattr(samplings[row], name) for row in rows], dtype=changed.dtype, device=device)[
            :, None
        ]

    device = logits.device
    changed = logits.to(exact(logits), copy=True)
    for row, sampling in enumerate(samplings):
        if sampling.logit_bias:
            tokens, biases = zip(*sampling.logit_bias, strict=True)
            changed[row, torch.tensor(tokens, device=device)] += torch.tensor(
                biases, dtype=changed.dtype, device=device
            )
    found = [past for sampling, past in zip(samplings, pasts, strict=True) if past and sampling.remembers]
    rows = [row for row, sampling in enumerate(samplings) if pasts[row] and sampling.remembers]
    if not rows:
        return changed
    some, penalty = changed[rows], column("repetition_penalty")
    known, made = torch.stack([past.known for past in found]), torch.stack([past.made for past in found])
    some = torch.where(known, torch.where(some > 0, some / penalty, some * penalty), some)
    taken = column("frequency_penalty") * made + column("presence_penalty")
    changed[rows] = torch.where(made > 0, some - taken, some)
    return changed


def exact(tensor: Tensor) -> torch.dtype:
    """The precision in which fast paths equal their definitions, as far as the device has it."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def typical_by_definition(weights: Sequence[float], share: float) -> list[float]:
    """Weights, unlikely ones 0: those stay whose surprise is nearest to the expected one, until they have the share together.

    Locally typical sampling (Meister et al. 2022); a token whose surprise is as far off as the last one's stays with it.
    """
    total = sum(weights)
    surprise = [math.log(total) - math.log(weight) if weight else math.inf for weight in weights]
    expected = sum(weight * own for weight, own in zip(weights, surprise, strict=True) if weight) / total
    far = [abs(own - expected) for own in surprise]
    together = 0.0
    for distance, weight in sorted(zip(far, weights, strict=True)):
        together += weight
        if together >= share * total or weight == 0:
            return [other if away <= distance else 0.0 for other, away in zip(weights, far, strict=True)]
    return list(weights)


def typical(weights: Tensor, shares: Tensor) -> Tensor:
    """The same for rows of weights (rows, vocabulary) and shares (rows, 1); a share of 1 keeps a row whole."""
    total = weights.sum(-1, keepdim=True)
    surprise = total.log() - weights.log()  # infinite where the weight is 0
    expected = (weights * surprise.masked_fill(weights == 0, 0.0)).sum(-1, keepdim=True) / total
    far = (surprise - expected).abs()
    order = far.argsort(dim=-1, stable=True)
    enough = weights.gather(-1, order).cumsum(-1) >= shares * total
    enough[:, -1] = True
    last = far.gather(-1, order).gather(-1, enough.to(torch.uint8).argmax(-1, keepdim=True))
    return weights.masked_fill((far > last) & (shares < 1), 0.0)
