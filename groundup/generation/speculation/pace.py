"""How many tokens to draft: as many as pay, by how often the text's last drafts were right.

If each drafted token stays with probability a, k of them give (1 - a^(k+1)) / (1 - a) tokens a pass on average, and cost
1 + k·c passes (Leviathan et al. 2023). a is learnt from each text alone, so a text is the same in any company.
"""

from dataclasses import dataclass

READ = 0.05  # of a pass: what one more token costs to be read along
FORGET = 0.9  # of what was seen before, in each round; so a draft that was given up is tried again
# Before anything was seen: how often a token is believed to stay (enough for every draft to be tried), and how many
# tokens that is worth.
BELIEVED, WEIGHT = 0.8, 1.0


@dataclass
class Pace:
    """Of one text: how many drafted tokens stayed, of how many that were looked at; older ones count less."""

    kept: float = 0.0
    tried: float = 0.0

    def hear(self, drafted: int, kept: int) -> None:
        """One round: behind the first token that fell, nothing was looked at."""
        self.kept = FORGET * self.kept + kept
        self.tried = FORGET * self.tried + min(kept + 1, drafted)

    @property
    def share(self) -> float:
        """The share of drafted tokens that is expected to stay."""
        return (self.kept + BELIEVED * WEIGHT) / (self.tried + WEIGHT)

    def length(self, cost: float, most: int) -> int:
        """The number of tokens with the most gain a second, 0 to `most`; cost: of drafting one, in passes."""
        return max(range(most + 1), key=lambda count: tokens_a_pass(self.share, count) / (1 + count * (cost + READ)))


def tokens_a_pass(share: float, count: int) -> float:
    """Expected tokens of a pass over `count` drafted ones, the one that the model adds included."""
    return sum(share**number for number in range(count + 1))
