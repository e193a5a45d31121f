"""What a model is made of: its family, its sizes and its parts, checked before any memory is taken.

Read from a recipe or from a folder's config.json; the transformer builds itself from it. Nothing here needs torch.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from groundup.config import Settings
from groundup.errors import Problem

# What a family means when nothing else is said. A part changed away from its family is ours alone: no other
# program has a word for it, so such a model is saved as `groundup` and the exports refuse it by name.
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen3": {
        "norm": "rms", "positions": "rotary", "feedforward": "swiglu", "qk_norm": True, "biases": False, "eps": 1e-6,
    },
    "llama": {
        "norm": "rms", "positions": "rotary", "feedforward": "swiglu", "qk_norm": False, "biases": False, "eps": 1e-5,
    },
    "gpt2": {
        "norm": "layer", "positions": "learned", "feedforward": "gelu", "qk_norm": False, "biases": True, "eps": 1e-5,
    },
}  # fmt: skip
PARTS = ("norm", "positions", "feedforward", "qk_norm", "biases")


class ModelSettings(Settings):
    """A decoder-only language model; what is left out is filled in from the family and the width."""

    family: Literal["qwen3", "llama", "gpt2"] = Field(default="qwen3", description="whose architecture and formats")
    depth: int = Field(default=4, gt=0, le=1024, description="layers")
    width: int = Field(default=128, gt=0, le=65536, description="numbers that stand for one token")
    heads: int = Field(default=0, ge=0, description="queries of a token in a layer; 0: width / head_width, or / 32")
    kv_heads: int = Field(default=0, ge=0, description="keys of a token in a layer; 0: one for each head")
    head_width: int = Field(default=0, ge=0, description="numbers in one query or key; 0: width / heads")
    hidden: int = Field(default=0, ge=0, description="inside the feed-forward; 0: 8/3 of the width if gated, else 4")
    context: int = Field(default=256, gt=0, description="longest text in tokens that the model is made for")
    vocabulary: int = Field(default=0, ge=0, description="different tokens; 0: as many as the tokenizer has")
    tied: bool = Field(default=True, description="whether head and embedding are one table")
    rope_base: float = Field(default=10_000.0, gt=1, description="slowest rotary wavelength, tokens / 2π")
    eps: float = Field(default=0.0, ge=0, lt=1, description="kept under the root of every norm; 0: the family's")
    norm: Literal["rms", "layer"] = Field(default="rms", description="how vectors come to one length")
    positions: Literal["rotary", "learned", "sinusoidal", "none"] = Field(
        default="rotary", description="how order is told"
    )
    feedforward: Literal["swiglu", "gelu"] = Field(default="swiglu", description="what each token does for itself")
    qk_norm: bool = Field(default=True, description="whether queries and keys are normed")
    biases: bool = Field(default=False, description="whether projections add a bias")
    born: Literal["blank", "seeing"] = Field(
        default="blank", description="start values: blank, or heads that hear what stood before and feel likeness (see beginning.py)"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("family", "qwen3") not in FAMILIES:
            return given  # pydantic says what is wrong with it
        full = {**FAMILIES[given.get("family", "qwen3")], **{name: value for name, value in given.items()}}
        width, head_width = full.get("width", 128), full.get("head_width", 0)
        sizes = ("width", "heads", "kv_heads", "head_width", "hidden")
        if not all(isinstance(full.get(name, 0), int) for name in sizes):
            return full
        if not full.get("eps"):
            full["eps"] = FAMILIES[full.get("family", "qwen3")]["eps"]
        if not full.get("heads"):
            full["heads"] = max(1, width // (head_width or 32))
        if not full.get("kv_heads"):
            full["kv_heads"] = full["heads"]
        if not head_width:
            full["head_width"] = width // max(1, full["heads"])
        if not full.get("hidden"):
            full["hidden"] = 4 * width if full["feedforward"] == "gelu" else max(32, round(width * 8 / 3 / 32) * 32)
        return full

    @model_validator(mode="after")
    def _check(self) -> "ModelSettings":
        if self.width % self.heads and self.head_width == self.width // self.heads:
            raise ValueError(
                f"model.heads: {self.heads} heads do not divide the width {self.width}; "
                f"choose heads that divide it, or say head_width"
            )
        if self.heads % self.kv_heads:
            raise ValueError(
                f"model.kv_heads: {self.kv_heads} does not divide {self.heads} heads; "
                f"each key must serve as many queries"
            )
        if self.positions == "rotary" and self.head_width % 2:
            raise ValueError(
                f"model.head_width: rotary positions turn pairs of numbers, so {self.head_width} must be even; "
                f"choose other heads, or positions: learned"
            )
        if self.born == "seeing" and (self.positions != "rotary" or self.depth < 2):
            raise ValueError("model.born: seeing needs rotary positions and at least two layers; say blank")
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(f"model.width: sinusoidal positions come in pairs, so {self.width} must be even")
        return self

    def changed(self) -> list[str]:
        """The parts that differ from what the family's name promises to other programs."""
        return [part for part in PARTS if getattr(self, part) != FAMILIES[self.family][part]]

    def with_vocabulary(self, size: int) -> "ModelSettings":
        """The same model for a tokenizer of `size` tokens, specials included."""
        if self.vocabulary and self.vocabulary < size:
            raise Problem(
                f"model.vocabulary is {self.vocabulary}, but the tokenizer has {size} tokens: "
                f"set it to at least {size}, or to 0 to take the tokenizer's."
            )
        return self if self.vocabulary else self.model_copy(update={"vocabulary": size})
