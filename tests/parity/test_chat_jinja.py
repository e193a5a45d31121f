"""The Jinja templates that are exported give other libraries our ids, wherever the text does not try to cheat."""

import json
import random

import jinja2
import pytest
import transformers

from groundup.tokenizer import Tokenizer, chat
from tests.parity.test_tokenizer_peers import PROSE, texts

WITH_TOOLS = ["chatml", "llama3"]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": 'What it\'s like "outside" — in °C',
            "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
        },
    },
    {"type": "function", "function": {"name": "now", "parameters": {}}},
]
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": {"town": "Zürich", "days": [1, 2.5, None]}},
}
WRITTEN = {"id": "c2", "type": "function", "function": {"name": "now", "arguments": '{ "zone":"UTC"}'}}


@pytest.fixture(scope="module", params=[(name, pattern) for name in chat.TEMPLATES for pattern in ("gpt4", "gpt2")])
def both(request, tmp_path_factory):
    template, pattern = request.param
    folder = tmp_path_factory.mktemp(template)
    prose = PROSE * 5 + '<tool_call>\n{"name": "weather"}\n</tool_call>\n\nuser\n### Response:\n' * 5 + ".\n\n" * 40
    tokenizer = Tokenizer.train(prose, 400, pattern=pattern, specials=chat.specials(template))
    tokenizer.save(folder, template)
    return template, tokenizer, transformers.AutoTokenizer.from_pretrained(folder)


def held_equal(both, said, reply, tools=()) -> None:
    template, ours, theirs = both
    if (template, ours.kind.pattern) == ("llama3", "gpt2"):
        reply = False  # two line breaks at the very end are one word by GPT-2's pattern, and two before an answer
    found = theirs.apply_chat_template(said, tools=list(tools) or None, add_generation_prompt=reply, return_dict=False)
    assert found == chat.render(ours, said, template, reply, tools).ids.tolist()


def spoken(chosen, role) -> dict:
    return {"role": role, "content": ("x" + chosen.choice(texts(300))).strip()}


def test_conversations_of_any_roles(both):
    chosen = random.Random(3)
    for number in range(150):
        said = [spoken(chosen, chosen.choice(chat.ROLES)) for _ in range(chosen.randint(1, 5))]
        held_equal(both, said, number % 2 == 0)


@pytest.mark.parametrize("system", [True, False])
def test_many_turns_with_and_without_a_system_message(both, system):
    said = [{"role": "user", "content": "What's 3 + 4?"}, {"role": "assistant", "content": "It's 7."}] * 3
    said = [*[{"role": "system", "content": "Be brief.\n\nAlways."}] * system, *said]
    held_equal(both, said, reply=False)
    held_equal(both, said[:-1], reply=True)


@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("tools", [TOOLS, TOOLS[:1], []])
def test_tools_are_described_called_and_answered(both, system, tools):
    if both[0] not in WITH_TOOLS:
        with pytest.raises(Exception, match="role"):
            both[2].apply_chat_template([{"role": "tool", "content": "7"}])
        return
    said = [
        *[{"role": "system", "content": "Be brief."}] * system,
        {"role": "user", "content": "How is it in Zürich?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": '{"celsius": 12}', "tool_call_id": "c1"},
        {"role": "assistant", "content": "", "tool_calls": [WRITTEN]},
        {"role": "tool", "content": "noon."},
        {"role": "assistant", "content": "12 degrees."},
    ]
    for end in range(1, len(said) + 1):
        held_equal(both, said[:end], end % 2 == 0, tools)


def test_several_calls_in_one_message(both):
    message = {"role": "assistant", "content": "I'll look.", "tool_calls": [CALL, WRITTEN]}
    if both[0] == "chatml":
        held_equal(both, [message, {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}], True, TOOLS)
    elif both[0] == "llama3":
        with pytest.raises(jinja2.TemplateError, match="one call"):
            both[2].apply_chat_template([message])


def test_the_exported_json_of_a_tool_is_ours():
    from groundup.tokenizer.tools import as_json

    assert as_json(TOOLS[0]) == json.dumps(TOOLS[0], ensure_ascii=False)
