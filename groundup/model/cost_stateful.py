"""What layers cost that carry a state: formulas for RNN, GRU, LSTM, minGRU, Mamba and Transformer-XL.

`cost.py` adds them up like those of `cost_parts.py`. Arithmetic is that of matrix products, as everywhere, and of what a scan
multiplies and adds number by number along the text; gates and curves are left out, as everywhere. Nothing here needs torch.
"""

from collections.abc import Callable, Iterator

from groundup.model.cost_parts import Part, feedforward, gains, measures, norms
from groundup.model.cost_parts import last_norm as norm_before_head
from groundup.model.mamba_settings import MambaSettings
from groundup.model.settings import ModelSettings
from groundup.model.transformer_xl_settings import TransformerXLSettings

Mixer = Callable[[ModelSettings, int], Part]
WITHOUT_NORMS = ("rnn", "gru", "lstm")


def recurrent(gates: int, states: int, kept: float) -> Mixer:
    """W_ih and W_hh, of so many rows for each number of the width; `kept` is what torch's kernel holds for each."""

    def cost(settings: ModelSettings, _: int) -> Part:
        width = settings.width
        matrices = 2 * gates * width * width
        return Part(matrices, 2 * gates * width, met=matrices, kept=kept * width, carried=states * width)

    return cost


def mingru(settings: ModelSettings, _: int) -> Part:
    """Three matrices; both gates, the new value in its shapes, a sign for each, the averages. The average of each number is
    faded, and a share of the new one added."""
    width = settings.width
    matrices, biases = 3 * width * width, 3 * width * (settings.biases is True)
    return Part(matrices, biases, met=matrices, scan=3 * width, kept=6.25 * width, carried=width)


def mamba(settings: ModelSettings, _: int) -> Part:
    """Four matrices; what each channel remembers is read out by a product of its own.

    Of each number of its memory: how it fades, what is written, and the step itself; of each channel what is written of it,
    what goes past the memory, and the convolution.
    """
    sizes, width = settings.mamba or MambaSettings(), settings.width
    inner, state, rank = sizes.expand * width, sizes.state, sizes.rank_of(width)
    matrices = width * 2 * inner + inner * (rank + 2 * state) + rank * inner + inner * width
    vectors = inner * (state + 2 + sizes.kernel + sizes.conv_bias) + (2 * inner + width) * (settings.biases is True)
    return Part(
        matrices,
        vectors,
        met=matrices,
        flops=2.0 * inner * state,
        needed=2.0 * inner * state,
        scan=4 * inner * state + 3 * inner + (2 * sizes.kernel - 1 + sizes.conv_bias) * inner,
        kept=12 * inner + rank + 2 * state + 2 * inner * state,  # fading and memory are as many numbers as the memory
        carried=inner * (sizes.kernel - 1 + state),
    )


def transformer_xl(settings: ModelSettings, time: int) -> Part:
    """Five matrices, of which that of the distances is met once for all rows; scores by content and by distance."""
    memory, width = (settings.transformer_xl or TransformerXLSettings()).memory, settings.width
    inner = settings.heads * settings.head_width
    seen = sum(min(at, memory) + 1 for at in range(time)) / time
    return Part(
        5 * width * inner,
        2 * inner,
        met=4 * width * inner,
        flops=6.0 * inner * time,
        needed=6.0 * inner * seen,
        kept=2 * width + 6 * inner + (settings.heads + 0.25) * time,
        carried=memory * width,
    )


LAYERS: dict[str, Mixer] = {
    "rnn": recurrent(1, 1, kept=2),
    "gru": recurrent(3, 1, kept=8),
    "lstm": recurrent(4, 2, kept=16.4),
    "mingru": mingru,
    "mamba": mamba,
    "transformer_xl": transformer_xl,
}


def parts(settings: ModelSettings, time: int) -> Iterator[tuple[str, Part]]:
    """What mixes tokens (here called attention too), feed-forward and norms of every layer in turn."""
    nothing = Part()
    halves = settings.family in ("mingru", "transformer_xl")  # mixing and feed-forward, each with a norm
    one = Part(vectors=gains(settings) * settings.width, kept=2 * settings.width + measures(settings))
    around = nothing if settings.family in WITHOUT_NORMS else norms(settings) if halves else one
    for _ in range(settings.depth):
        yield "attention", LAYERS[settings.family](settings, time)
        yield "feed-forward", feedforward(settings) if halves else nothing
        yield "norms", around


def last_norm(settings: ModelSettings) -> Part:
    """Before the head, where layers are normed at all."""
    return Part(kept=settings.width) if settings.family in WITHOUT_NORMS else norm_before_head(settings)
