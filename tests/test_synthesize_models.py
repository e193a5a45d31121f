"""Made data by our own models: behind our own server, and in a folder without one. What they say is nonsense, and held back or not."""

import asyncio
import json

import pytest

from groundup import generation
from groundup.data.synthetic.endpoint import Endpoint
from groundup.data.synthetic.speaker import Sampling, Silent
from groundup.generation.speaking import Speaking
from tests import serving_example
from tests.synthetic_example import document, lines, make, settings, write_corpus

ANYTHING = {"screens.grounded": 0.0, "screens.shortest": 1, "screens.longest": 100_000, "max_tokens": 12}
TOLD = [{"role": "user", "content": document(3)}]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("model"), context=1024)


def everything(folder):
    """Kept and removed, by id: the model never ends by itself, so most is cut off."""
    found = lines(folder / "texts" / "train.jsonl") + lines(folder / "removed" / "removed.jsonl")
    return {told["id"]: told for told in found}


def asked(tmp_path, **values):
    words = {"kind": "rewrite", "corpus": str(write_corpus(tmp_path / "corpus", 3)), "count": 3, "styles": ["plain"]}
    return settings(**words, **ANYTHING, **values)


@pytest.mark.parametrize("where", ["folder", "server"])
def test_our_own_models_write(tmp_path, model, where):
    from groundup.errors import Problem

    if where == "folder":
        with pytest.raises(Problem, match="nothing is left of 3 answers: 3 cut off"):
            make(tmp_path / "out", asked(tmp_path, **{"model.folder": str(model)}))
    else:
        with serving_example.served({"tiny": model}) as server:
            with pytest.raises(Problem, match="nothing is left of 3 answers: 3 cut off"):
                make(tmp_path / "out", asked(tmp_path, **{"model.url": server.url, "model.name": "tiny"}))
    removed = lines(tmp_path / "out.partial" / "removed" / "removed.jsonl")
    assert len(removed) == 3 and all(told["reason"] == "cut off" and told["text"] for told in removed)
    calls = [json.loads(line)["said"] for line in (tmp_path / "out.partial" / "answers.jsonl").read_text().splitlines()]
    assert all(call[0]["tokens"] == 12 and call[0]["prompt_tokens"] > 50 for call in calls)


def test_a_model_answers_the_same_alone_and_among_others_and_as_its_server_does(model):
    speaking = Speaking(generation.load(model), "tiny")
    sampling = Sampling(temperature=1.0, max_tokens=8)

    async def together():
        return await asyncio.gather(*(speaking.say(TOLD, sampling, seed) for seed in range(3)))

    many = asyncio.run(together())
    alone = [asyncio.run(speaking.say(TOLD, sampling, seed)) for seed in range(3)]
    assert many == alone and len({said.text for said in many}) == 3
    with serving_example.served({"tiny": model}) as server:
        endpoint = Endpoint(server.url, "tiny")
        served = [asyncio.run(endpoint.say(TOLD, sampling, seed)) for seed in range(3)]
    assert [(said.text.strip(), said.finish, said.prompt_tokens, said.tokens) for said in served] == [
        (said.text, said.finish, said.prompt_tokens, said.tokens) for said in many
    ]


def test_a_prompt_longer_than_the_model_reads_gets_no_answer(model):
    speaking = Speaking(generation.load(model), "tiny")
    with pytest.raises(Silent, match="the model reads 1024"):
        asyncio.run(speaking.say([{"role": "user", "content": document(1) * 30}], Sampling(max_tokens=4), 1))
