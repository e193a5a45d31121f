"""Layers compiled by torch for a training: what stands between the matrix products becomes a few loops instead of dozens.

Compiling takes half a minute, or a few seconds where the same layers were compiled here before; so `auto` asks a probe, and
only for trainings that take long by their estimate; what it found is kept for the next training of such layers. Whoever looks
meanwhile (held-out text, samples) passes through the layers as they are.
"""

import hashlib
import json
import math
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from groundup import hardware
from groundup.errors import Problem
from groundup.model.attention import named
from groundup.model.layer import Layer
from groundup.model.reading import Attend, Reading
from groundup.model.recompute import layers_of
from groundup.model.transformer import Transformer
from groundup.run import write_atomically
from groundup.training.compiling_whole import whole
from groundup.training.masters import as_trained
from groundup.training.settings import TrainSettings

LONG = 600.0  # seconds of training from which on compiling is tried
SHORT = "a short training"
WORTH = 0.9  # share of its time that a layer may take at most when it is compiled
CLOSE = 0.03  # of a gradient's length, by which a compiled one may be off: in bf16 it rounds otherwise in many places
TRIES = 3


def unsuited(model: nn.Module, training: TrainSettings) -> str:
    """What of a training compiled layers do not know, as its setting; nothing where they know all of it."""
    regularise = training.regularise
    asked = {
        "training.recompute": training.recompute,
        "training.activations: host": training.activations == "host",
        "training.watch": training.watch,
        "training.deterministic": training.deterministic,
        "training.regularise.dropout": regularise.dropout or regularise.dropout_attention,
    }
    if found := next((name for name, value in asked.items() if value), ""):
        return found
    if not isinstance(model, Transformer):
        return f"a model of the class {type(model).__name__}"
    strange = next((type(layer).__name__ for layer in layers_of(model) if type(layer) is not Layer), "")
    return f"layers of the kind {strange}" if strange else ""


def probe(
    model: Any,
    training: TrainSettings,
    say: Callable[[str], None],
    seconds: float = math.inf,
    kept: Path | None = None,
) -> dict[str, Any]:
    """Whether layers are to be compiled, and what was measured; a Problem where that was asked for and cannot be.

    `seconds`: how long the training lasts by its estimate; where that is too short for compiling to pay nothing is measured.
    `kept`: a folder in which what was measured of such layers on such a machine lies for the next training.
    """
    if training.compile == "off":
        return {"compile": False}
    if why := unsuited(model, training):
        if training.compile == "on":
            raise Problem(f"training.compile: on does not go with {why}: leave out one of them.")
        return {"compile": False, "why": why}
    if training.compile == "auto" and seconds < LONG:
        return {"compile": False, "why": SHORT}
    passes = training.steps * training.accumulate * len(layers_of(model))
    least = (
        1000 * LONG / passes if training.compile == "auto" else 0.0
    )  # milliseconds of a pass that make a training long
    with as_trained(model, training):
        found = _known(_name(model, training), kept, lambda: _measured(model, training, say, least))
    if training.compile == "on" and "why" in found:
        raise Problem(f"training.compile: on cannot be had here: {found['why']}: leave it out.")
    if found["plain_ms"] < least:
        return {"compile": False, "why": SHORT}
    if "why" in found:
        return {"compile": False, "why": found["why"]}
    return {"compile": training.compile == "on" or found["compiled_ms"] < WORTH * found["plain_ms"]} | found


def _measured(model: Any, training: TrainSettings, say: Callable[[str], None], least: float) -> dict[str, Any]:
    """Milliseconds of a layer's pass as it is and, where those are `least`, compiled, and of compiling it; or why it cannot be."""
    passed = Pass(model, training.rows // training.accumulate, training.time)
    found: dict[str, Any] = {"plain_ms": round(1000 * passed.seconds(passed.layer), 2)}
    if found["plain_ms"] < least:
        return found | {"why": SHORT}
    say("compiling a layer, half a minute at most; the next training of such layers finds it done")
    start = time.monotonic()
    try:
        passed.reading.attend = uncompiled(model.attention)  # loads torch's compiler: seconds, and 75 MB
        fast = torch.compile(passed.layer.forward, dynamic=False)
        off = passed.distance(fast)
    except Exception as error:  # no compiler, or one that does not know this processor
        return found | {"why": _first_line(error)}
    if not off < CLOSE:
        return found | {"why": f"gradients {100 * off:.0f} % off"}
    spent = time.monotonic() - start
    return found | {"compiled_ms": round(1000 * passed.seconds(fast), 2), "compiling_s": round(spent, 2)}


def _name(model: Any, training: TrainSettings) -> str:
    """What a layer's pass depends on: its own sizes, how much passes at once, and what computes; not how many layers there are."""
    sizes = model.settings.model_dump(mode="json", exclude={"depth", "vocabulary"})
    where = next(model.parameters()).device.type, platform.machine(), hardware.look().cpu, torch.get_num_threads()
    rows = training.rows // training.accumulate
    told = (
        sizes,
        rows,
        training.time,
        str(model.compute),
        str(model.attention),
        training.precision,
        where,
        torch.__version__,
    )
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _known(name: str, kept: Path | None, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before, or what is measured now and laid down. What failed is not: its cause may be gone tomorrow."""
    if kept is None:
        return measure()
    path = kept / f"layer-{name}.json"
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        if isinstance(found, dict) and all(isinstance(found.get(key), float) for key in ("plain_ms", "compiled_ms")):
            return found
    found = measure()
    if "why" not in found:
        with suppress(OSError):  # a cache that cannot be written is none
            kept.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(found))
    return found


class Pass:
    """A training's pass through the first layer of a model, forward and back, to take its time."""

    def __init__(self, model: Any, rows: int, time: int):
        self.layer = layers_of(model)[0]
        device = next(model.parameters()).device
        ids = torch.zeros(rows, time, dtype=torch.long, device=device)
        with torch.no_grad():
            x, self.reading = model.enter(ids, None, None, None)
        noise = torch.Generator().manual_seed(0)
        self.x = torch.randn(x.shape, generator=noise).to(x).requires_grad_(True)
        self.wanted = [self.x, *(each for each in self.layer.parameters() if each.requires_grad)]

    def gradients(self, layer: Callable[[Tensor, Reading], Tensor]) -> tuple[Tensor, ...]:
        """Of the input and of every weight, for an output that pulls in all directions."""
        out = layer(self.x, self.reading)
        return torch.autograd.grad(
            (out.float() * torch.linspace(-1, 1, out.shape[-1], device=out.device)).sum(), self.wanted
        )

    def distance(self, layer: Callable[[Tensor, Reading], Tensor]) -> float:
        """How far this way's gradients are off the plain ones at most, as a share of their length; not a number if they are none."""
        far = [0.0]
        for plain, other in zip(self.gradients(self.layer), self.gradients(layer), strict=True):
            length = plain.float().norm()
            apart = (other.float() - plain.float()).norm()
            far.append(float(apart / length if length else apart))
        return max(far) if all(map(math.isfinite, far)) else math.nan

    def seconds(self, layer: Callable[[Tensor, Reading], Tensor], tries: int = TRIES) -> float:
        """The best of some tries."""
        best = float("inf")
        for _ in range(tries):
            start = time.perf_counter()
            self.gradients(layer)[0].sum().item()  # whatever computes has then come to its end
            best = min(best, time.perf_counter() - start)
        return best


def compiled(model: Any) -> AbstractContextManager[None]:
    """Inside, the model is compiled wherever gradients are wanted: as a whole on CUDA, layer by layer elsewhere."""
    return whole(model) if next(model.parameters()).device.type == "cuda" else by_layers(model)


@contextmanager
def by_layers(model: Any) -> Iterator[None]:
    """Inside, the model's layers are compiled wherever gradients are wanted; afterwards they are as they were."""
    layers, attention = layers_of(model), model.attention
    model.attention = uncompiled(attention)
    for layer in layers:
        layer.forward = _either(layer.forward, torch.compile(layer.forward, dynamic=False))
    try:
        yield
    finally:
        model.attention = attention
        for layer in layers:
            layer.__dict__.pop("forward", None)


def uncompiled(attention: str | Attend) -> Any:
    """Attention as it is: torch 2.13 compiles two batched products in bf16, laid out as ours, to gradients that are no numbers."""
    return torch.compiler.disable(named(attention))


def _either(plain: Callable[..., Tensor], fast: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def forward(x: Tensor, reading: Reading) -> Tensor:
        looked_back = torch.is_grad_enabled() and reading.cache is None
        return fast(x, reading) if looked_back else plain(x, reading)

    return forward


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
