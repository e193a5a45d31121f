"""How often a mixture would read each of its texts, from settings and sizes alone: nothing is opened and nothing is drawn.

A plan tells by it, before anything runs, which text runs out; the training itself counts rows and refuses (`mixture.check_caps`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from groundup.data.tokens.mixing import DomainSettings, MixtureSettings, knots
from groundup.data.tokens.shares import wishes


@dataclass(frozen=True)
class Foreseen:
    """What a training would read of one text."""

    name: str
    tokens: int  # there are
    wanted: int  # tokens that would be read
    epochs: float
    most_epochs: float | None

    @property
    def missing(self) -> int:
        """Tokens that would be read although they may not be read so often."""
        if self.most_epochs is None or self.epochs <= self.most_epochs:
            return 0
        return round(self.wanted * (1 - self.most_epochs / self.epochs))


def foreseen(
    domains: Sequence[DomainSettings],
    sizes: Sequence[int],
    mixture: MixtureSettings,
    steps: int,
    rows: int,
    time: int,
) -> list[Foreseen]:
    """Of texts with so many tokens each, in a training of so many steps of rows x time tokens."""
    shares = wishes(knots(domains, sizes, mixture, steps), steps, mixture.between).mean(0)
    told = []
    for domain, size, share in zip(domains, sizes, shares.tolist(), strict=True):
        windows, read = max(1, (size - time) // time), share * steps * rows
        told.append(Foreseen(domain.name, size, round(read * time), round(read / windows, 4), domain.epochs))
    return told
