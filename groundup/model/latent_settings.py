"""What multi-head latent attention is made of, as recipes and other people's files say it. Nothing here needs torch."""

from typing import Any

from pydantic import Field

from groundup.config import Settings


class LatentSettings(Settings):
    """Keys and values of all heads as one short vector for each token, from which they are made again."""

    query_rank: int = Field(default=0, ge=0, description="numbers that a token's queries are made from; 0: its vector")
    kv_rank: int = Field(default=32, gt=0, description="numbers that a token's keys and values are made from")
    rope: int = Field(default=16, gt=0, description="numbers of each query and key that positions turn")
    plain: int = Field(default=32, gt=0, description="numbers of each query and key that they do not")
    value: int = Field(default=32, gt=0, description="numbers in each value")
    neighbours: bool = Field(default=True, description="whether pairs that are turned are neighbours, or halves apart")


def query_width(given: Any) -> int:
    """Numbers in a query of a latent table that may not have been checked yet; 0 if they cannot be told."""
    fields, told = LatentSettings.model_fields, given if isinstance(given, dict) else getattr(given, "__dict__", {})
    plain, rope = (told.get(name, fields[name].default) for name in ("plain", "rope"))
    return plain + rope if isinstance(plain, int) and isinstance(rope, int) else 0
