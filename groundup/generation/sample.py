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
from groundup.generation.penalties import Past, altered, altered_by_definition, exact, typical, typical_by_definition


@dataclass(frozen=True)
class Sampling:
    """How to choose; temperature 0 takes the most likely token. Equally likely tokens are kept or left out together."""

    temperature: float = 1.0  # logits are divided by it
    top_k: int = 0  # keep the k most likely tokens; 0: all
    top_p: float = 1.0  # keep the fewest tokens that together have this probability
    min_p: float = 0.0  # keep tokens that have this share of the most likely one's probability
    seed: int = 0
    typical_p: float = 1.0  # keep tokens about as surprising as is expected, until they have this probability together
    repetition_penalty: float = 1.0  # above 1: tokens of the prompt and of the answer become less likely
    presence_penalty: float = 0.0  # taken off the logits of tokens that the answer holds
    frequency_penalty: float = 0.0  # taken off for each time that it holds them
    logit_bias: tuple[tuple[int, float], ...] = ()  # (token, what is added to its logit)

    @property
    def remembers(self) -> bool:
        """Whether the choice depends on what the text holds already."""
        return self.repetition_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0

    def __post_init__(self):
        if not (0 <= self.temperature < math.inf):
            raise Problem(f"temperature is {self.temperature}: it must be 0 (always the most likely token) or more")
        if self.top_k < 0:
            raise Problem(f"top_k is {self.top_k}: it must be 0 (no limit) or the number of tokens to choose from")
        if not (0 < self.top_p <= 1):
            raise Problem(f"top_p is {self.top_p}: it must be above 0 and at most 1")
        if not (0 <= self.min_p <= 1):
            raise Problem(f"min_p is {self.min_p}: it must be between 0 and 1")
        if not (0 < self.typical_p <= 1):
            raise Problem(f"typical_p is {self.typical_p}: it must be above 0 and at most 1")
        if not (0 < self.repetition_penalty < math.inf):
            raise Problem(f"repetition_penalty is {self.repetition_penalty}: it must be above 0; 1 changes nothing")
        for name in ("presence_penalty", "frequency_penalty"):
            if not math.isfinite(getattr(self, name)):
                raise Problem(f"{name} is {getattr(self, name)}: it must be a number; 0 changes nothing")
        if not all(token >= 0 and math.isfinite(bias) for token, bias in self.logit_bias):
            raise Problem("logit_bias takes pairs of a token's id and a finite number that is added to its logit")
        if len({token for token, _ in self.logit_bias}) < len(self.logit_bias):
            raise Problem("logit_bias names a token twice: give each token one number")


def next_token(
    logits: Sequence[float], sampling: Sampling, step: int, prompt: Sequence[int] = (), made: Sequence[int] = ()
) -> int:
    """The definition: alter by what the text holds, scale, leave out, and go along the rest until the step's number is reached."""
    logits = altered_by_definition(logits, sampling, prompt, made)
    if sampling.temperature == 0:
        return list(logits).index(max(logits))
    return along(left_by_definition(logits, sampling), uniform(sampling.seed, step))


def left_by_definition(logits: Sequence[float], sampling: Sampling) -> list[float]:
    """What scaling and leaving out leave of each token's weight; temperature 0 leaves the most likely one's alone."""
    best = max(logits)
    if sampling.temperature == 0:
        first = list(logits).index(best)
        return [float(token == first) for token in range(len(logits))]
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
    return typical_by_definition(weights, sampling.typical_p) if sampling.typical_p < 1 else weights


def along(weights: Sequence[float], number: float) -> int:
    """The token at which the weights, added up one after another, come to pass a share of their sum."""
    wanted, together = number * sum(weights), 0.0
    for token, weight in enumerate(weights):
        together += weight
        if together > wanted:
            return token
    return max(token for token, weight in enumerate(weights) if weight > 0)  # rounding took the last of it


def draw(
    logits: Tensor, samplings: Sequence[Sampling], steps: Sequence[int], pasts: Sequence[Past | None] | None = None
) -> Tensor:
    """logits (rows, vocabulary), one Sampling, one step and what the text holds each -> tokens (rows,)."""
    if any(sampling.logit_bias or sampling.remembers for sampling in samplings):
        logits = altered(logits, samplings, pasts or [None] * len(samplings))
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
    return pick(left(logits, samplings), numbers)


def left(logits: Tensor, samplings: Sequence[Sampling]) -> Tensor:
    """logits (rows, vocabulary), temperatures above 0 -> the weights that scaling and leaving out leave, not summed to 1."""

    def column(values: list) -> Tensor:
        return torch.tensor(values, dtype=scaled.dtype, device=logits.device)[:, None]

    scaled = logits.to(exact(logits))
    scaled = (scaled - scaled.amax(-1, keepdim=True)) / column([sampling.temperature for sampling in samplings])
    if any(sampling.top_k for sampling in samplings):
        scaled = _keep_top_k(scaled, [sampling.top_k for sampling in samplings])
    weights = scaled.exp()
    if any(sampling.top_p < 1 for sampling in samplings):
        weights = _keep_top_p(weights, column([sampling.top_p for sampling in samplings]))
    if any(sampling.min_p for sampling in samplings):
        weights = weights.masked_fill(weights < column([sampling.min_p for sampling in samplings]), 0.0)
    if any(sampling.typical_p < 1 for sampling in samplings):
        weights = typical(weights, column([sampling.typical_p for sampling in samplings]))
    return weights


def pick(weights: Tensor, numbers: np.ndarray) -> Tensor:
    """weights (rows, vocabulary), a number in [0, 1) for each row -> the tokens where their shares are passed (rows,)."""
    together = weights.cumsum(-1)
    wanted = torch.tensor(numbers.tolist(), dtype=weights.dtype, device=weights.device)[:, None] * together[:, -1:]
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
