"""Whoever writes, the compiled step or torch, the text is the same: alone, many together, drawn or the likeliest."""

import pytest
import torch

from groundup.errors import Problem
from groundup.generation import batch
from groundup.generation.compiled_step import CompiledStep
from groundup.generation.engine import Request
from groundup.generation.language_model import LanguageModel, load
from groundup.generation.sample import Sampling
from groundup.generation.speculation.drafters import drafter
from groundup.generation.speculation.small_model import SmallModel
from groundup.generation.speculation.speculation import Speculation
from groundup.kernels.native import build
from groundup.model import folder, quantize
from tests import speculation_example
from tests.model_example import model

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler on this machine")
PROMPTS = [[1, 2, 3], list(range(40)), [7] * 31, [5, 6]]


def written(decode: str, shape: str = "qwen3", **how):
    lm = LanguageModel(model(shape), decode=decode)
    return [[item.id for item in lm.stream(ids, max_tokens=40, **how)] for ids in PROMPTS]


@pytest.mark.parametrize("how", ({"temperature": 0.0}, {"temperature": 0.7, "seed": 3, "top_p": 0.9}))
def test_a_stream_is_the_same(how):
    assert written("native", **how) == written("torch", **how)


def test_log_probabilities_are_the_same():
    told = [
        [item.logprob for item in LanguageModel(model(), decode=decode).stream([1, 2, 3], max_tokens=30, temperature=0)]
        for decode in ("native", "torch")
    ]
    assert torch.allclose(*map(torch.tensor, told), atol=1e-4)


def test_many_together_are_the_same_as_each_alone():
    drawn = [Sampling(temperature=0.8, seed=seed) for seed in range(4)]
    texts = {}
    for decode in ("native", "torch"):
        lm = LanguageModel(model(), decode=decode)
        for rows in (1, 3):
            answers = batch.generate(lm.model, PROMPTS, 20, drawn, rows=rows, decoder=lm.decoder)
            texts[decode, rows] = [answer.ids for answer in answers]
    assert all(found == texts["torch", 1] for found in texts.values()) and len(texts["torch", 1][0]) == 20


def test_a_model_is_written_with_by_compiled_code_unless_asked_otherwise(tmp_path):
    folder.save(tmp_path, model("llama"))
    assert isinstance(load(tmp_path).decoder, CompiledStep)
    assert isinstance(load(tmp_path, decode="native").decoder, CompiledStep)
    assert load(tmp_path, decode="torch").decoder is None
    with pytest.raises(Problem, match="decode=fast is not known"):
        _ = load(tmp_path, decode="fast").decoder


def test_a_quantised_model_is_read_by_torch_and_written_with_by_integers():
    lm = LanguageModel(quantize.quantised(model("llama"), quantize.scheme("int8_g32")), decode="native")
    assert len(list(lm.stream([1, 2, 3], max_tokens=20, temperature=0))) == 20


@pytest.mark.parametrize("name", ("lookup", "small model"))
def test_what_was_drafted_is_read_by_the_compiled_step(name):
    made = [model("llama", seed, depth=depth) for seed, depth in ((1, 2), (2, 1))]
    large, small = made
    steps = [CompiledStep(each, threads=1) for each in made]
    read = []
    draft = SmallModel(small, large, 4, steps[1]) if name == "small model" else drafter("lookup", large)
    quick = Speculation(large, draft, 3, quick=lambda *pass_: read.append(pass_) or steps[0].several(*pass_))
    asked = [Request([5, 6, 7, 5, 6, 7, row], 30, logprobs=False) for row in range(3)]
    plain = speculation_example.written(large, asked, 4)
    assert speculation_example.written(large, asked, 4, quick, steps[0]) == plain
    assert read and quick.tally.proposed
