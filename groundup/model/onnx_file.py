"""A model as one ONNX file, through torch's own exporter: ids (batch, time) in, logits (batch, time, vocabulary) out, in f32.

The graph holds for any number of rows and any time up to the model's context. It has no cache: it reads a text as a whole.
"""

import copy
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from groundup.errors import Problem
from groundup.model.transformer import Transformer
from groundup.run import write_atomically

NEEDED = "onnx", "onnxscript"
LARGEST = (2 << 30) - (16 << 20)  # bytes of weights: a protobuf holds at most two gigabytes, its graph included


def write(path: str | Path, model: Transformer) -> None:
    """Write the model to `path`; it is left as it was."""
    check(model)
    import onnx

    if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
        model = copy.deepcopy(model).float()
    time: Any = Dim("time", max=model.settings.context)
    example = torch.zeros(2, min(8, model.settings.context), dtype=torch.long)  # 1 would be taken for a constant
    with _quiet(), _evaluating(model):
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            dynamic_shapes={"ids": {0: Dim("batch"), 1: time}},
            input_names=["ids"],
            output_names=["logits"],
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    _forget_where(proto)
    onnx.checker.check_model(proto)
    write_atomically(Path(path), proto.SerializeToString(deterministic=True))


def check(model: nn.Module) -> None:
    """A Problem if the exporter's packages are missing, the model needs more than ids, or one file cannot hold it."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise Problem(f"ONNX needs {' and '.join(missing)}, not installed here: pip install 'groundup[onnx]'.")
    if not isinstance(model, Transformer):
        raise Problem(
            f"ONNX files are written of models that read ids alone; a {type(model).__name__} needs more: export as hf."
        )
    size = sum(parameter.numel() * 4 for parameter in model.parameters())
    if size > LARGEST:
        raise Problem(
            f"The weights have {size:,} bytes in f32 and an ONNX file holds {LARGEST:,}: export as gguf or hf."
        )


def _forget_where(proto: Any) -> None:
    """Take out what the exporter notes of its own way, lines and paths of this machine's files above all."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's words about packages that nobody asked for."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    try:
        model.eval()
        yield
    finally:
        model.train(training)
