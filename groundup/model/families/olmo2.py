"""OLMo 2: what comes out of each half is normed before it is added, and queries and keys are normed all heads together."""

from typing import TYPE_CHECKING, Any

from groundup.model.families.biases import ATTENTION, biased_otherwise, read_biases, write_biases
from groundup.model.families.family import Config, Family
from groundup.model.families.llama import GGUF, KEYS, PARTS, SAME, STRETCHES
from groundup.model.families.rotary import BASE, ROTARY, read_rotary, write_rotary

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings


def read(config: Config, where: str) -> dict[str, Any]:
    return read_rotary(config, where) | read_biases(config, where, feedforward=False)


def write(settings: "ModelSettings") -> dict[str, Any]:
    return write_rotary(settings) | {ATTENTION: write_biases(settings)[ATTENTION]}


OLMO2 = Family(
    parts=PARTS | {"norm_place": "output", "qk_norm": "whole", "eps": 1e-5},
    model_type="olmo2",
    class_name="Olmo2ForCausalLM",
    keys=KEYS,
    unsaid={"tied": False, "eps": 1e-5, "rope_base": 10_000.0, "context": 2048},
    meant={"hidden_act": ("silu",)},
    free=ROTARY | {"biases"},
    reads=frozenset({BASE, "rope_parameters", "rope_scaling", ATTENTION}),
    read=read,
    write=write,
    lacks=lambda settings: biased_otherwise(settings, feedforward=False),
    names={stem: name for stem, name in SAME.items() if not stem.endswith("layernorm")}
    | {
        "attention_output_norm": "model.layers.{}.post_attention_layernorm",
        "feedforward_output_norm": "model.layers.{}.post_feedforward_layernorm",
    },
    gguf=GGUF,
    gguf_stretches=STRETCHES,
)
