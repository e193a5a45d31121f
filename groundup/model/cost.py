"""What a model costs before it exists: parameters, arithmetic, memory, for any settings.

Sums over the formulas in `cost_parts.py`, held against measured counts by the tests. Nothing here needs torch.

    from groundup.model import cost
    cost.told(ModelSettings(depth=12, width=768, vocabulary=32_000), rows=8, time=1024)
"""

from collections.abc import Iterator
from typing import Any

from groundup.errors import Problem
from groundup.hardware import Machine, catalogue
from groundup.model import cost_stateful
from groundup.model.cost_parts import (
    FEEDFORWARDS,
    MIXERS,
    PLACES,
    Part,
    cross_attention,
    experts,
    norms,
    nothing,
    together,
)
from groundup.model.cost_stateful import last_norm
from groundup.model.settings import ModelSettings

F32 = 4  # bytes
ID = 8  # bytes of a token's number
MANY, CHUNK = (
    1 << 25,
    1 << 23,
)  # logits from which on a loss takes them chunk by chunk, and how many a chunk has on a processor
Again = (
    bool | int | str
)  # what is computed again: layers (all, or the first so many), or of each its attention or feedforward
PARTS_OF_A_LAYER = ("attention", "feedforward")


def stacks(settings: ModelSettings) -> list[tuple[ModelSettings, bool]]:
    """The stacks of layers, and whether each looks at what another has read."""
    return [(settings.reader(), False), (settings, True)] if settings.encoder else [(settings, False)]


def parts(settings: ModelSettings, time: int = 1, kernel: str = "plain") -> Iterator[tuple[str, Part]]:
    """(attention, feed-forward or norms; its cost) of every layer in turn. With an encoder, a token is one of the source
    and one of the target."""
    if settings.family in cost_stateful.LAYERS:
        yield from cost_stateful.parts(settings, time)
        return
    for stack, crossing in stacks(settings):
        around = norms(stack, 3 if crossing else 2)
        for layer in range(stack.depth):
            kind = stack.kind_of(layer)
            mixer = MIXERS[kind](stack, kind, time, kernel)
            yield "attention", together(mixer, cross_attention(stack, time, kernel)) if crossing else mixer
            yield "feed-forward", experts(stack) if stack.mixes(layer) else FEEDFORWARDS[stack.feedforward](stack)
            yield "norms", around


def matrices(settings: ModelSettings) -> int:
    """Weights of the layers' matrices: those whose number decides how much a model can learn."""
    return sum(part.matrices for _, part in parts(settings))


def parameters_by_part(settings: ModelSettings) -> dict[str, int]:
    """Every trained number, by what it belongs to; a tied head has none of its own."""
    table = settings.vocabulary * settings.width
    counts = {"table": table, "positions": 0, "attention": 0, "feed-forward": 0, "norms": 0}
    for stack, _ in stacks(settings):
        counts["positions"] += PLACES.get(stack.positions, nothing)(stack)
        counts["norms"] += last_norm(stack).vectors
    if settings.characters is not None:
        counts["table"] += settings.characters.parameters(settings.width)
    for name, part in parts(settings):
        counts[name] += part.matrices + part.vectors
    biases = settings.vocabulary * bool(settings.encoder and settings.encoder.head_bias)
    return counts | {"head": biases + (0 if settings.tied else table)}


def parameters(settings: ModelSettings) -> int:
    """Every trained number."""
    return sum(parameters_by_part(settings).values())


def flops_per_token(settings: ModelSettings, time: int, backward: bool = False, recompute: bool = False) -> float:
    """Floating-point operations for one token in a text of `time`: two for each weight it meets, and the attention,
    which kernels compute for all pairs, or the scan. The backward pass costs twice the forward again; where layers are recomputed
    their forward comes once more, up to the last product that it asks for."""
    every = [part for _, part in parts(settings, time)]
    layers = sum(2.0 * part.met + part.flops + part.scan for part in every)
    forward = layers + 2.0 * settings.vocabulary * settings.width
    spared = sum(2.0 * part.last for part in every) if settings.norm_place == "pre" else 0.0
    return forward * (3 if backward else 1) + (layers - spared) * (backward and recompute)


def scan_flops_per_token(settings: ModelSettings) -> float:
    """Forward, what of that is no matrix product, so that counters of products miss it."""
    return sum(part.scan for _, part in parts(settings))


def needed_flops_per_token(settings: ModelSettings, time: int) -> float:
    """Forward, were no hidden pair computed: what a kernel that skips them would do."""
    layers = sum(2.0 * part.met + part.needed + part.scan for _, part in parts(settings, time))
    return layers + 2.0 * settings.vocabulary * settings.width


def kv_bytes(settings: ModelSettings, tokens: int = 1, number: int = F32) -> int:
    """Memory of what a cache keeps of so many tokens, each number taking so many bytes."""
    return sum(part.cached for _, part in parts(settings)) * tokens * number


def carried_bytes(settings: ModelSettings, rows: int = 1, number: int = F32) -> int:
    """Memory of what layers carry for each text, however long it is."""
    return sum(part.carried for _, part in parts(settings)) * rows * number


def activation_bytes(
    settings: ModelSettings,
    rows: int,
    time: int,
    number: int = F32,
    recompute: Again = False,
    kernel: str = "plain",
    chunked: bool = False,
) -> int:
    """What a forward pass keeps for the backward one, the gradient of the logits included; with a `chunked` loss the
    gradients of vectors and head instead.

    Where something is computed again, all of it is there once more while its backward pass runs.
    """
    every, more = stacks(settings), _wider(number)
    lasts = [last_norm(stack) for stack, _ in every]
    ends = sum(part.kept + part.wide * more for part in lasts)
    bytes_of_a_token = (_inside(settings, time, recompute, kernel, number) + ends) * number + ID * len(every)
    if not chunked:
        return round(rows * time * (bytes_of_a_token + settings.vocabulary * (2 if settings.logit_cap else 1) * number))
    return round(rows * time * (bytes_of_a_token + settings.width * number)) + F32 * _head(settings)


def _wider(number: int) -> float:
    """How many numbers of the computation one takes that stays in f32 whatever it is."""
    return F32 / number if number < F32 else 0.0


def _inside(settings: ModelSettings, time: int, recompute: Again, kernel: str, number: int = F32) -> float:
    """Numbers that all layers together hold of a token, at the moment when they hold most."""
    more = _wider(number)
    kept = [part.kept + part.wide * more for _, part in parts(settings, time, kernel)]
    layers = [kept[at : at + 3] for at in range(0, len(kept), 3)]  # attention, feed-forward, norms
    if isinstance(recompute, str):
        spared = PARTS_OF_A_LAYER.index(recompute)
        return sum(sum(layer) - layer[spared] for layer in layers) + max(layer[spared] for layer in layers)
    again = len(layers) if recompute is True else min(int(recompute), len(layers))
    first, rest = layers[:again], layers[again:]
    # Either the forward pass has just ended, or the first layers run again after the others have let go.
    return again * settings.width + max(sum(map(sum, rest)), max(map(sum, first), default=0))


def _of_layers(settings: ModelSettings, time: int, kernel: str, number: int = F32) -> list[float]:
    """Numbers that each layer keeps of a token."""
    more = _wider(number)
    kept = [part.kept + part.wide * more for _, part in parts(settings, time, kernel)]
    return [sum(kept[at : at + 3]) for at in range(0, len(kept), 3)]


def _head(settings: ModelSettings) -> int:
    return settings.vocabulary * settings.width


def in_chunks(settings: ModelSettings, rows: int, time: int, logits: str = "auto") -> bool:
    """Whether a loss goes by chunks: as it is told (whole, chunked), or by the number of logits; see `objectives/chunked.py`."""
    return logits == "chunked" or (logits == "auto" and rows * time * settings.vocabulary > MANY)


def layers_within(
    settings: ModelSettings,
    rows: int,
    time: int,
    budget: int,
    number: int = F32,
    kernel: str = "plain",
    chunked: bool = False,
) -> int:
    """How many of the first layers must be computed again for activations to take at most `budget` bytes."""
    count = sum(stack.depth for stack, _ in stacks(settings))

    def needed(layers: int) -> int:
        return activation_bytes(settings, rows, time, number, layers, kernel, chunked)

    found = next((layers for layers in range(count + 1) if needed(layers) <= budget), None)
    if found is None:
        least = min(range(count + 1), key=needed)
        raise Problem(
            f"recompute_budget: activations of {rows} x {time} tokens take {needed(least) / 1e6:,.0f} MB at least, and "
            f"{budget / 1e6:,.0f} MB are granted: grant more, or accumulate over more parts."
        )
    return found


def copies_bytes(settings: ModelSettings, number: int = F32) -> int:
    """The matrices and the head rounded to the precision of the computation, kept for the backward pass as well."""
    return 0 if number == F32 else number * (matrices(settings) + settings.vocabulary * settings.width)


def training_bytes(
    settings: ModelSettings,
    rows: int,
    time: int,
    number: int = F32,
    recompute: Again = False,
    kernel: str = "plain",
    chunked: bool = False,
) -> int:
    """A training step's memory: weights, gradients and two moments in f32, rounded copies, activations and logits;
    `rows` are those of one part where gradients are accumulated. Logits and their gradient are gone before the first layer
    runs again: of these two the larger one counts."""
    held = activation_bytes(settings, rows, time, number, recompute, kernel, chunked)
    whole = rows * time * settings.vocabulary
    logits = min(CHUNK, whole) if chunked else whole
    if recompute is True:
        layer = rows * time * max(_of_layers(settings, time, kernel, number)) * number
        held -= round(min(layer, (logits + (0 if chunked else whole)) * number))
    return 4 * F32 * parameters(settings) + copies_bytes(settings, number) + held + logits * number


def computed(machine: Machine) -> dict[str, Any]:
    """How a machine computes, as `training_bytes` is told: bytes of a number, and by which attention."""
    if machine.device == "cpu":
        return {}
    known = catalogue.of(machine)
    return {"number": catalogue.BYTES[known.precision] if known else 2, "kernel": "fused"}


def inference_bytes(settings: ModelSettings, rows: int, time: int, number: int = F32) -> int:
    """Weights, cache and the widest vectors of a pass over the prompts."""
    widest = max(settings.hidden * 3, settings.vocabulary) * rows * time
    held = kv_bytes(settings, rows * time, number) + carried_bytes(settings, rows, number)
    return parameters(settings) * number + held + widest * number


def flops_per_second(machine: Machine) -> float:
    """What training of small models really reaches: measured on two cores, a guess for accelerators."""
    if machine.device != "cpu":
        known = catalogue.of(machine)
        return known.peak_flops * known.reached if known else 3e13 if machine.device == "cuda" else 2e12
    return machine.threads * (120e9 if machine.amx else 80e9 if machine.avx512_bf16 else 35e9)


def told(settings: ModelSettings, rows: int = 1, time: int = 0, number: int = F32) -> dict[str, Any]:
    """All of it as plain numbers, for `rows` texts of `time` tokens (0: the whole context)."""
    time = time or settings.context
    forward = flops_per_token(settings, time)
    return {
        "rows": rows,
        "time": time,
        "bytes_per_number": number,
        "parameters": parameters(settings),
        "parameters_by_part": parameters_by_part(settings),
        "flops_per_token_forward": forward,
        "flops_per_token_backward": flops_per_token(settings, time, backward=True) - forward,
        "flops_per_token_recomputed": flops_per_token(settings, time, True, True) - 3 * forward,
        "flops_per_token_needed_forward": needed_flops_per_token(settings, time),
        "activation_bytes": activation_bytes(settings, rows, time, number),
        "activation_bytes_recomputed": activation_bytes(settings, rows, time, number, recompute=True),
        "kv_bytes_per_token": kv_bytes(settings, 1, number),
        "carried_bytes_per_text": carried_bytes(settings, 1, number),
        "inference_bytes": inference_bytes(settings, rows, time, number),
        "training_bytes": training_bytes(settings, rows, time, number),
        "training_bytes_recomputed": training_bytes(settings, rows, time, number, recompute=True),
    }
