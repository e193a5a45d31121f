"""Equal to onnxruntime: a model written through torch's exporter gives the same logits there, for every batch and time."""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder, onnx_file
from tests.model_example import ids, model, settings


@pytest.mark.parametrize(("shape", "dtype"), [("llama", torch.float32), ("gpt2", torch.bfloat16)])
def test_onnxruntime_gives_the_same_logits(shape, dtype, tmp_path):
    """Narrow weights are widened, and the model that is exported is left as it was."""
    made = model(shape, depth=1).to(dtype)
    onnx_file.write(tmp_path / "x.onnx", made)
    assert not made.training and {parameter.dtype for parameter in made.parameters()} == {dtype}
    told, wide = onnxruntime.InferenceSession(tmp_path / "x.onnx"), made.float()
    for rows, time in ((1, 1), (3, 50), (1, made.settings.context)):
        with torch.inference_mode():
            ours = wide(ids(rows, time)).numpy()
        (theirs,) = told.run(["logits"], {"ids": ids(rows, time).numpy()})
        assert np.abs(theirs - ours).max() <= 2e-5 * np.abs(ours).max()
    raw = (tmp_path / "x.onnx").read_bytes()
    assert str(Path(onnx_file.__file__).parent).encode() not in raw and b"stack_trace" not in raw


def test_what_is_missing_or_too_large_is_said_first(monkeypatch):
    large = folder.bare(settings("llama", width=8192, hidden=1 << 16))
    with pytest.raises(Problem, match="an ONNX file holds"):
        onnx_file.check(large)
    with pytest.raises(Problem, match="a Linear needs more"):
        onnx_file.check(torch.nn.Linear(1, 1))
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name))
    with pytest.raises(Problem, match=r"ONNX needs onnxscript, not installed here: pip install 'groundup\[onnx\]'"):
        onnx_file.check(model())
