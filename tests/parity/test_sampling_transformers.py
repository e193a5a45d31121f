"""What is left out, what is penalised and what a search finds are those of transformers."""

import pytest
import torch
import transformers
from transformers.generation import logits_process as theirs

from groundup.generation import beam
from groundup.generation.engine import Engine, Request
from groundup.generation.penalties import Past, altered, typical
from groundup.generation.sample import Sampling, left
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

VOCABULARY = 60


def logits(seed: int = 3) -> torch.Tensor:
    return torch.randn(8, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_typical_sampling_keeps_the_tokens_that_transformers_keeps(share):
    kept = torch.isfinite(theirs.TypicalLogitsWarper(mass=share)(torch.zeros(8, 1), logits().double()))
    weights = logits().double().softmax(-1)
    assert torch.equal(typical(weights, torch.full((8, 1), share, dtype=torch.float64)) > 0, kept)


@pytest.mark.parametrize("penalty", [0.7, 1.2, 3.0])
def test_the_repetition_penalty_is_that_of_transformers(penalty):
    ids = torch.randint(0, VOCABULARY, (8, 15), generator=torch.Generator().manual_seed(1))
    expected = theirs.RepetitionPenaltyLogitsProcessor(penalty)(ids, logits().double())
    pasts = []
    for line in ids.tolist():
        pasts.append(Past(VOCABULARY, line[:9]))
        for token in line[9:]:
            pasts[-1].take(token)
    torch.testing.assert_close(altered(logits(), [Sampling(repetition_penalty=penalty)] * 8, pasts), expected)


def test_a_bias_is_that_of_transformers():
    told = {4: -2.5, 17: 6.0}
    expected = theirs.SequenceBiasLogitsProcessor({(token,): bias for token, bias in told.items()})(
        torch.zeros(8, 1), logits().double()
    )
    torch.testing.assert_close(altered(logits(), [Sampling(logit_bias=tuple(told.items()))] * 8, [None] * 8), expected)


def test_all_that_leaves_out_together_leaves_what_transformers_leaves():
    sampling = Sampling(temperature=0.8, top_k=30, top_p=0.9, min_p=0.02, typical_p=0.7)
    scores = logits().double()
    for warper in (
        theirs.TemperatureLogitsWarper(0.8),
        theirs.TopKLogitsWarper(30),
        theirs.TopPLogitsWarper(0.9),
        theirs.MinPLogitsWarper(0.02),
        theirs.TypicalLogitsWarper(0.7),
    ):
        scores = warper(torch.zeros(8, 1), scores)
    weights = left(logits(), [sampling] * 8)
    torch.testing.assert_close(weights / weights.sum(-1, keepdim=True), scores.softmax(-1))


def both(tmp_path, family: str, **more):
    """A small model, and the same in transformers."""
    shape = ModelSettings(family=family, depth=2, width=64, vocabulary=VOCABULARY, context=64, **more)
    model, generator = Transformer(shape), torch.Generator().manual_seed(4)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3, generator=generator)
    folder.save(tmp_path, model)
    return model.eval(), transformers.AutoModelForCausalLM.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("family", "more"),
    [("qwen3", {}), ("gpt2", {}), ("lfm2", {"heads": 4, "kv_heads": 2, "pattern": ["conv", "full"]})],
)
@pytest.mark.parametrize(("beams", "penalty", "ends"), [(2, 1.0, [7]), (4, 0.0, [7, 11]), (5, 2.0, []), (3, -1.0, [7])])
def test_a_search_finds_what_transformers_finds(tmp_path, family, more, beams, penalty, ends):
    model, other = both(tmp_path, family, **more)
    for prompt in ([1], [5, 9, 2, 33], list(range(20))):
        ids = torch.tensor([prompt])
        made = other.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, num_beams=beams, pad_token_id=0,
            num_return_sequences=beams, length_penalty=penalty, eos_token_id=ends or None, return_dict_in_generate=True,
            output_scores=True,
        )  # fmt: skip
        found = beam.search(model, prompt, 12, beams, ends, penalty)
        for line, worth, one in zip(made.sequences, made.sequences_scores, found, strict=True):
            said = line[len(prompt) :].tolist()
            cut = next((place for place, token in enumerate(said) if token in ends), 12)
            assert said[:cut] == one.ids and float(worth) == pytest.approx(one.worth, abs=1e-4)
            assert one.finish == ("stop" if cut < len(said) and cut < 12 else "length")


def test_a_whole_text_with_penalties_is_the_one_that_transformers_writes(tmp_path):
    model, other = both(tmp_path, "qwen3")
    prompt = [5, 9, 2, 33]
    engine = Engine(model)
    sampling = Sampling(temperature=0, repetition_penalty=1.4, logit_bias=((8, 2.0),))
    engine.add(Request(prompt, 30, sampling, frozenset({7}), min_tokens=6))
    ours = []
    while not engine.idle:
        ours += [event.token for event in engine.step()]
    ids = torch.tensor([prompt])
    made = other.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False, pad_token_id=0, eos_token_id=7,
        repetition_penalty=1.4, sequence_bias=[[[8], 2.0]], min_new_tokens=6,
    )  # fmt: skip
    assert made[0, len(prompt) :].tolist() == ours
