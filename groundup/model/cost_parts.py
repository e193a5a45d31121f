"""What each part of a model costs, by formula: one line in a table for each kind of mixer and of feed-forward.

`cost.py` adds the parts up. A part that joins the model's tables joins these; a test holds the keys of both together, and
others hold the formulas against what is counted when a model runs. Nothing here needs torch.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from groundup.model.settings import GATED, ModelSettings


@dataclass(frozen=True)
class Part:
    """One part of one layer. `flops` and `kept` are for one token in a text of some length."""

    matrices: int = 0  # weights of matrices
    vectors: int = 0  # trained numbers that are no matrix: biases, gains inside the part
    met: int = 0  # of `matrices`, how many one token is multiplied by
    flops: float = 0.0  # forward, beside two for each weight that is met
    scan: float = 0.0  # forward, products and sums number by number along the text: of recurrences, of convolutions
    last: int = 0  # of `met`, those of a last product whose outcome no backward pass asks for
    needed: float = 0.0  # the share of `flops` for pairs that are not hidden afterwards
    kept: float = 0.0  # numbers that wait for the backward pass
    wide: float = 0.0  # numbers in f32 that wait beside these where all else is rounded
    cached: int = 0  # numbers that a cache keeps for each token
    carried: int = 0  # numbers that are kept for each text, however long


def together(one: Part, other: Part) -> Part:
    """Two parts as one."""
    return Part(**{field.name: getattr(one, field.name) + getattr(other, field.name) for field in fields(Part)})


def gains(settings: ModelSettings) -> int:
    """Trained numbers of a norm for each number that it norms: a gain, and for LayerNorm a bias."""
    return 2 if settings.norm == "layer" else 1


def measures(settings: ModelSettings) -> int:
    """Numbers that one norm of one vector keeps beside it: its length, and for LayerNorm its mean."""
    return 2 if settings.norm == "layer" else 1


# --- mixers ---------------------------------------------------------------------------------------------------------


def attention(settings: ModelSettings, kind: str, time: int, kernel: str) -> Part:
    """Softmax attention over grouped keys, whatever it looks at."""
    queries, keys = settings.heads * settings.head_width, settings.kv_heads * settings.head_width
    vectors = (queries + 2 * keys) * settings.has_bias("qkv") + settings.width * settings.has_bias("output")
    if settings.qk_norm:
        vectors += gains(settings) * (queries + keys if settings.qk_norm == "whole" else 2 * settings.head_width)
    matrices = settings.width * 2 * (queries + keys)
    return Part(
        matrices=matrices,
        vectors=vectors,
        met=matrices,
        flops=4.0 * queries * time,
        needed=4.0 * queries * seen(kind, time, settings.window),
        kept=KEPT[kernel](settings, time) + _kept_by_qk_norm(settings),
        wide=(queries + keys) / 2 * (bool(settings.qk_norm) and settings.norm == "rms_one"),
        cached=2 * keys,
    )


def cross_attention(settings: ModelSettings, slots: int, kernel: str) -> Part:
    """A look at a source as long as the target: it is never hidden, and never normed."""
    plain = settings.model_copy(update={"qk_norm": False})
    found = attention(plain, "full", slots, kernel)
    return replace(found, needed=found.flops)


def _kept_by_qk_norm(settings: ModelSettings) -> int:
    """What was normed, and what it was measured by."""
    if not settings.qk_norm:
        return 0
    normed = 2 if settings.qk_norm == "whole" else settings.heads + settings.kv_heads
    return (settings.heads + settings.kv_heads) * settings.head_width + normed * measures(settings)


def _kept_by_plain(settings: ModelSettings, time: int) -> int:
    """q, k, v as they meet, every score after the softmax (and before it, where it was bent), what was gathered."""
    queries, keys = settings.heads * settings.head_width, settings.kv_heads * settings.head_width
    return 2 * queries + 2 * keys + settings.heads * time * (2 if settings.attention_cap else 1)


def _kept_by_fused(settings: ModelSettings, time: int) -> int:
    """No scores, only the logarithm of their sum. A cap is not known to it, and a bias that is trained makes it hold all
    scores as well: it is as plain then."""
    if settings.attention_cap or settings.positions == "relative":
        return _kept_by_plain(settings, time)
    return 2 * (settings.heads + settings.kv_heads) * settings.head_width + settings.heads


KEPT: dict[str, Callable[[ModelSettings, int], int]] = {"plain": _kept_by_plain, "fused": _kept_by_fused}


def seen(kind: str, time: int, size: int) -> float:
    """How many keys a query of such a text may see on average; see `sight.py` for the patterns."""
    every = range(time)
    if kind == "window":
        return sum(min(at + 1, size) for at in every) / time
    if kind == "blocks":
        return sum(at % size + 1 + at // size for at in every) / time
    if kind == "strided":
        return sum(min(at + 1, size) + at // size for at in every) / time
    return (time + 1) / 2


def latent(settings: ModelSettings, kind: str, time: int, kernel: str) -> Part:
    """Latent attention as it is trained: keys and values of all heads are made of the latents."""
    sizes, heads, width = settings.latent, settings.heads, settings.width
    assert sizes is not None
    queries, values, made = heads * settings.head_width, heads * sizes.value, heads * (sizes.plain + sizes.value)
    asking = sizes.query_rank * (width + queries) if sizes.query_rank else width * queries
    matrices = asking + width * (sizes.kv_rank + sizes.rope) + sizes.kv_rank * made + values * width
    biases = (sizes.query_rank + sizes.kv_rank + sizes.rope) * bool(settings.biases) + width * (settings.biases is True)
    normed = sizes.kv_rank + measures(settings) + (2 * sizes.query_rank + measures(settings)) * bool(sizes.query_rank)
    scores = heads * time * (2 if settings.attention_cap else 1)  # fused too: it wants values as wide as keys
    spread = sizes.kv_rank * made / time  # the matrix that makes keys and values, once for each text
    return Part(
        matrices=matrices,
        vectors=biases + gains(settings) * (sizes.query_rank + sizes.kv_rank),
        met=matrices,
        flops=2.0 * (queries + values) * time,
        needed=2.0 * (queries + values) * seen("full", time, 0),
        kept=normed + heads * sizes.kv_rank + 2 * queries + 2 * values + scores + spread,
        cached=sizes.kv_rank + sizes.rope,
    )


def convolution(settings: ModelSettings, kind: str, time: int, kernel: str) -> Part:
    """Three projections, a few products for each number, and one projection more."""
    width, size = settings.width, settings.convolution
    return Part(
        matrices=4 * width * width,
        vectors=width * size + 4 * width * (settings.biases is True),
        met=4 * width * width,
        scan=(2 * size - 1) * width,
        kept=(size + 5) * width,
        carried=width * (size - 1),
    )


# kind of layer -> (settings, kind, tokens of the text, attention by which kernel) -> what mixes its tokens
MIXERS: dict[str, Callable[[ModelSettings, str, int, str], Part]] = {
    "full": attention,
    "window": attention,
    "blocks": attention,
    "strided": attention,
    "latent": latent,
    "conv": convolution,
}


# --- feed-forwards --------------------------------------------------------------------------------------------------

CURVES = {  # numbers of the inner width that wait for the backward pass: what is bent, and what comes of it
    "swiglu": 4,
    "geglu": 4,
    "geglu_exact": 4,
    "gelu": 2,
    "gelu_exact": 2,
    "relu": 1,
    "relu2": 2,
    "silu": 2,
}


def feedforward(settings: ModelSettings, hidden: int = 0) -> Part:
    """Two matrices, or three where one half decides how much of the other passes."""
    hidden = hidden or settings.hidden
    widening = 2 if settings.feedforward in GATED else 1
    matrices = (widening + 1) * settings.width * hidden
    vectors = (widening * hidden + settings.width) * settings.has_bias("feedforward")
    kept = CURVES[settings.feedforward] * hidden
    return Part(matrices, vectors, met=matrices, last=settings.width * hidden, kept=kept)


# name of a feed-forward in the settings -> its cost
FEEDFORWARDS: dict[str, Callable[[ModelSettings], Part]] = dict.fromkeys(CURVES, feedforward)


def experts(settings: ModelSettings) -> Part:
    """Some of many gated feed-forwards: all are trained, a token meets the chosen, the shared one and the router."""
    sizes, width, hidden = settings.experts, settings.width, settings.expert_hidden
    assert sizes is not None
    one, router = 3 * width * hidden, width * sizes.count
    numbers = 2 * sizes.count + 8 * sizes.chosen  # rates, shares, and who goes where
    part = Part(
        matrices=sizes.count * one + router,
        met=sizes.chosen * one + router,
        kept=sizes.chosen * (2 * width + CURVES[settings.feedforward] * hidden) + numbers,
        wide=width + numbers / 2,
    )
    return together(part, feedforward(settings, sizes.shared)) if sizes.shared else part


# --- norms ----------------------------------------------------------------------------------------------------------


def norms(settings: ModelSettings, parts: int = 2) -> Part:
    """Those around the parts of one layer: each keeps what it normed, and each part keeps what it read."""
    count = 2 * parts if settings.norm_place == "sandwich" else parts
    shared = settings.parallel and settings.norm == "layer"  # LayerNorm keeps its input, which is one for both halves
    kept = (count + parts - shared) * settings.width + count * measures(settings)
    wide = count * settings.width / 2 * (settings.norm == "rms_one")  # what is normed stays f32: twice as long
    return Part(vectors=count * gains(settings) * settings.width, kept=kept, wide=wide)


def last_norm(settings: ModelSettings) -> Part:
    """Before the head; where norms stand after the sum the last layer has one already."""
    if settings.norm_place == "post":
        return Part(kept=settings.width)
    wide = settings.width / 2 * (settings.norm == "rms_one")
    return Part(vectors=gains(settings) * settings.width, kept=2 * settings.width + measures(settings), wide=wide)


# --- positions ------------------------------------------------------------------------------------------------------


def nothing(settings: ModelSettings) -> int:
    """Most schemes are formulas."""
    return 0


# scheme -> its trained numbers
PLACES: dict[str, Callable[[ModelSettings], int]] = {
    "learned": lambda settings: settings.context * settings.width,
    "relative": lambda settings: settings.buckets * settings.heads,
}
