"""How fast each pair of a query turns: RoPE's rates, and the ways of stretching them over longer texts than were trained.

Pair i of n turns by position · base^(-i/n). A model trained on 4k tokens has never seen the slow pairs come far round;
each scaling slows them, so that a longer text stays within angles that were seen.
"""

import math

import torch
from torch import Tensor

from groundup.model.rope_settings import RopeScaling


def rates(base: float, width: int, device: torch.device | str | None = None) -> Tensor:
    """Radians that each of width/2 pairs turns per token."""
    return 1.0 / base ** (torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)


def linear(base: float, width: int, scaling: RopeScaling, original: int, longest: int) -> tuple[Tensor, float]:
    """Chen et al. 2023: all pairs slow by the factor, as if positions were closer together."""
    return rates(base, width) / scaling.factor, 1.0


def dynamic(base: float, width: int, scaling: RopeScaling, original: int, longest: int) -> tuple[Tensor, float]:
    """NTK-aware, growing with the text: a larger base, which slows the slow pairs and hardly the fast ones.

    It grows while a text is written, so keys in a cache keep the angles of the length at which they were read.
    """
    stretch = scaling.factor * max(longest, original) / original - (scaling.factor - 1)
    return rates(base * stretch ** (width / (width - 2)), width), 1.0


def llama3(base: float, width: int, scaling: RopeScaling, original: int, longest: int) -> tuple[Tensor, float]:
    """Llama 3.1: by how often a pair turns in the old context, it stays, is slowed, or something between."""
    plain = rates(base, width)
    turns = original * plain / (2 * math.pi)
    kept = ((turns - scaling.low) / (scaling.high - scaling.low)).clamp(0, 1)
    return plain * kept + plain / scaling.factor * (1 - kept), 1.0


def yarn(base: float, width: int, scaling: RopeScaling, original: int, longest: int) -> tuple[Tensor, float]:
    """Peng et al. 2023: a ramp over the pairs between those that stay and those that are slowed; and scores a little
    sharper, since more keys compete."""

    def pair(turns: float) -> float:
        """Which pair turns so many times in the old context."""
        return width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base))

    first, last = pair(scaling.beta_fast), pair(scaling.beta_slow)
    if scaling.truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, width - 1)
    slowed = ((torch.arange(width // 2, dtype=torch.float32) - first) / max(last - first, 0.001)).clamp(0, 1)
    plain = rates(base, width)
    return plain / scaling.factor * slowed + plain * (1 - slowed), scaling.attention or sharpness(scaling)


def sharpness(scaling: RopeScaling) -> float:
    """YaRN's factor on queries and on keys, or DeepSeek's quotient of two such."""
    if scaling.mscale and scaling.mscale_all:
        return sharper(scaling.factor, scaling.mscale) / sharper(scaling.factor, scaling.mscale_all)
    return sharper(scaling.factor)


def sharper(factor: float, weight: float = 1.0) -> float:
    """0.1 · weight · ln(factor) + 1, of which scores take the square."""
    return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0


def longrope(base: float, width: int, scaling: RopeScaling, original: int, longest: int) -> tuple[Tensor, float]:
    """Ding et al. 2024: a divisor for each pair that a search found, one list for short texts and one for long ones."""
    divisors = torch.tensor(scaling.long if longest > original else scaling.short)
    grown = 1.0 if scaling.factor <= 1 else math.sqrt(1 + math.log(scaling.factor) / math.log(original))
    return rates(base, width) / divisors, scaling.attention or grown


SCALINGS = {"linear": linear, "dynamic": dynamic, "yarn": yarn, "llama3": llama3, "longrope": longrope}
GROWING = ("dynamic", "longrope")  # whose rates depend on how long the text is


def scaled(
    base: float, width: int, scaling: RopeScaling | None, context: int, longest: int = 0
) -> tuple[Tensor, float]:
    """Rates (width/2) on the processor, and the factor on queries and keys; longest: tokens in the text."""
    if scaling is None:
        return rates(base, width), 1.0
    return SCALINGS[scaling.kind](base, width, scaling, scaling.original or context, longest)
