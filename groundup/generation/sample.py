"""From logits to the next token: greedy or drawn, with what is too unlikely left out.

`next_token` is the definition, one row in plain Python; `draw` does all rows of a step at once. A draw is a function of
(seed, step) and the row's own logits: a text comes out the same alone, in a batch, or when it is asked for again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from groundup.errors import Problem


@dataclass(frozen=True)
class Sampling:
    """How to choose; temperature 0 takes the most likely token. Equally likely tokens are kept or left out together."""

    temperature: float = 1.0  # logits are divided by it
    top_k: int = 0  # keep the k most likely tokens; 0: all
    top_p: float = 1.0  # keep the fewest tokens that together have this probability
    min_p: float = 0.0  # keep tokens that have this share of the most likely one's probability
    seed: int = 0

    def __post_init__(self):
        if not (0 <= self.temperature < math.inf):
            raise Problem(f"temperature is {self.temperature}: it must be 0 (always the most likely token) or more")
        if self.top_k < 0:
            raise Problem(f"top_k is {self.top_k}: it must be 0 (no limit) or the number of tokens to choose from")
        if not (0 < self.top_p <= 1):
            raise Problem(f"top_p is {self.top_p}: it must be above 0 and at most 1")
        if not (0 <= self.min_p <= 1):
            raise Problem(f"min_p is {self.min_p}: it must be between 0 and 1")


def next_token(logits: Sequence[float], sampling: Sampling, step: int) -> int:
    """The definition: scale, leave out, and go along the rest until the step's number is reached."""
    best = max(logits)
    if sampling.temperature == 0:
        return list(logits).index(best)
    scaled = [(logit - best) / sampling.temperature for logit in logits]
    if sampling.top_k:
        least = sorted(scaled, reverse=True)[: sampling.top_k][-1]
        scaled = [logit if logit >= least else -math.inf for logit in scaled]
    weights = [math.exp(logit) for logit in scaled]
    total, together = sum(weights), 0.0
    for weight in sorted(weights, reverse=True):
        together += weight
        if together >= sampling.top_p * total or weight == 0:
            weights = [other if other >= weight else 0.0 for other in weights]
            break
    weights = [weight if weight >= sampling.min_p else 0.0 for weight in weights]  # the best one's weight is 1
    wanted, together = uniform(sampling.seed, step) * sum(weights), 0.0
    for token, weight in enumerate(weights):
        together += weight
        if together > wanted:
            return token
    return max(token for token, weight in enumerate(weights) if weight > 0)  # rounding took the last of it


def draw(logits: Tensor, samplings: Sequence[Sampling], steps: Sequence[int]) -> Tensor:
    """logits (rows, vocabulary), one Sampling and one step each -> tokens (rows,)."""
    drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if not drawn:
        return logits.argmax(-1)
    chosen = [samplings[row] for row in drawn]
    numbers = uniforms([sampling.seed for sampling in chosen], [steps[row] for row in drawn])
    if len(drawn) == len(samplings):
        return _draw(logits, chosen, numbers)
    tokens = logits.argmax(-1)
    rows = torch.tensor(drawn, device=logits.device)
    tokens[rows] = _draw(logits[rows], chosen, numbers)
    return tokens


def _draw(logits: Tensor, samplings: Sequence[Sampling], numbers: np.ndarray) -> Tensor:
    def column(values: list) -> Tensor:
        return torch.tensor(values, dtype=exact, device=logits.device)[:, None]

    exact = torch.float32 if logits.device.type == "mps" else torch.float64
    scaled = logits.to(exact)
    scaled = (scaled - scaled.amax(-1, keepdim=True)) / column([sampling.temperature for sampling in samplings])
    if any(sampling.top_k for sampling in samplings):
        scaled = _keep_top_k(scaled, [sampling.top_k for sampling in samplings])
    weights = scaled.exp()
    if any(sampling.top_p < 1 for sampling in samplings):
        weights = _keep_top_p(weights, column([sampling.top_p for sampling in samplings]))
    if any(sampling.min_p for sampling in samplings):
        weights = weights.masked_fill(weights < column([sampling.min_p for sampling in samplings]), 0.0)
    together = weights.cumsum(-1)
    wanted = column(numbers.tolist()) * together[:, -1:]
    past = torch.searchsorted(together, wanted, right=True)[:, 0]
    last = together.shape[-1] - 1 - (weights.flip(-1) > 0).to(torch.uint8).argmax(-1)  # the last token still there
    return torch.minimum(past, last)


def _keep_top_k(scaled: Tensor, counts: list[int]) -> Tensor:
    vocabulary = scaled.shape[-1]
    largest = scaled.topk(min(max(counts), vocabulary), dim=-1).values
    places = torch.tensor([min(count, vocabulary) - 1 if count else 0 for count in counts], device=scaled.device)
    least = largest.gather(-1, places[:, None])
    unlimited = torch.tensor([count == 0 for count in counts], device=scaled.device)[:, None]
    return scaled.masked_fill((scaled < least) & ~unlimited, -math.inf)


def _keep_top_p(weights: Tensor, shares: Tensor) -> Tensor:
    """Most rows need few tokens to reach their share: the thousand most likely are looked at first, all only if need be."""
    total = weights.sum(-1, keepdim=True)
    largest = weights.topk(min(1024, weights.shape[-1]), dim=-1).values
    enough = largest.cumsum(-1) >= shares * total
    if not bool(enough[:, -1].all()):
        largest = weights.sort(dim=-1, descending=True).values
        enough = largest.cumsum(-1) >= shares * total
        enough[:, -1] = True
    least = largest.gather(-1, enough.to(torch.uint8).argmax(-1, keepdim=True))
    return weights.masked_fill((weights < least) & (shares < 1), 0.0)


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """The model's own log-probability (at temperature 1, nothing left out) of a token in each row (rows,), in nats."""
    logits = logits.float()
    return logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(-1)


def most_likely(logits: Tensor, count: int) -> list[list[tuple[int, float]]]:
    """The `count` most likely tokens of each row with their log-probabilities."""
    logits = logits.float()
    found = logits.topk(min(count, logits.shape[-1]), dim=-1)
    values = found.values - logits.logsumexp(-1, keepdim=True)
    return [list(zip(*row, strict=True)) for row in zip(found.indices.tolist(), values.tolist(), strict=True)]


def uniform(seed: int, step: int) -> float:
    """A number in [0, 1) that (seed, step) alone decides."""
    return float(uniforms([seed], [step])[0])


def uniforms(seeds: Sequence[int], steps: Sequence[int]) -> np.ndarray:
    """The same for many rows: the finaliser of splitmix64 over seed, then over step (Steele et al. 2014)."""
    seed = np.array([number & (2**64 - 1) for number in seeds], np.uint64)
    mixed = _mix(_mix(seed) + np.asarray(steps, np.uint64))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(number: np.ndarray) -> np.ndarray:
    number = number + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
