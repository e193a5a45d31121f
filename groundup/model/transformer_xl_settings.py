"""The size that only Transformer-XL has."""

from pydantic import Field

from groundup.config import Settings


class TransformerXLSettings(Settings):
    """How far a layer looks back."""

    memory: int = Field(default=128, gt=0, description="earlier tokens that a token sees in each layer")
