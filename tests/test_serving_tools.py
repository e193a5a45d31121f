"""Tools and forms over HTTP, as OpenAI's own client asks for them, streamed and not."""

import json
import random
import re
from typing import Literal

import pytest
import torch
from pydantic import BaseModel, Field

from groundup.generation.constrained import calls, forms
from groundup.generation.constrained.masks import Vocabulary
from groundup.model import folder
from groundup.serving.calling import Caller, message_of
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.templates import TEMPLATES
from groundup.tokenizer.tools import with_calls
from tests import model_example
from tests.serving_example import served

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {
            "type": "object",
            "properties": {"town": {"enum": ["Bern", "Köln"]}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
            "required": ["town", "days"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock"}}
HELLO = [{"role": "user", "content": "Hello"}]


def tool_model(path, template: str):
    """A model that says anything, with a template that has tools."""
    tokenizer = Tokenizer.train(model_example.TEXT * 20, 300, specials=chat.specials(template))
    model = model_example.model("qwen3 untied", 1, vocabulary=tokenizer.vocabulary, context=2048)
    with torch.no_grad():
        model.lm_head.weight[tokenizer.size :] = 0
    folder.save(path, model, tokenizer, template)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    models = {name: tool_model(place / name, name) for name in ("chatml", "llama3", "plain")}
    with served(models) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    openai = pytest.importorskip("openai")
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def fits(call) -> bool:
    arguments = json.loads(call.function.arguments)
    if call.function.name == "clock":
        return arguments == {}
    return (
        call.function.name == "weather" and arguments["town"] in ("Bern", "Köln") and arguments["days"] in range(1, 8)
    )


@pytest.mark.parametrize("model", ["chatml", "llama3"])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_call_that_must_come_fits_its_tool(client, model, choice):
    for seed in range(3):
        told = client.chat.completions.create(
            model=model, messages=HELLO, tools=[WEATHER, CLOCK], tool_choice=choice, seed=seed, max_tokens=900,
            parallel_tool_calls=False,
        ).choices[0]  # fmt: skip
        assert told.finish_reason == "tool_calls" and told.message.content is None
        (call,) = told.message.tool_calls
        assert fits(call) and call.id and (choice == "required" or call.function.name == "weather")


@pytest.mark.parametrize("model", ["chatml", "llama3"])
def test_a_streamed_call_is_the_call_that_comes_at_once(client, model):
    asked = {
        "model": model,
        "messages": HELLO,
        "tools": [WEATHER, CLOCK],
        "tool_choice": "required",
        "seed": 5,
        "max_tokens": 900,
    }
    asked["parallel_tool_calls"] = False
    whole = client.chat.completions.create(**asked).choices[0]
    found: list[dict] = []
    finish = None
    for chunk in client.chat.completions.create(**asked, stream=True):
        finish = chunk.choices[0].finish_reason or finish
        for call in chunk.choices[0].delta.tool_calls or ():
            if call.id:
                found.append({"name": call.function.name, "arguments": ""})
            found[call.index]["arguments"] += call.function.arguments
    assert finish == whole.finish_reason == "tool_calls"
    assert found == [call.function.model_dump(include={"name", "arguments"}) for call in whole.message.tool_calls]


def test_the_result_of_a_call_is_read_back(client):
    first = client.chat.completions.create(
        model="chatml", messages=HELLO, tools=[WEATHER], tool_choice="required", max_tokens=300, parallel_tool_calls=False
    ).choices[0]  # fmt: skip
    call = first.message.tool_calls[0]
    back = [*HELLO, first.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    told = client.chat.completions.create(model="chatml", messages=back, tools=[WEATHER], max_tokens=5)
    without = client.chat.completions.create(model="chatml", messages=back, max_tokens=5)
    assert told.usage.prompt_tokens > without.usage.prompt_tokens + 50  # the description of the tool
    assert told.choices[0].finish_reason in ("stop", "length")


def test_with_the_choice_none_the_model_hears_of_no_tool(client):
    asked = {"model": "chatml", "messages": HELLO, "max_tokens": 4, "seed": 1}
    none = client.chat.completions.create(**asked, tools=[WEATHER], tool_choice="none")
    assert none.usage.prompt_tokens == client.chat.completions.create(**asked).usage.prompt_tokens
    assert none.choices[0].message.tool_calls is None


def test_where_the_model_may_choose_text_stays_text(client):
    told = client.chat.completions.create(model="chatml", messages=HELLO, tools=[WEATHER], max_tokens=12, seed=2)
    plain = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(
            model="chatml", messages=HELLO, tools=[WEATHER], max_tokens=12, seed=2, stream=True
        )
    )
    assert told.choices[0].message.content == plain and told.choices[0].message.tool_calls is None


def test_an_answer_can_be_read_into_a_class(client):
    class Told(BaseModel):
        colour: Literal["red", "blue"]
        count: int = Field(ge=0, le=9)
        sure: bool | None

    told = client.chat.completions.parse(model="plain", messages=HELLO, response_format=Told, max_tokens=400, seed=3)
    assert isinstance(told.choices[0].message.parsed, Told)


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ({"guided_regex": "[a-z]{3}[0-9]"}, "[a-z]{3}[0-9]"),
        ({"guided_choice": ["yes", "no"]}, "yes|no"),
        ({"guided_json": {"enum": [1, 2]}}, "[12]"),
        ({"guided_json": '{"const": null}'}, "null"),
        ({"structured_outputs": {"regex": "x{2,4}y"}}, "x{2,4}y"),
        ({"structured_outputs": {"json": {"type": "boolean"}}}, "true|false"),
        ({"structured_outputs": {"choice": ["a b", "c"]}}, "a b|c"),
    ],
)
def test_forms_can_be_asked_for_in_the_words_of_vllm(server, asked, matches):
    chat_told = server.chat(model="plain", max_tokens=50, **asked)[1]["choices"][0]
    assert re.fullmatch(matches, chat_told["message"]["content"]) and chat_told["finish_reason"] == "stop"
    told = server.ask("/v1/completions", {"model": "plain", "prompt": "It is", "max_tokens": 50, **asked})[1][
        "choices"
    ][0]
    assert re.fullmatch(matches, told["text"])


def test_any_object_is_json(server):
    asked = {"response_format": {"type": "json_object"}, "max_tokens": 16}
    for seed in range(3):
        told = server.chat(model="plain", seed=seed, **asked)[1]["choices"][0]
        text = told["message"]["content"]
        assert text.startswith("{")
        assert told["finish_reason"] == "length" or isinstance(json.loads(text), dict)


def test_a_form_that_is_cut_off_says_length(server):
    told = server.chat(model="plain", guided_regex="[a-z]{400}", max_tokens=5)[1]["choices"][0]
    assert told["finish_reason"] == "length"


def test_penalties_and_biases_reach_the_model(server):
    asked = {"model": "plain", "prompt": "a", "max_tokens": 30, "temperature": 0, "logprobs": 0}
    told = [
        server.ask("/v1/completions", {**asked, **more})[1]["choices"][0]["logprobs"]["tokens"]
        for more in (
            {},
            {"presence_penalty": 2, "frequency_penalty": 2, "repetition_penalty": 9.0},
            {"logit_bias": {"97": 100}},
        )
    ]
    assert len(set(told[1])) > len(set(told[0])) or told[1] != told[0]
    assert set(told[2]) == {"a"}


def test_min_tokens_and_ignore_eos_hold_off_the_end(server):
    stop = server.ask("/tokenize", {"model": "plain", "messages": [{"role": "assistant", "content": "x"}]})[1]
    end = next(token for token, name in zip(stop["tokens"], stop["token_strs"], strict=True) if name == "<|end|>")
    asked = {"model": "plain", "prompt": "a", "max_tokens": 20, "logit_bias": {str(end): 100}}
    made = [
        server.ask("/v1/completions", {**asked, **more})[1]["usage"]["completion_tokens"]
        for more in ({}, {"min_tokens": 6}, {"ignore_eos": True})
    ]
    assert made == [1, 7, 20]


TOO_MUCH = [
    ({"guided_regex": "(a"}, "guided_regex"),
    ({"guided_regex": "a" * 9000}, "guided_regex"),
    ({"guided_choice": []}, "guided_choice"),
    ({"guided_choice": ["a"] * 2000}, "guided_choice"),
    ({"guided_json": "{"}, "guided_json"),
    ({"guided_json": {"type": "string", "minLength": 10**9}}, "guided_json"),
    ({"guided_json": {"not": {}}}, "guided_json"),
    ({"guided_regex": "a", "guided_choice": ["b"]}, "guided_choice"),
    ({"response_format": {"type": "json_schema"}}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"logit_bias": {"x": 1}}, "logit_bias"),
    ({"logit_bias": {"1": 101}}, "logit_bias"),
    ({"logit_bias": {"99999999": 1}}, "logit_bias"),
    ({"logit_bias": {str(token): 1 for token in range(301)}}, "logit_bias"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"repetition_penalty": 0}, "repetition_penalty"),
    ({"typical_p": 0}, "typical_p"),
    ({"min_tokens": -1}, "min_tokens"),
    ({"tools": [WEATHER] * 65}, "tools"),
    ({"tools": [WEATHER, WEATHER], "tool_choice": "required"}, "tools"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
    ({"tools": [{"type": "web_search"}]}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [CLOCK], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
    ({"messages": [{"role": "assistant"}]}, "messages"),
    (
        {
            "messages": [
                {"role": "user", "content": "a", "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}]}
            ]
        },
        "messages",
    ),
    ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": "["}}]}]}, "messages"),
]


@pytest.mark.parametrize(("asked", "param"), TOO_MUCH)
def test_what_cannot_be_held_is_refused_with_its_field(server, asked, param):
    status, told, _ = server.ask("/v1/chat/completions", {"model": "chatml", "messages": HELLO, **asked})
    assert status == 400 and told["error"]["param"].startswith(param), told


def test_a_template_without_a_form_for_tools_says_so(server):
    status, told, _ = server.chat(model="plain", tools=[CLOCK])
    assert status == 400 and "no form for tools" in told["error"]["message"]


@pytest.mark.parametrize("template", [name for name, form in TEMPLATES.items() if form.tools])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_written_answer_is_read_as_it_was_meant_however_it_is_cut(template, step):
    form = TEMPLATES[template].tools
    meant = [("weather", '{"town": "a}\\"{b", "n": {"m": 1}}'), ("clock", "{}")][: 2 if form.apart is not None else 1]
    content = "Let me see." if form.apart is not None else ""
    text = with_calls(template, content, meant)
    caller, said, found = Caller(form), "", []
    deltas = [delta for at in range(0, len(text), step) for delta in caller.push(text[at : at + step])] + caller.flush()
    for delta in deltas:
        said += delta.get("content", "")
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                found.append([call["function"]["name"], ""])
            found[call["index"]][1] += call["function"]["arguments"]
    assert said == content and [tuple(call) for call in found] == meant
    message, count = message_of(form, text)
    assert count == len(meant) and message["content"] == (content or None)


def walked(masks, begun: bytes, seed: int) -> tuple[str, bool]:
    """A text of random tokens that begins so, and whether it has its form."""
    chance, state, text = random.Random(seed), masks.automaton.after(masks.start(), begun), begun
    for _ in range(900):
        if masks.complete(state) or (masks.may_end(state) and chance.random() < 0.7):
            return text.decode(errors="replace"), True
        token = chance.choice(masks.allowed(state).nonzero()[:, 0].tolist())
        state, text = masks.after(state, token), text + masks.vocabulary.tokens[token]
    return text.decode(errors="replace"), False


@pytest.mark.parametrize("template", [name for name, form in TEMPLATES.items() if form.tools])
def test_once_a_call_is_opened_the_rest_is_calls(template):
    form, tokenizer = TEMPLATES[template].tools, model_example.tokenizer()
    vocabulary = Vocabulary.of(tokenizer, tokenizer.vocabulary)
    begun = b"Well.\n<tool_call>" if form.apart is not None else b'{"name": '
    free = forms.form(vocabulary, calls.by_text_or_call([WEATHER, CLOCK], form, True))
    bound = forms.form(vocabulary, calls.by_call([WEATHER, CLOCK], form, True))
    most = 0
    for masks, first in ((free, begun), (bound, b"")):
        for seed in range(12):
            text, whole = walked(masks, first, seed)
            assert whole, text
            message, count = message_of(form, text)
            most = max(most, count)
            assert count >= 1 and message["content"] == ("Well." if first.startswith(b"W") else None)
            for call in message["tool_calls"]:
                arguments = json.loads(call["function"]["arguments"])
                assert arguments == {} if call["function"]["name"] == "clock" else arguments["days"] in range(1, 8)
    assert most > 1 or form.apart is None


def test_text_that_opens_no_call_is_free():
    form, tokenizer = TEMPLATES["chatml"].tools, model_example.tokenizer()
    masks = forms.form(Vocabulary.of(tokenizer, tokenizer.vocabulary), calls.by_text_or_call([CLOCK], form, True))
    for text in (b"hello <tool_cal", b"<<<tool", b"\xff\xfe", b""):
        state = masks.automaton.after(masks.start(), text)
        assert state is not None and masks.may_end(state)
    assert masks.automaton.after(masks.start(), b"<tool_call>x") is None


@pytest.mark.parametrize("text", ["plain", '{"name"', "a <tool", "<tool_cal", "\n", '{"nam'])
def test_text_that_only_begins_like_a_call_is_text(text):
    for form in (TEMPLATES["chatml"].tools, TEMPLATES["llama3"].tools):
        assert message_of(form, text) == ({"role": "assistant", "content": text}, 0)
