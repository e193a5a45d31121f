"""What a model costs before it exists: parameters, arithmetic, memory; and the size that some text and time deserve.

Formulas over settings, held against measured counts by the tests. Nothing here needs torch.
"""

import math
from dataclasses import dataclass

from groundup.hardware import Machine
from groundup.model.settings import GATED, ModelSettings

F32 = 4  # bytes
PASSES = 4  # over the same text: so many are worth almost as much as fresh text (Muennighoff et al. 2023)
TOKENS_PER_WEIGHT = 4  # at which a short training with Muon ends best: 0.8M weights beat 1.8M on 2.6M tokens
SHALLOWEST, DEEPEST = 2, 24


def matrices(settings: ModelSettings) -> int:
    """Weights of the layers' matrices: those whose number decides how much a model can learn."""
    heads, kv_heads, width = settings.heads, settings.kv_heads, settings.width
    attention = width * settings.head_width * (2 * heads + 2 * kv_heads)
    return settings.depth * (attention + _feedforward_matrices(settings) * width * settings.hidden)


def parameters(settings: ModelSettings) -> int:
    """Every trained number."""
    width, hidden, depth = settings.width, settings.hidden, settings.depth
    norm = 2 if settings.norm == "layer" else 1  # a gain, and perhaps a bias
    vectors = (2 * depth + 1) * norm * width
    if settings.qk_norm:
        vectors += depth * 2 * norm * settings.head_width
    if settings.biases:
        queries, keys = settings.heads * settings.head_width, settings.kv_heads * settings.head_width
        vectors += depth * (queries + 2 * keys + width + (_feedforward_matrices(settings) - 1) * hidden + width)
    tables = settings.vocabulary * width * (1 if settings.tied else 2)
    if settings.positions == "learned":
        tables += settings.context * width
    return matrices(settings) + vectors + tables


def flops_per_token(settings: ModelSettings, time: int, backward: bool = False) -> float:
    """Floating-point operations for one token in a text of `time`: two for each weight it meets, and the attention,
    which kernels compute for all pairs; the backward pass costs twice the forward again."""
    attention = 4 * settings.depth * settings.heads * settings.head_width * time
    forward = 2 * (matrices(settings) + settings.vocabulary * settings.width) + attention
    return float(forward * (3 if backward else 1))


def kv_bytes(settings: ModelSettings, tokens: int = 1, number: int = F32) -> int:
    """Memory of the keys and values of so many tokens, each number taking so many bytes."""
    return 2 * settings.depth * settings.kv_heads * settings.head_width * tokens * number


def activation_bytes(settings: ModelSettings, rows: int, time: int, number: int = F32) -> int:
    """What a forward pass keeps for the backward one, with attention `plain`, logits and their f32 copy included."""
    width, hidden = settings.width, settings.hidden
    queries, keys = settings.heads * settings.head_width, settings.kv_heads * settings.head_width
    attention = width + 3 * queries + 2 * keys + queries  # normed x; q, k, v as they meet; what was gathered
    if settings.qk_norm:
        attention += queries + keys
    scores = settings.heads * time * (2 if settings.attention_cap else 1)  # bent, after the softmax
    feedforward = width + (4 if settings.feedforward in GATED else 2) * hidden
    around = 2 * width if settings.norm_place == "sandwich" else 0  # what comes out, normed
    if settings.norm == "rms_one":  # in f32 always
        around += (F32 // number - 1) * (4 * width + (queries + keys if settings.qk_norm else 0))
    layer = attention + scores + feedforward + around
    logits = settings.vocabulary * (number + F32 + (number if settings.logit_cap else 0))
    return rows * time * (settings.depth * layer * number + logits + 2 * width * number)


def training_bytes(settings: ModelSettings, rows: int, time: int, number: int = F32) -> int:
    """A training step's memory: weights, gradients and two moments in f32, the rounded copies, and activations."""
    count = parameters(settings)
    copies = 0 if number == F32 else number * count
    return 4 * F32 * count + copies + activation_bytes(settings, rows, time, number)


def inference_bytes(settings: ModelSettings, rows: int, time: int, number: int = F32) -> int:
    """Weights, cache and the widest vectors of a pass over the prompts."""
    widest = max(settings.hidden * 3, settings.vocabulary) * rows * time
    return parameters(settings) * number + kv_bytes(settings, rows * time, number) + widest * number


@dataclass(frozen=True)
class Plan:
    """A model and its training, chosen by one dial, the depth."""

    model: ModelSettings
    steps: int
    rows: int
    time: int
    rate: float  # of matrices, for Muon

    @property
    def tokens(self) -> int:
        """How many tokens the training reads."""
        return self.steps * self.rows * self.time


def dial(depth: int, vocabulary: int) -> ModelSettings:
    """The rule: 32 of width and one head of 32 for each layer; longer texts from six layers on."""
    return ModelSettings(
        depth=depth, width=32 * depth, heads=depth, context=256 if depth < 6 else 512, vocabulary=vocabulary
    )


def size_for(tokens: int, seconds: float, machine: Machine, vocabulary: int = 4096) -> Plan:
    """The deepest model that `tokens` of text and `seconds` of this machine can still fill: it must see four tokens for
    each weight, none of them more than four times. Deeper models learn with smaller steps, as 1/√depth."""

    def readable(model: ModelSettings) -> float:
        """Tokens that there is text and time for."""
        return min(PASSES * tokens, seconds * flops_per_second(machine) / flops_per_token(model, 128, backward=True))

    filled = [
        depth
        for depth in range(SHALLOWEST, DEEPEST + 1)
        if readable(dial(depth, vocabulary)) >= TOKENS_PER_WEIGHT * matrices(dial(depth, vocabulary))
        and training_bytes(dial(depth, vocabulary), 32, 128) < machine.memory_bytes / 2
    ]
    model = dial(max(filled, default=SHALLOWEST), vocabulary)
    rows, time = 32, model.context // 2
    steps = max(1, math.floor(readable(model) / (rows * time)))
    return Plan(model, steps, rows, time, rate=0.03 * math.sqrt(4 / model.depth))


def flops_per_second(machine: Machine) -> float:
    """What training of small models really reaches: measured on two cores, a guess for accelerators."""
    if machine.device != "cpu":
        return 3e13 if machine.device == "cuda" else 2e12
    return machine.threads * (120e9 if machine.amx else 80e9 if machine.avx512_bf16 else 35e9)


def _feedforward_matrices(settings: ModelSettings) -> int:
    return 3 if settings.feedforward in GATED else 2
