"""How a token's vector is made from its letters; read from a recipe or a folder without torch."""

from pydantic import Field, model_validator

from groundup.config import Settings

SIGNS = 3 + 256  # what may stand at a place of a token: nothing, its two ends, a byte


class CharacterSettings(Settings):
    """Convolutions over the bytes of each token, as many of each length as `filters` says."""

    width: int = Field(default=16, gt=0, le=1024, description="numbers that stand for one byte")
    filters: list[int] = Field(default=[32, 64, 96, 128], description="convolutions over 1, 2, 3, … bytes")
    longest: int = Field(
        default=32, gt=2, le=1024, description="bytes of a token that are looked at, its two ends included"
    )

    def parameters(self, width: int) -> int:
        """Trained numbers beside the tokens' own vectors of `width`."""
        convolutions = sum(count * (length * self.width + 1) for length, count in enumerate(self.filters, 1))
        return SIGNS * self.width + convolutions + sum(self.filters) * width

    @model_validator(mode="after")
    def _check(self) -> "CharacterSettings":
        if not self.filters or min(self.filters) < 0 or not 0 < sum(self.filters) <= 65536:
            raise ValueError(f"filters: {self.filters} must be one to 65,536 convolutions, none of them less than 0")
        if len(self.filters) > self.longest:
            raise ValueError(
                f"filters: a convolution over {len(self.filters)} bytes is longer than longest={self.longest}"
            )
        return self
