"""What a model is made of: its family, its sizes and its parts, checked before any memory is taken.

Read from a recipe or from a folder's config.json; the model builds itself from it. Nothing here needs torch.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from groundup.config import Settings
from groundup.errors import Problem, nearest
from groundup.model.character_settings import CharacterSettings
from groundup.model.encoder_settings import EncoderSettings
from groundup.model.experts_settings import ExpertsSettings
from groundup.model.families import FAMILIES
from groundup.model.head_settings import SUITING, HeadSettings
from groundup.model.latent_settings import LatentSettings, query_width
from groundup.model.mamba_settings import MambaSettings
from groundup.model.rope_settings import RopeScaling
from groundup.model.transformer_xl_settings import TransformerXLSettings

OWN = ("mamba", "transformer_xl")  # tables of sizes that only one family has
KINDS = ("full", "window", "blocks", "strided", "latent", "conv")
EXTENT = ("window", "blocks", "strided")  # kinds that look at `window` tokens
GATED = ("swiglu", "geglu", "geglu_exact")
BIASES = {True: ("qkv", "output", "feedforward"), False: (), "qkv": ("qkv",), "attention": ("qkv", "output"),
          "feedforward": ("feedforward",)}  # fmt: skip


class ModelSettings(Settings):
    """A language model; what is left out is filled in from the family and the width."""

    family: str = Field(
        default="qwen3",
        description="whose architecture and formats",
        json_schema_extra={"enum": list(FAMILIES)},
    )
    depth: int = Field(default=4, gt=0, le=1024, description="layers")
    width: int = Field(default=128, gt=0, le=65536, description="numbers that stand for one token")
    heads: int = Field(
        default=0, ge=0, le=65536, description="queries of a token in a layer; 0: width / head_width, or / 32"
    )
    kv_heads: int = Field(default=0, ge=0, le=65536, description="keys of a token in a layer; 0: one for each head")
    head_width: int = Field(default=0, ge=0, le=65536, description="numbers in one query or key; 0: width / heads")
    hidden: int = Field(
        default=0, ge=0, le=1 << 24, description="inside the feed-forward; 0: 8/3 of the width if gated, else 4"
    )
    context: int = Field(default=256, gt=0, le=1 << 40, description="longest text in tokens that the model is made for")
    vocabulary: int = Field(
        default=0, ge=0, le=1 << 31, description="different tokens; 0: as many as the tokenizer has"
    )
    tied: bool = Field(default=True, description="whether head and embedding are one table")
    eps: float = Field(default=0.0, ge=0, lt=1, description="kept under the root of every norm; 0: the family's")
    norm: Literal["rms", "rms_one", "layer"] = Field(default="rms", description="how vectors come to one length")
    norm_place: Literal["pre", "post", "sandwich", "output"] = Field(
        default="pre", description="norms before each half of a layer, after the sum, on both sides, on what comes out"
    )
    parallel: bool = Field(default=False, description="whether both halves of a layer read the same vector")
    positions: Literal["rotary", "learned", "sinusoidal", "sinusoidal_halves", "alibi", "relative", "none"] = Field(
        default="rotary", description="how order is told"
    )
    rope_base: float = Field(default=10_000.0, gt=1, description="slowest rotary wavelength, tokens / 2π")
    rope_share: float = Field(default=1.0, gt=0, le=1, description="how much of each head rotary positions turn")
    rope_scaling: RopeScaling | None = Field(default=None, description="a stretch of rotary positions")
    local_rope_base: float = Field(default=0.0, ge=0, description="rope_base of layers with a window; 0: the same")
    buckets: int = Field(
        default=32, ge=4, multiple_of=2, description="of relative positions: how many distances differ"
    )
    furthest: int = Field(
        default=128, gt=0, description="of relative positions: the distance where the last bucket begins"
    )
    feedforward: Literal["swiglu", "geglu", "geglu_exact", "gelu", "gelu_exact", "relu", "relu2", "silu"] = Field(
        default="swiglu", description="what each token does for itself"
    )
    qk_norm: bool | Literal["whole"] = Field(
        default=True, description="whether queries and keys are normed, each head alone or all together (whole)"
    )
    biases: bool | Literal["qkv", "attention", "feedforward"] = Field(
        default=False, description="whether projections add a bias, or only those of q, k, v or of one half"
    )
    pattern: list[str] = Field(
        default=["full"], min_length=1, description=f"what layers look at, in turn: {', '.join(KINDS)}"
    )
    window: int = Field(default=0, ge=0, description="tokens of a window, a block or a stride in the pattern")
    attention_scale: float = Field(default=0.0, ge=0, description="factor on scores; 0: 1/√head_width")
    attention_cap: float = Field(default=0.0, ge=0, description="scores are bent to stay below it; 0: they are not")
    logit_cap: float = Field(default=0.0, ge=0, description="logits are bent to stay below it; 0: they are not")
    embedding_scale: float = Field(default=1.0, gt=0, description="factor on the vectors from the table; 0: √width")
    encoder: EncoderSettings | None = Field(default=None, description="the stack that reads a source, if there is one")
    mamba: MambaSettings | None = Field(default=None, description="sizes that only Mamba has")
    transformer_xl: TransformerXLSettings | None = Field(default=None, description="what only Transformer-XL has")
    experts: ExpertsSettings | None = Field(default=None, description="many feed-forwards, a few for each token")
    latent: LatentSettings | None = Field(default=None, description="how layers of the kind latent shorten keys")
    convolution: int = Field(default=3, gt=0, le=64, description="tokens that layers of the kind conv look at")
    embedding_norm: bool = Field(default=False, description="whether vectors are normed before the first layer")
    token_types: int = Field(default=0, ge=0, description="kinds of text a token can be of (BERT: 2); 0: no such thing")
    position_offset: int = Field(default=0, ge=0, description="rows of learned positions before the first (RoBERTa: 2)")
    head: HeadSettings = Field(default_factory=HeadSettings, description="what is read out of the last vectors")
    characters: CharacterSettings | None = Field(
        default=None,
        description="convolutions over the letters of each token, added to its vector; none: its vector alone",
    )
    born: Literal["blank", "seeing"] = Field(
        default="blank",
        description="start values: blank, or heads that hear what stood before and feel likeness (see beginning.py)",
    )

    @field_validator("family")
    @classmethod
    def _known(cls, family: str) -> str:
        if family not in FAMILIES:
            guess = nearest(family, FAMILIES)
            raise ValueError(
                f"{family!r} is not known; known: {', '.join(FAMILIES)}" + (f"; did you mean {guess}?" if guess else "")
            )
        return family

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("family", "qwen3") not in FAMILIES:
            return given  # pydantic says what is wrong with it
        meant = FAMILIES[given.get("family", "qwen3")].parts
        full = {**meant, **given}
        if isinstance(given.get("encoder"), dict):
            full["encoder"] = {**meant.get("encoder", {}), **given["encoder"]}
        if not full.get("head_width") and full.get("latent") is not None:
            full["head_width"] = query_width(full["latent"])
        if isinstance(given.get("head"), dict):
            full["head"] = {**meant.get("head", {}), **given["head"]}
        width, head_width = full.get("width", 128), full.get("head_width", 0)
        sizes = ("width", "heads", "kv_heads", "head_width", "hidden")
        if not all(isinstance(full.get(name, 0), int) for name in sizes):
            return full
        if not full.get("eps"):
            full["eps"] = meant["eps"]
        if full.get("embedding_scale") == 0:
            full["embedding_scale"] = float(width) ** 0.5
        if not full.get("heads"):
            full["heads"] = max(1, width // (head_width or 32))
        if not full.get("kv_heads"):
            full["kv_heads"] = full["heads"]
        if not head_width:
            if full["heads"] > 0 and width % full["heads"]:
                raise ValueError(
                    f"model.heads: {full['heads']} heads do not divide the width {width}; "
                    f"choose heads that divide it, or say head_width"
                )
            full["head_width"] = width // max(1, full["heads"])
        if not full.get("hidden"):
            gated = full.get("feedforward", "swiglu") in GATED
            full["hidden"] = max(32, round(width * 8 / 3 / 32) * 32) if gated else 4 * width
        return {**FAMILIES[full.get("family", "qwen3")].follows(full), **full}

    @model_validator(mode="after")
    def _check(self) -> "ModelSettings":
        if self.heads % self.kv_heads:
            raise ValueError(
                f"model.kv_heads: {self.kv_heads} does not divide {self.heads} heads; "
                f"each key must serve as many queries"
            )
        if self.positions == "rotary" and (self.turned_width % 2 or not self.turned_width):
            raise ValueError(
                f"model.head_width: rotary positions turn pairs of numbers, so {self.turned_width} must be even; "
                f"choose other heads, or positions: learned"
            )
        if self.positions == "relative" and self.furthest <= self.buckets // 2:
            raise ValueError(
                f"model.furthest: {self.furthest} is too near, since the first {self.buckets // 2} distances have a "
                f"bucket each; say more"
            )
        self._check_encoder()
        if self.positions.startswith("sinusoidal") and self.width % 2:
            raise ValueError(f"model.width: sinusoidal positions come in pairs, so {self.width} must be even")
        for kind in self.pattern:
            if kind not in KINDS:
                guess = nearest(kind, KINDS)
                raise ValueError(
                    f"model.pattern: {kind!r} is not known; known: {', '.join(KINDS)}"
                    + (f"; did you mean {guess}?" if guess else "")
                )
            if kind in EXTENT and not self.window:
                raise ValueError(f"model.window: layers of the kind {kind} need it: how many tokens they look at")
        self._check_latent()
        if self.experts and self.experts.dense >= self.depth:
            raise ValueError(
                f"model.experts.dense: {self.experts.dense} of {self.depth} layers leave none for experts: say fewer"
            )
        if self.experts and self.feedforward not in GATED:
            raise ValueError(
                f"model.feedforward: experts are gated ({', '.join(GATED)}), and {self.feedforward} is not"
            )
        if self.parallel and self.norm_place != "pre":
            raise ValueError(
                f"model.norm_place: {self.norm_place} has no meaning where both halves read one vector: say pre"
            )
        self._check_own_parts()
        architecture = FAMILIES[self.family].architecture
        suiting = SUITING.get(architecture, ("next_token",))
        if self.head.kind not in suiting:
            raise ValueError(
                f"model.head.kind: {self.head.kind} is no head for the family {self.family}, whose models are of the kind "
                f"{architecture}; it can be {', '.join(suiting)}"
            )
        if architecture == "encoder" and self.pattern != ["full"]:
            raise ValueError(f"model.pattern: {self.pattern} has no meaning where tokens see both ways: say full")
        scaling = self.rope_scaling
        for name in ("short", "long"):
            given = len(getattr(scaling, name)) if scaling else 0
            if given and given != self.turned_width // 2:
                raise ValueError(
                    f"model.rope_scaling.{name}: has {given} numbers; there are {self.turned_width // 2} pairs"
                )
        if self.born == "seeing" and not self._can_be_born_seeing():
            raise ValueError(
                "model.born: seeing needs rotary positions, full attention and two layers or more; say blank"
            )
        return self

    def _check_own_parts(self) -> None:
        """Tables of sizes belong to one family; models that carry a state have no parts to exchange beside their own."""
        family = FAMILIES[self.family]
        foreign = [name for name in OWN if getattr(self, name) is not None and name not in family.parts]
        if family.architecture == "stateful":
            foreign += self.changed()
        if foreign:
            raise ValueError(f"model.{foreign[0]}: a model of the family {self.family} has no such part; leave it out")

    def _check_encoder(self) -> None:
        """Families that read a source have an encoder, others have none."""
        meant = FAMILIES[self.family].architecture == "encoder_decoder"
        if self.encoder is None:
            if meant:
                raise ValueError(f"model.encoder: {self.family} reads a source and needs one; say its depth")
            return
        if not meant:
            raise ValueError(f"model.encoder: {self.family} reads no source; leave it out, or say family: t5")
        if self.norm_place not in ("pre", "post") or self.parallel:
            raise ValueError(
                "model.norm_place: with an encoder, norms stand before each part or after the sum: pre or post"
            )
        if self.pattern != ["full"] or self.positions == "alibi":
            raise ValueError(
                "model.pattern: an encoder sees everything both ways: leave pattern out, and positions: alibi"
            )
        if self.encoder.heads and self.width % self.encoder.heads:
            raise ValueError(f"model.encoder.heads: {self.encoder.heads} heads do not divide the width {self.width}")

    def _check_latent(self) -> None:
        latent = self.latent
        if (latent is not None) != ("latent" in self.pattern):
            missing = "pattern" if latent else "latent"
            raise ValueError(f"model.{missing}: the table `latent` and the pattern [latent] belong together")
        if latent is None:
            return
        if set(self.pattern) - {"latent", "conv"}:
            raise ValueError(
                "model.pattern: heads of latent layers have their own widths; no other attention beside them"
            )
        if self.head_width != latent.plain + latent.rope:
            raise ValueError(
                f"model.head_width: is {self.head_width}, and latent.plain and latent.rope make {latent.plain + latent.rope}"
            )
        if self.kv_heads != self.heads:
            raise ValueError(
                f"model.kv_heads: latent layers make keys for each of {self.heads} heads, not {self.kv_heads}"
            )
        if self.positions != "rotary":
            raise ValueError(
                f"model.positions: latent layers turn a part of each key: say rotary, not {self.positions}"
            )

    def _can_be_born_seeing(self) -> bool:
        plain = self.norm_place == "pre" and not self.parallel and self.rope_share == 1 and self.rope_scaling is None
        return (
            plain and not self.encoder and self.positions == "rotary" and self.depth >= 2 and self.pattern == ["full"]
        )

    @property
    def turned_width(self) -> int:
        """How many numbers of each query and key rotary positions turn."""
        if self.latent is not None:
            return self.latent.rope
        return int(self.head_width * self.rope_share)

    def has_bias(self, part: Literal["qkv", "output", "feedforward"]) -> bool:
        """Whether these projections add a bias."""
        return part in BIASES[self.biases]

    def kind_of(self, layer: int) -> str:
        """What the layer of this number looks at."""
        return self.pattern[layer % len(self.pattern)]

    def reader(self) -> "ModelSettings":
        """The encoder as settings of its own."""
        assert self.encoder is not None
        changed: dict[str, Any] = {"depth": self.encoder.depth, "hidden": self.encoder.hidden or self.hidden}
        if self.encoder.heads and self.encoder.heads != self.heads:
            heads = self.encoder.heads
            changed |= {"heads": heads, "kv_heads": heads, "head_width": self.width // heads}
        return self.model_copy(update=changed)

    def mixes(self, layer: int) -> bool:
        """Whether the layer of this number has experts."""
        return self.experts is not None and layer >= self.experts.dense

    @property
    def expert_hidden(self) -> int:
        """Numbers inside an expert."""
        return (self.experts.hidden if self.experts else 0) or self.hidden

    def changed(self) -> list[str]:
        """The parts that differ from what the family's name promises to other programs."""
        family = FAMILIES[self.family]
        told = {name: family.parts.get(name, PARTS[name]) for name in PARTS if name not in family.free}
        return [name for name, meant in told.items() if getattr(self, name) != meant]

    def with_vocabulary(self, size: int) -> "ModelSettings":
        """The same model for a tokenizer of `size` tokens, specials included."""
        if self.vocabulary and self.vocabulary < size:
            raise Problem(
                f"model.vocabulary is {self.vocabulary}, but the tokenizer has {size} tokens: "
                f"set it to at least {size}, or to 0 to take the tokenizer's."
            )
        return self if self.vocabulary else self.model_copy(update={"vocabulary": size})


_SIZES = {"family", "depth", "width", "heads", "kv_heads", "head_width", "hidden", "context", "vocabulary", "tied",
          "rope_base", "eps", "born", "head"}  # fmt: skip
# What a family's name promises, and what is meant where it says nothing.
PARTS = {
    name: field.get_default(call_default_factory=True)
    for name, field in ModelSettings.model_fields.items()
    if name not in _SIZES
}
