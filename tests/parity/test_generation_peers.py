"""transformers writes the same tokens from a folder that we saved."""

import pytest
import torch
import transformers

from groundup.generation.batch import generate
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

PROMPTS = [[1], [5, 9, 2, 33], list(range(20)), [7] * 11]


@pytest.mark.parametrize("family", ["qwen3", "llama", "gpt2"])
def test_transformers_goes_on_as_we_do(tmp_path, family):
    model, generator = (
        Transformer(ModelSettings(family=family, depth=2, width=64, vocabulary=50, context=64)),
        torch.Generator(),
    )
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3, generator=generator.manual_seed(4))
    folder.save(tmp_path, model)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    ours = generate(model.eval(), PROMPTS, 24)
    for prompt, answer in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([prompt])
        made = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0
        )
        assert made[0, len(prompt) :].tolist() == answer.ids
