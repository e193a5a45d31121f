"""Conversations as tokens: their exact form, and what is refused."""

import pytest

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat

SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi!"},
]
FORMS = {
    "plain": "<|endoftext|><|system|> Be brief.<|end|><|user|> Hello<|end|><|assistant|> Hi!<|end|>",
    "chatml": "<|endoftext|><|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
    "<|im_start|>assistant\nHi!<|im_end|>\n",
    "llama3": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi!<|eot_id|>",
    "zephyr": "<s><|system|>\nBe brief.</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi!</s>\n",
    "alpaca": "<s>### System:\nBe brief.\n\n### Instruction:\nHello\n\n### Response:\nHi!</s>",
}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {}}}
CALL = {"id": "1", "type": "function", "function": {"name": "now", "arguments": '{"zone": "UTC"}'}}
USED = [
    {"role": "user", "content": "Time?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "content": "12:00"},
    {"role": "assistant", "content": "Noon."},
]
USES = {
    "chatml": "user\nTime?<|im_end|>\n"
    '<|im_start|>assistant\n<tool_call>\n{"name": "now", "arguments": {"zone": "UTC"}}\n</tool_call><|im_end|>\n'
    "<|im_start|>tool\n<tool_response>\n12:00\n</tool_response><|im_end|>\n<|im_start|>assistant\nNoon.<|im_end|>\n",
    "llama3": "user<|end_header_id|>\n\nTime?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    '{"name": "now", "parameters": {"zone": "UTC"}}<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n12:00<|eot_id|>'
    "<|start_header_id|>assistant<|end_header_id|>\n\nNoon.<|eot_id|>",
}


def made(template: str) -> Tokenizer:
    return Tokenizer.train("Hello there, be brief", 260, specials=chat.specials(template))


@pytest.mark.parametrize("template", FORMS)
def test_a_conversation_has_the_form_of_its_template(template):
    tokenizer = made(template)
    assert tokenizer.decode(chat.render(tokenizer, SAID, template).ids) == FORMS[template]


def test_every_template_has_a_form_here():
    assert set(FORMS) == set(chat.TEMPLATES)


@pytest.mark.parametrize("template", USES)
def test_calls_and_results_have_the_form_of_their_template(template):
    tokenizer = made(template)
    rendered = chat.render(tokenizer, USED, template)
    assert tokenizer.decode(rendered.ids).endswith(USES[template])
    close = chat.TEMPLATES[template].close
    said = tokenizer.decode(rendered.ids[rendered.answers])
    assert (
        said.endswith("Noon." + close) and said.count(close) == 2 and '"zone": "UTC"}' in said and "12:00" not in said
    )


@pytest.mark.parametrize("template", USES)
def test_tools_are_described_in_the_system_turn(template):
    tokenizer = made(template)
    alone = tokenizer.decode(chat.render(tokenizer, SAID[1:], template, tools=[TOOL]).ids)
    beside = tokenizer.decode(chat.render(tokenizer, SAID, template, tools=[TOOL]).ids)
    told = '{"type": "function", "function": {"name": "now", "parameters": {}}}'
    assert alone.count(told) == beside.count(told) == 1
    assert beside.index("Be brief.\n\n") < beside.index(told) < beside.index("Hello")
    assert beside.replace("Be brief.\n\n", "") == alone


@pytest.mark.parametrize("template", ["plain", "zephyr", "alpaca"])
@pytest.mark.parametrize("messages", [[USED[1]], [USED[2]], SAID])
def test_a_template_without_a_form_for_tools_refuses_them_by_name(template, messages):
    with pytest.raises(Problem, match=f"'{template}' has no form for tools: take one of chatml, llama3"):
        chat.render(made(template), messages, template, tools=[TOOL] if messages is SAID else [])


def test_a_message_of_llama3_is_text_or_one_call():
    for message in ({"content": "Wait.", "tool_calls": [CALL]}, {"content": None, "tool_calls": [CALL, CALL]}):
        with pytest.raises(Problem, match="one call and nothing else"):
            chat.render(made("llama3"), [{"role": "assistant"} | message], "llama3")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("now", "a call is written like"),
        ({"function": {"arguments": "{}"}}, "a call is written like"),
        ({"function": {"name": "now"}}, "arguments of 'now' are not a JSON object"),
        ({"function": {"name": "now", "arguments": "{"}}, "arguments of 'now' are not a JSON object"),
        ({"function": {"name": "now", "arguments": "[]"}}, "arguments of 'now' are not a JSON object"),
        ({"function": {"name": "now", "arguments": {"x": {1}}}}, "not JSON"),
    ],
)
def test_a_call_that_is_none_is_refused(call, expected):
    with pytest.raises(Problem, match=expected):
        chat.render(made("chatml"), [{"role": "assistant", "content": None, "tool_calls": [call]}], "chatml")


def test_only_the_assistant_calls():
    with pytest.raises(Problem, match="only the assistant calls tools"):
        chat.render(made("chatml"), [{"role": "user", "content": "", "tool_calls": [CALL]}], "chatml")


def test_a_tool_that_is_none_is_refused():
    with pytest.raises(Problem, match="a tool is described like"):
        chat.render(made("chatml"), SAID, "chatml", tools=[{"name": "now"}])


def test_the_separator_is_that_of_the_template_it_was_trained_for():
    names = {template: chat.separator(made(template)) for template in chat.TEMPLATES}
    assert names == {template: form.split("<|im_start|>")[0].split(">")[0] + ">" for template, form in FORMS.items()}
    bare = Tokenizer.train("abab", 257)
    assert chat.separator(bare) is None and chat.separator_ids(bare) == []


def test_a_template_is_guessed_from_control_tokens_and_never_from_text_alone():
    guessed = {template: chat.guessed(made(template)) for template in chat.TEMPLATES}
    assert guessed == {template: template for template in chat.TEMPLATES} | {"alpaca": None}


def test_a_reply_is_opened_for_the_assistant():
    tokenizer = made("plain")
    ids = chat.render(tokenizer, SAID[:2], reply=True).ids
    assert tokenizer.decode(ids).endswith("<|user|> Hello<|end|><|assistant|>")
    assert ids[-1] == tokenizer.specials["<|assistant|>"]


def test_a_first_word_is_the_same_token_as_inside_a_text():
    tokenizer = Tokenizer.train("One is Anna, one is Anna. " * 9, 290, specials=chat.specials("plain"))
    anna = tokenizer.encode(" Anna")
    assert len(anna) == 1
    rendered = chat.render(tokenizer, [{"role": "assistant", "content": "Anna"}])
    assert rendered.ids[2] == anna[0] and rendered.answers.tolist() == [False, False, True, True]
    assert [chat.lead(tokenizer, template) for template in ("plain", "chatml", None)] == [" ", "", ""]
    pieces = Tokenizer.train("One is Anna, one is Anna. " * 9, 60, kind="wordpiece", specials=chat.specials("chatml"))
    assert chat.lead(pieces, "chatml") == " "


def test_many_conversations_are_each_alone():
    tokenizer = made("plain")
    many = chat.render_many(tokenizer, [SAID, [], SAID[1:]])
    assert [one.ids.tolist() for one in many] == [
        chat.render(tokenizer, one).ids.tolist() for one in (SAID, [], SAID[1:])
    ]


def test_an_answer_ends_at_any_control_token_the_closing_one_first():
    tokenizer = made("plain")
    stops = chat.stop_ids(tokenizer, "plain")
    assert stops[0] == tokenizer.specials["<|end|>"] and set(stops) == set(tokenizer.specials.values())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "root", "content": "x"}, "system, user, assistant"),
        ({"role": "user"}, "a role and a text"),
        ({"role": "user", "content": None}, "a role and a text"),
        ({"content": "x"}, "None"),
        ({"role": "assistant", "tool_calls": []}, "a role and a text"),
        ("hello", "a role and a text"),
    ],
)
def test_a_message_that_is_none_is_refused(message, expected):
    with pytest.raises(Problem, match=expected):
        chat.render(made("plain"), [message])


def test_a_tokenizer_without_the_control_tokens_says_how_to_get_them():
    with pytest.raises(Problem, match="specials=chat.specials"):
        chat.render(Tokenizer.train("abab", 257), SAID)


def test_an_unknown_template_is_refused():
    with pytest.raises(Problem, match="plain, chatml"):
        chat.render(made("plain"), SAID, "llama9")
