"""Laws of conversations: whatever anybody says, control tokens stand where the template puts them and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer, chat

NAMES = sorted({name for template in chat.TEMPLATES for name in chat.specials(template)})
HALVES = [part for name in NAMES for part in (name[: len(name) // 2], name[len(name) // 2 :])]
TOKENIZERS = {
    name: Tokenizer.train(["<|user|> says <|end|> and user\nassistant\n"] * 9, 300, specials=chat.specials(name))
    for name in chat.TEMPLATES
}
contents = some.lists(some.sampled_from(NAMES + HALVES) | some.text(some.characters(exclude_categories=["Cs"]), max_size=8), max_size=6).map("".join)
messages = some.lists(some.fixed_dictionaries({"role": some.sampled_from(chat.ROLES), "content": contents}), max_size=5)


@pytest.mark.parametrize("template", chat.TEMPLATES)
@settings(max_examples=200, deadline=None)
@given(messages, some.booleans())
def test_control_tokens_are_the_templates_own(template, said, reply):
    tokenizer = TOKENIZERS[template]
    ids = chat.render(tokenizer, said, template, reply).ids
    assert np.count_nonzero(ids >= tokenizer.size) == 1 + 2 * len(said) + reply


@pytest.mark.parametrize("template", chat.TEMPLATES)
@settings(max_examples=200, deadline=None)
@given(messages)
def test_the_mask_marks_what_the_assistant_said_and_its_end(template, said):
    tokenizer = TOKENIZERS[template]
    made = chat.render(tokenizer, said, template)
    marked = tokenizer.decode(made.ids[made.answers])
    lead, close = chat.lead(template), chat.TEMPLATES[template].close
    assert marked == "".join(lead + message["content"] + close for message in said if message["role"] == "assistant")


@pytest.mark.parametrize("template", chat.TEMPLATES)
@settings(max_examples=100, deadline=None)
@given(messages)
def test_a_reply_goes_on_where_training_did(template, said):
    """The prompt that is served is the beginning of the conversation that was trained on."""
    tokenizer = TOKENIZERS[template]
    prompt = chat.render(tokenizer, said, template, reply=True).ids
    whole = chat.render(tokenizer, [*said, {"role": "assistant", "content": "Yes."}], template).ids
    assert prompt.tolist() == whole[: len(prompt)].tolist()
