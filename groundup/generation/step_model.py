"""A model as the compiled step reads it: sizes, factors and where each part lies, in the structures of `layout`."""

from typing import Any

import torch
from torch import Tensor

from groundup.generation.step_weights import Weights
from groundup.kernels.native import layout
from groundup.model.experts import Mixture
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

CURVES = {"swiglu": "silu", "geglu": "gelu", "geglu_exact": "gelu_exact"}  # the others are called after their curve


def described(model: Transformer, weights: Weights) -> layout.Model:
    """The model as compiled code reads it; `weights` keeps alive what it points to."""
    settings, body = model.settings, model.model
    layers = (layout.Layer * settings.depth)(*(_layer(layer, settings, weights) for layer in body.layers))
    weights.kept.append(layers)
    table = weights.matrix(body.embed_tokens)
    return layout.Model(
        settings.depth,
        settings.width,
        settings.heads,
        settings.kv_heads,
        settings.head_width,
        _widest(settings),
        settings.vocabulary,
        settings.turned_width if settings.positions == "rotary" else 0,
        layout.CURVES[CURVES.get(settings.feedforward, settings.feedforward)],
        settings.parallel,
        settings.eps,
        settings.attention_scale or settings.head_width**-0.5,
        settings.embedding_scale,
        settings.attention_cap,
        settings.logit_cap,
        _rotations(model, weights),
        _routing(settings),
        weights.f32(_learned(model)),
        table,
        table if settings.tied else weights.matrix(model.lm_head),
        weights.norm(body.norm),
        layers,
    )


def _widest(settings: ModelSettings) -> int:
    """The most numbers inside of any feed-forward."""
    return max(settings.hidden, settings.expert_hidden, settings.experts.shared if settings.experts else 0)


def _rotations(model: Transformer, weights: Weights) -> Any:
    """By what layers turn; the second only where layers with a window turn otherwise."""
    settings, positions = model.settings, model.model.positions
    kinds = layout.ROTATIONS[: _rotation(settings, "window") + 1] if settings.positions == "rotary" else ()
    found = [positions.rates(torch.zeros(1, 1), kind) for kind in kinds]  # type: ignore[operator]
    return (layout.Rotation * len(layout.ROTATIONS))(*((weights.f32(rates), factor) for rates, factor in found))


def _rotation(settings: ModelSettings, kind: str) -> int:
    """Which of ROTATIONS a layer of the kind turns by."""
    return layout.ROTATIONS.index(kind) if settings.local_rope_base else 0


def _learned(model: Transformer) -> Tensor | None:
    """The vectors of learned positions (places, width), if there are any."""
    if model.settings.positions != "learned":
        return None
    positions: Any = model.model.positions
    return positions.table.table()[positions.offset :]


def _routing(settings: ModelSettings) -> layout.Routing:
    """How a text chooses among experts; all zero where there are none."""
    experts = settings.experts
    if experts is None:
        return layout.Routing()
    return layout.Routing(
        experts.count,
        experts.chosen,
        experts.shared > 0,
        experts.groups,
        experts.chosen_groups,
        experts.router == "sigmoid",
        experts.normalise,
        experts.scale,
    )


def _layer(layer: Any, settings: ModelSettings, weights: Weights) -> layout.Layer:
    attention, feed = layer.self_attn, layer.mlp
    made = layout.Layer(
        **{
            part: weights.matrix(module)
            for part, module in (
                ("query", attention.q_proj),
                ("key", attention.k_proj),
                ("value", attention.v_proj),
                ("output", attention.o_proj),
            )
        },
        before_attention=weights.norm(getattr(layer, "input_layernorm", None)),
        before_feedforward=weights.norm(getattr(layer, "post_attention_layernorm", None)),
        after_attention=weights.norm(getattr(layer, "attention_output_norm", None)),
        after_feedforward=weights.norm(getattr(layer, "feedforward_output_norm", None)),
        window=settings.window if layer.kind == "window" else 0,
        rotation=_rotation(settings, layer.kind),
    )
    each = "all_" if attention.whole else ""
    setattr(made, f"{each}queries", weights.norm(attention.q_norm))
    setattr(made, f"{each}keys", weights.norm(attention.k_norm))
    if isinstance(feed, Mixture):
        _mix(made, feed, weights)
    else:
        made.gate, made.up, made.down = _feedforward(feed, weights)
    return made


def _feedforward(feed: Any, weights: Weights) -> tuple[layout.Matrix, layout.Matrix, layout.Matrix]:
    """gate, up and down; a gate without rows where nothing is gated."""
    gate = getattr(feed, "gate_proj", None)
    first = layout.Matrix() if gate is None else weights.matrix(gate)
    return first, weights.matrix(feed.up_proj), weights.matrix(feed.down_proj)


def _mix(made: layout.Layer, mixture: Mixture, weights: Weights) -> None:
    """Router and experts; the feed-forward that all texts share comes last."""
    stacks = (mixture.experts.gate_proj, mixture.experts.up_proj, mixture.experts.down_proj)
    experts = list(zip(*(weights.matrices(stack) for stack in stacks), strict=True))
    if mixture.shared_experts is not None:
        experts.append(_feedforward(mixture.shared_experts, weights))
    kept = (layout.Expert * len(experts))(*experts)
    weights.kept.append(kept)
    made.router, made.experts = weights.floats(mixture.gate.weight), kept
    made.correction = weights.f32(getattr(mixture.gate, "e_score_correction_bias", None))
