"""What a model that reads one text and writes another costs: its sides have sizes of their own, and a bridge between them.

Formulas over settings, as in `cost.py`. Nothing here needs torch.
"""

from groundup.model.settings import GATED, ModelSettings


def matrices(settings: ModelSettings) -> int:
    """Weights of the matrices in the layers of both sides."""
    reader = settings.reader()
    return reader.depth * _layer(reader, looks=1) + settings.depth * _layer(settings, looks=2)


def parameters(settings: ModelSettings) -> int:
    """Every trained number."""
    assert settings.encoder is not None
    tables = settings.vocabulary * settings.width * (1 if settings.tied else 2)
    head = settings.vocabulary if settings.encoder.head_bias else 0
    return matrices(settings) + _vectors(settings.reader(), looks=1) + _vectors(settings, looks=2) + tables + head


def flops(settings: ModelSettings, source: int, target: int, backward: bool = False) -> float:
    """Floating-point operations for a source and a target of so many tokens: two for each weight that a token meets, and
    the pairs of tokens that look at each other; the backward pass costs twice the forward again."""
    reader = settings.reader()
    inside, read_inside = settings.heads * settings.head_width, reader.heads * reader.head_width
    bridge = (
        2 * settings.width * settings.kv_heads * settings.head_width
    )  # keys and values of the source, for each layer
    products = source * (reader.depth * _layer(reader, looks=1) + settings.depth * bridge)
    products += target * (settings.depth * (_layer(settings, looks=2) - bridge) + settings.vocabulary * settings.width)
    pairs = reader.depth * read_inside * source * source + settings.depth * inside * target * (target + source)
    return float((2 * products + 4 * pairs) * (3 if backward else 1))


def kv_bytes(settings: ModelSettings, source: int, target: int, number: int = 4) -> int:
    """Memory of the keys and values that writing keeps: of the source once, and of the target so far."""
    return 2 * settings.depth * settings.kv_heads * settings.head_width * (source + target) * number


def _layer(side: ModelSettings, looks: int) -> int:
    """Weights of one layer's matrices: it looks at its own text, and perhaps at the other."""
    attention = side.width * side.head_width * (2 * side.heads + 2 * side.kv_heads)
    return looks * attention + (3 if side.feedforward in GATED else 2) * side.width * side.hidden


def _vectors(side: ModelSettings, looks: int) -> int:
    """Norms, biases and what positions have learned, of one side."""
    queries, keys = side.heads * side.head_width, side.kv_heads * side.head_width
    norm = 2 if side.norm == "layer" else 1  # a gain, and perhaps a bias
    count = (side.depth * (looks + 1) + (side.norm_place == "pre")) * norm * side.width
    if side.qk_norm:
        count += side.depth * norm * (queries + keys if side.qk_norm == "whole" else 2 * side.head_width)
    if side.biases:
        count += side.depth * looks * (queries + 2 * keys)
    if side.biases is True:
        count += side.depth * (looks * side.width + (2 if side.feedforward in GATED else 1) * side.hidden + side.width)
    learned = {"relative": side.buckets * side.heads, "learned": side.context * side.width}
    return count + learned.get(side.positions, 0)
