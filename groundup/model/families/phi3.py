"""Phi-3 and Phi-4-mini: Llama with q, k, v in one matrix and gate and up in another; long texts by a divisor for each pair.

The context of the first training stands outside of the table of rotary positions, and decides which divisors are used.
"""

from typing import TYPE_CHECKING, Any

from groundup.model.families.family import Config, Family
from groundup.model.families.llama import GGUF, KEYS, PARTS, SAME, mixed
from groundup.model.families.rotary import READS, ROTARY, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

ORIGINAL, WINDOW = "original_max_position_embeddings", "sliding_window"


def read(config: Config, where: str) -> dict[str, Any]:
    """A window in all layers if the file has one; the first context is 4096 where it is not said."""
    size = config.get(WINDOW)
    windows = {"pattern": ["window"], "window": size} if size else {"pattern": ["full"]}
    return read_rotary({ORIGINAL: 4096, **config}, where) | windows


def write(settings: "ModelSettings") -> dict[str, Any]:
    scaling = settings.rope_scaling
    original = scaling.original if scaling else 0
    told = {ORIGINAL: original or settings.context}
    return write_rotary(settings) | told | {WINDOW: settings.window if settings.pattern == ["window"] else None}


def lacks(settings: "ModelSettings") -> list[str]:
    """All heads together are as wide as the model, all layers alike, and there is one way of stretching."""
    wrong = mixed(settings)
    if settings.heads * settings.head_width != settings.width:
        wrong.append(f"head_width = {settings.head_width}")
    if settings.rope_scaling is not None and settings.rope_scaling.kind != "longrope":
        wrong.append(f"rope_scaling = {settings.rope_scaling.kind}")
    return wrong


PHI3 = Family(
    parts=PARTS | {"eps": 1e-5},
    model_type="phi3",
    class_name="Phi3ForCausalLM",
    keys={name: key for name, key in KEYS.items() if name != "head_width"},
    unsaid={"tied": False, "eps": 1e-5, "rope_base": 10_000.0, "context": 4096},
    meant={"hidden_act": ("silu",), "attention_bias": (False,), "mlp_bias": (False,), "lm_head_bias": (False,)},
    ignored=frozenset({"resid_pdrop", "embd_pdrop", "full_attn_mod", "interpolate_factor"}),
    free=ROTARY | {"pattern", "window", "rope_share"},
    reads=READS | {ORIGINAL, WINDOW},
    read=read,
    write=write,
    lacks=lacks,
    names=SAME
    | {f"self_attn.{name}_proj": "model.layers.{}.self_attn.qkv_proj" for name in "qkv"}
    | {f"mlp.{name}_proj": "model.layers.{}.mlp.gate_up_proj" for name in ("gate", "up")},
    gguf=GGUF
    | {f"self_attn.{name}_proj": "blk.{}.attn_qkv" for name in "qkv"}
    | {f"mlp.{name}_proj": "blk.{}.ffn_up" for name in ("gate", "up")},
    gguf_stretches=frozenset({"longrope"}),
)
