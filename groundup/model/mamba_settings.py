"""The sizes that only Mamba has."""

import math

from pydantic import Field

from groundup.config import Settings


class MambaSettings(Settings):
    """What a Mamba layer is made of, beside its width."""

    state: int = Field(default=16, gt=0, description="numbers that each channel remembers")
    expand: int = Field(default=2, gt=0, description="channels for each number of the width")
    kernel: int = Field(default=4, gt=0, description="tokens that the short convolution sees, the present one included")
    rank: int = Field(default=0, ge=0, description="numbers that a token's step sizes are made from; 0: width / 16")
    conv_bias: bool = Field(default=True, description="whether the short convolution adds a bias")

    def rank_of(self, width: int) -> int:
        """Of how many numbers a token's step sizes are made."""
        return self.rank or math.ceil(width / 16)
