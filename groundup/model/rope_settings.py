"""What a stretch of rotary positions is made of, as recipes and other people's files say it. Nothing here needs torch."""

from typing import Literal

from pydantic import Field, model_validator

from groundup.config import Settings


class RopeScaling(Settings):
    """A stretch of rotary positions, for texts longer than those of the first training."""

    kind: Literal["linear", "dynamic", "yarn", "llama3", "longrope"] = Field(description="whose way of stretching")
    factor: float = Field(default=1.0, ge=1, description="how many times longer texts may be")
    original: int = Field(default=0, ge=0, description="context of the first training; 0: the model's")
    low: float = Field(
        default=1.0, gt=0, description="llama3: pairs that turn fewer times in the old context are slowed"
    )
    high: float = Field(default=4.0, gt=0, description="llama3: pairs that turn more often are left alone")
    beta_fast: float = Field(default=32.0, gt=0, description="yarn: turns in the old context above which pairs stay")
    beta_slow: float = Field(default=1.0, gt=0, description="yarn: turns below which pairs are slowed whole")
    truncate: bool = Field(default=True, description="yarn: whether the ramp begins and ends at whole pairs")
    attention: float = Field(default=0.0, ge=0, description="what queries and keys are multiplied by; 0: the way's own")
    mscale: float = Field(default=0.0, ge=0, description="yarn: sharpness as DeepSeek says it; 0: none")
    mscale_all: float = Field(default=0.0, ge=0, description="yarn: the part of it that is in the attention's scale")
    short: list[float] = Field(default=[], description="longrope: divisor of each pair's rate up to the old context")
    long: list[float] = Field(default=[], description="longrope: the same beyond it")

    @model_validator(mode="after")
    def _check(self) -> "RopeScaling":
        if self.kind == "llama3" and self.low >= self.high:
            raise ValueError(f"low is {self.low} and must be smaller than high, which is {self.high}")
        if self.kind == "longrope" and not (self.short and self.long):
            raise ValueError("longrope needs short and long: a divisor for each pair")
        return self
