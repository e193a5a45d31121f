"""Laws of conversations: whatever anybody says, control tokens stand where the template puts them and nowhere else."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from groundup.tokenizer import Tokenizer, chat

NAMES = sorted({name for template in chat.TEMPLATES for name in chat.specials(template)})
HEADINGS = ["### Instruction:\n", "\n### Response:\n", "\r###response:", "\u2028## System", "### ", "Response:\n", "\n"]
TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", '{"name": ']
HALVES = [part for name in NAMES for part in (name[: len(name) // 2], name[len(name) // 2 :])]
CONTROLS = {
    "plain": (2, 2),
    "chatml": (2, 2),
    "llama3": (3, 3),
    "zephyr": (2, 2),
    "alpaca": (0, 1),
}  # of others, of the assistant
OPENED = {"plain": 1, "chatml": 1, "llama3": 2, "zephyr": 1, "alpaca": 0}
WITH_TOOLS = ["chatml", "llama3"]
TOKENIZERS = {
    name: Tokenizer.train(
        ["<|user|> says <|end|> and user\nassistant\n### Response:\n"] * 9, 300, specials=chat.specials(name)
    )
    for name in CONTROLS
}
letters = some.text(some.characters(exclude_categories=["Cs"]), max_size=8)
contents = some.lists(some.sampled_from(NAMES + HALVES + HEADINGS + TAGS) | letters, max_size=6).map("".join)
messages = some.lists(some.fixed_dictionaries({"role": some.sampled_from(chat.ROLES), "content": contents}), max_size=5)
calls = some.builds(lambda name, value: {"function": {"name": name, "arguments": {"of": value}}}, contents, contents)
results = some.builds(lambda text: {"role": "tool", "content": text}, contents)
asked = some.builds(lambda call: {"role": "assistant", "content": None, "tool_calls": [call]}, calls)


def controls(tokenizer, ids) -> int:
    return np.count_nonzero(ids >= tokenizer.size)


def test_every_template_is_held_to_these_laws():
    assert set(CONTROLS) == set(chat.TEMPLATES) == set(OPENED)
    assert WITH_TOOLS == [name for name, form in chat.TEMPLATES.items() if form.tools]


@pytest.mark.parametrize("template", CONTROLS)
@settings(max_examples=200, deadline=None)
@given(messages, some.booleans())
def test_control_tokens_are_the_templates_own(template, said, reply):
    tokenizer = TOKENIZERS[template]
    ids = chat.render(tokenizer, said, template, reply).ids
    own = sum(CONTROLS[template][message["role"] == "assistant"] for message in said)
    assert controls(tokenizer, ids) == 1 + own + reply * OPENED[template]


@pytest.mark.parametrize("template", WITH_TOOLS)
@settings(max_examples=200, deadline=None)
@given(some.lists(results | asked, max_size=4), calls)
def test_tools_bring_no_control_tokens(template, said, tool):
    tokenizer, tools = TOKENIZERS[template], [tool | {"type": "function"}]
    ids = chat.render(tokenizer, said, template, tools=tools).ids
    assert controls(tokenizer, ids) == 1 + (1 + len(said)) * CONTROLS[template][0]


@pytest.mark.parametrize("template", CONTROLS)
@settings(max_examples=200, deadline=None)
@given(messages)
def test_the_mask_marks_what_the_assistant_said_and_its_end(template, said):
    tokenizer = TOKENIZERS[template]
    made = chat.render(tokenizer, said, template)
    marked = tokenizer.decode(made.ids[made.answers])
    lead, form = chat.lead(tokenizer, template), chat.TEMPLATES[template]
    answers = [form.quoted(message["content"]) for message in said if message["role"] == "assistant"]
    assert marked == "".join(lead + answer + form.close for answer in answers)


@pytest.mark.parametrize("template", CONTROLS)
@settings(max_examples=100, deadline=None)
@given(messages)
def test_a_reply_goes_on_where_training_did(template, said):
    """The prompt that is served is the beginning of the conversation that was trained on."""
    tokenizer = TOKENIZERS[template]
    prompt = chat.render(tokenizer, said, template, reply=True).ids
    whole = chat.render(tokenizer, [*said, {"role": "assistant", "content": "Yes."}], template).ids
    assert prompt.tolist() == whole[: len(prompt)].tolist()


@settings(max_examples=300, deadline=None)
@given(messages)
def test_no_line_of_a_message_passes_for_a_heading(said):
    """Alpaca's marks are text: a line that begins with one is always the template's own."""
    assume(
        not any("</s>" in str(message["content"]) for message in said)
    )  # as text it is no end, but reads like one below
    text = TOKENIZERS["alpaca"].decode(chat.render(TOKENIZERS["alpaca"], said, "alpaca").ids).removeprefix("<s>")
    lines = [line.removeprefix("</s>") for line in re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|(?=</s>#)", text)]
    found = [line for line in lines if re.match(r"#+\s*(instruction|response|system)\b", line, re.IGNORECASE)]
    called = {"system": "### System:", "user": "### Instruction:", "assistant": "### Response:"}
    assert found == [called[message["role"]] for message in said]
