"""What a family is: the parts that its name promises, and how other people's files say its settings and weights.

A family is data and a few small functions, no class tower: the model is built from settings alone. Nothing here needs torch.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

SIZES = {  # our setting -> the end of llama.cpp's key
    "depth": "block_count",
    "context": "context_length",
    "width": "embedding_length",
    "hidden": "feed_forward_length",
    "heads": "attention.head_count",
    "vocabulary": "vocab_size",
}
RMS_ROTARY = SIZES | {
    "kv_heads": "attention.head_count_kv",
    "eps": "attention.layer_norm_rms_epsilon",
    "head_width": "attention.key_length",
    "rope_base": "rope.freq_base",
}
Config = Mapping[str, Any]  # a config.json


def nothing(*_: Any) -> dict[str, Any]:
    """What a function of a family answers that has no more to say."""
    return {}


def all_said(_: "ModelSettings") -> list[str]:
    """A family whose parts say it all."""
    return []


@dataclass(frozen=True)
class Named:
    """What transformers calls a model with some head, and the weights of that head."""

    class_name: str
    names: Mapping[str, str]  # stems of ours -> theirs


def scored(prefix: str) -> dict[str, "Named"]:
    """What it calls decoders of a family that tell a class, or one number, by a text's last token."""
    named = Named(f"{prefix}ForSequenceClassification", {"readout.classes": "score"})
    return {"classify_last": named, "reward": named}


@dataclass(frozen=True)
class Family:
    """One family. `model_type`, `keys` and the rest of `config.json` are empty for what is ours alone."""

    parts: Mapping[str, Any]  # what its name means; eps is always among them
    follows: Callable[[Config], dict[str, Any]] = nothing  # settings so far, sizes among them -> parts that follow
    model_type: str = ""  # its name in config.json
    class_name: str = ""  # the class that transformers has for it
    keys: Mapping[str, str] = field(default_factory=dict)  # our setting -> their key
    unsaid: Mapping[str, Any] = field(default_factory=dict)  # what transformers takes where a file says nothing
    meant: Mapping[str, tuple[Any, ...]] = field(
        default_factory=dict
    )  # keys with few values that we compute; first: written
    ignored: frozenset[str] = frozenset()  # keys without effect on numbers, beside those of all families
    free: frozenset[str] = frozenset()  # parts that its files may state, so that they are no promise of its name
    reads: frozenset[str] = frozenset()  # the keys that `read` looks at
    read: Callable[[Config, str], dict[str, Any]] = nothing  # config, where -> settings that no single key says
    write: Callable[["ModelSettings"], dict[str, Any]] = nothing  # the same way back
    lacks: Callable[["ModelSettings"], list[str]] = all_said  # settings that its files cannot say
    names: Mapping[str, str] = field(default_factory=dict)  # stems of our weights -> theirs; empty: the same
    named: Callable[["ModelSettings"], Mapping[str, str]] | None = None  # instead of `names`, where settings decide
    heads: Mapping[str, Named] = field(default_factory=dict)  # heads beside that of class_name which have a class there
    copies: Mapping[str, str] = field(default_factory=dict)  # their weights that may be written twice -> as which other
    spare: tuple[str, ...] = ()  # ends of names of weights that their files may hold and that nobody needs
    root: str = ""  # what all names of weights begin with, and the oldest files leave out
    older: Mapping[str, str] = field(default_factory=dict)  # ends of names in old files -> of today
    stored: frozenset[str] = frozenset()  # how matrices lie in their files: "transposed", "woven" (see names.py)
    gguf: Mapping[str, str] = field(
        default_factory=dict
    )  # stems of our weights -> llama.cpp's; empty: not spoken there
    gguf_name: str = ""  # what llama.cpp calls the family; empty: as we do
    gguf_keys: Mapping[str, str] = field(default_factory=lambda: RMS_ROTARY)  # our setting -> its key there
    gguf_tables: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # our table (experts, latent) -> its settings -> their keys there
    gguf_says: Callable[["ModelSettings"], dict[str, Any]] = nothing  # facts that no single setting is
    gguf_reads: frozenset[str] = frozenset()  # and their keys, if `gguf_keys` has not got them
    gguf_parts: Mapping[str, Any] = field(default_factory=dict)  # where llama.cpp computes something else than `parts`
    gguf_stretches: frozenset[str] = frozenset()  # kinds of rope_scaling that it computes as we do
    gguf_period: int = 0  # where a file is silent, of so many layers the last sees all, the others a window; 0: all do
    gguf_follows: Callable[[Config, Config], dict[str, Any]] = (
        nothing  # settings read so far, all facts -> what llama.cpp makes of them
    )
    by_weights: Callable[["ModelSettings", Collection[str]], "ModelSettings"] | None = (
        None  # settings, names of the weights there -> settings, where config.json does not say it all
    )
    architecture: str = "decoder"  # of ARCHITECTURES: what is built from its settings
