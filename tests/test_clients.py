"""The clients that people use, each through the same conversation: a system's word, three turns, streamed and not, errors, counts.

What the served model says is what the same model says without a server, so a client that lost or doubled a word would be found.
"""

import json
import subprocess
import sys

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAI

import groundup
from tests import serving_example

KEY = "key-of-the-clients"
SYSTEM = "You answer in few words."
TURNS = ["Hello, who are you?", "What is 7 + 5?", "Naïve — 日本語 \U0001f600, and <|end|> of it?"]
FIXED = {"temperature": 0.7, "seed": 11}
TOKENS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "model", context=1024)


@pytest.fixture(scope="module")
def server(folder):
    with serving_example.served({"model": folder}, door={"key": KEY}) as server:
        yield server


@pytest.fixture(scope="module")
def expected(folder) -> list[str]:
    """The answers to each turn, by the model alone."""
    lm, said, answers = groundup.load(folder), [{"role": "system", "content": SYSTEM}], []
    for turn in TURNS:
        said.append({"role": "user", "content": turn})
        answers.append(lm.chat(said, max_tokens=TOKENS, **FIXED))
        said.append({"role": "assistant", "content": answers[-1]})
    return answers


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def chain(server):
    def make(**more) -> ChatOpenAI:
        return ChatOpenAI(
            base_url=server.url + "/v1", api_key=KEY, model="model", max_tokens=TOKENS, max_retries=0, **FIXED, **more
        )

    return make


@pytest.mark.parametrize("streamed", [False, True])
def test_openai_holds_the_conversation(client, expected, streamed):
    said = [{"role": "system", "content": SYSTEM}]
    for turn, answer in zip(TURNS, expected, strict=True):
        said.append({"role": "user", "content": turn})
        told = client.chat.completions.create(model="model", messages=said, max_tokens=TOKENS, stream=streamed, **FIXED)
        if streamed:
            chunks = list(told)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert chunks[-1].choices[0].finish_reason == "length"
        else:
            text = told.choices[0].message.content
            assert told.usage.completion_tokens == TOKENS and told.choices[0].finish_reason == "length"
        assert text == answer
        said.append({"role": "assistant", "content": text})


def test_openais_asynchronous_client_holds_it_too(server, expected):
    import asyncio

    async def talk() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key=KEY, max_retries=0) as client:
            said, answers = [{"role": "system", "content": SYSTEM}], []
            for turn in TURNS:
                said.append({"role": "user", "content": turn})
                stream = await client.chat.completions.create(
                    model="model", messages=said, max_tokens=TOKENS, stream=True, **FIXED
                )
                answers.append("".join([chunk.choices[0].delta.content or "" async for chunk in stream]))
                said.append({"role": "assistant", "content": answers[-1]})
            return answers

    assert asyncio.run(talk()) == expected


@pytest.mark.parametrize("streamed", [False, True])
def test_langchain_holds_the_conversation(chain, expected, streamed):
    model, said = chain(stream_usage=streamed), [SystemMessage(SYSTEM)]
    for turn, answer in zip(TURNS, expected, strict=True):
        said.append(HumanMessage(turn))
        if streamed:
            pieces = list(model.stream(said))
            assert len(pieces) > 3, "it came in one piece"
            whole = pieces[0]
            for piece in pieces[1:]:
                whole = whole + piece
        else:
            whole = model.invoke(said)
        assert whole.content == answer and whole.response_metadata["finish_reason"] == "length"
        assert whole.usage_metadata["output_tokens"] == TOKENS and whole.usage_metadata["input_tokens"] > 10
        said.append(AIMessage(whole.content))


def test_langchain_asks_several_at_once(chain, expected):
    first = [SystemMessage(SYSTEM), HumanMessage(TURNS[0])]
    assert [told.content for told in chain().batch([first] * 4)] == [expected[0]] * 4


def test_langchain_completes_texts(server, folder):
    model = OpenAI(base_url=server.url + "/v1", api_key=KEY, model="model", max_tokens=12, temperature=0, seed=3)
    expected = groundup.load(folder).generate("The cat", max_tokens=12, temperature=0, seed=3)
    assert model.invoke("The cat") == expected == "".join(model.stream("The cat"))


def test_langchain_reads_log_probabilities(chain):
    told = chain(logprobs=True, top_logprobs=2).invoke([HumanMessage(TURNS[0])])
    content = told.response_metadata["logprobs"]["content"]
    assert len(content) == TOKENS and all(len(each["top_logprobs"]) == 2 and each["logprob"] <= 0 for each in content)


def test_both_clients_hear_why_not(server, client, chain):
    wrong = openai.OpenAI(base_url=server.url + "/v1", api_key="another", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.models.list()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="model", messages=[{"role": "user", "content": "1 " * 3000}])
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="context_length|at most"):
        chain().invoke([HumanMessage("1 " * 3000)])
    with pytest.raises(openai.NotFoundError):
        chain().invoke([HumanMessage("Hello")], model="gpt-4")


def test_a_client_that_leaves_within_a_stream_frees_its_place(server, client):
    headers = {"authorization": f"Bearer {KEY}"}
    stream = client.chat.completions.create(
        model="model", messages=[{"role": "user", "content": "Hello"}], max_tokens=900, stream=True
    )
    next(iter(stream))
    stream.close()

    def running() -> bool:
        return 'groundup:num_requests_running{model_name="model"} 0' in server.ask("/metrics", headers=headers)[1]

    server.until(running)


def test_the_load_command_drives_our_server(server, tmp_path):
    words = ["load", server.url, "--users", "4", "--requests", "12", "--words", "4-8", "--tokens", "8", "--json"]
    told = subprocess.run(
        [sys.executable, "-m", "groundup", *words, "--key", KEY], capture_output=True, text=True, check=True
    )
    (run,) = json.loads(told.stdout)["runs"]
    assert run["answered"] == 12 and run["errors"] == {} and run["tokens"] == 12 * 8 and run["first_token"]["p99"] > 0
