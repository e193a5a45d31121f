"""Canaries: secrets among the documents of a training, and how much of them a model knows by heart afterwards."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from torch.nn import functional as F

from groundup import config, generation, hardware, run
from groundup.data.synthetic.canaries import Canaries, CanarySettings, alternatives, read
from groundup.data.tokens.shards import Shards
from groundup.data.tokens.split import WHOLE, place
from groundup.errors import Problem
from groundup.evaluation.exposure import by_repeats, exposure, exposures
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.stages import tokens
from groundup.tokenizer import Tokenizer, chat

TEXTS = [
    f"Document {n}: the {w} was {c} in year {n % 9}." for n in range(60) for w, c in (("mill", "red"), ("barn", "old"))
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus and its tokenizer."""
    place = tmp_path_factory.mktemp("canaries")
    (place / "corpus").mkdir()
    parquet.write_table(pa.table({"text": TEXTS}), place / "corpus" / "kept-00000.parquet")
    Tokenizer.train(TEXTS + ["0123456789 The code is"], 300, specials=chat.specials()).save(place / "tokenizer")
    return place


def encoded(made, name, **values):
    asked = {"corpus": str(made / "corpus"), "tokenizer": str(made / "tokenizer"), "validation": 0.3, **values}
    stage = run.stage(made / name, "tokens", config.build(tokens.Settings, asked), version=tokens.VERSION)
    return run.perform(stage, tokens.run, hardware.look())


def documents(folder, side, tokenizer):
    shards = Shards(folder / side)
    return [tokenizer.decode(shards.document(i)[1:]) for i in range(shards.documents)]


def test_canaries_stand_in_the_training_side_alone_as_often_as_asked(made):
    words = Tokenizer.load(made / "tokenizer")
    plain = encoded(made, "plain")
    folder = encoded(
        made, "secret", canaries={"count": 3, "repeats": [1, 4], "format": "The code is {secret}!", "digits": 6}
    )
    canaries, train = read(folder), documents(folder, "train", words)
    assert len({canary.secret for canary in canaries}) == 6
    assert [train.count(canary.text) for canary in canaries] == [1, 1, 1, 4, 4, 4]
    assert [text for text in train if not text.startswith("The code")] == documents(plain, "train", words)
    assert documents(folder, "val", words) == documents(plain, "val", words)
    assert not (plain / "canaries.jsonl").exists()


def test_a_canary_stands_where_its_line_says(made):
    canaries = Canaries(CanarySettings.model_validate({"count": 2, "repeats": [3]}), len(TEXTS), 0)
    stream = list(canaries.through(TEXTS, str))
    for canary in canaries.all:
        before = [sum(text in TEXTS for text in stream[:at]) for at, text in enumerate(stream) if text == canary.text]
        assert before == canary.places
    assert len(set(canaries.all[0].places)) > 1


def test_secrets_are_drawn_until_they_are_learnt_from():
    half = Canaries(CanarySettings.model_validate({"count": 40, "repeats": [1]}), 10, WHOLE // 2)
    assert all(place(canary.text) >= WHOLE // 2 for canary in half.all)


def test_canaries_hang_on_their_own_seed_alone():
    def made(seed):
        return Canaries(CanarySettings.model_validate({"count": 2, "seed": seed}), 50, 0).all

    assert made(1) == made(1) and made(1)[0].secret != made(2)[0].secret


def test_fewer_documents_than_was_said_lose_no_canary():
    canaries = Canaries(CanarySettings.model_validate({"count": 5, "repeats": [10]}), 1000, 0)
    assert sum(text not in TEXTS for text in canaries.through(TEXTS[:3], str)) == 50


def test_documents_that_are_bytes_get_canaries_that_are():
    canaries = Canaries(CanarySettings.model_validate({"count": 5, "repeats": [10]}), 100, 0)
    as_bytes = canaries.through([text.encode() for text in TEXTS], str.encode)
    assert [text.decode() for text in as_bytes] == list(canaries.through(TEXTS, str))


def test_a_format_without_a_place_for_the_secret_is_refused():
    with pytest.raises(Problem, match="must have {secret} in it"):
        config.build(CanarySettings, {"format": "no place"})


def test_alternatives_are_others_each_once_and_the_same_each_time():
    (canary,) = Canaries(CanarySettings.model_validate({"count": 1, "repeats": [1], "digits": 3}), 9, 0).all
    found = alternatives(canary, 5000)
    assert len(found) == len(set(found)) == 999 and canary.secret not in found
    assert alternatives(canary, 20) == alternatives(canary, 20)


@pytest.mark.parametrize(
    ("losses", "bits"),
    [([1, 2, 3, 4], 2), ([9, 2, 3, 4], 0), ([3, 2, 1, 4], math.log2(4 / 3)), ([1, 1, 1], math.log2(3 / 2))],
)
def test_exposure_is_the_place_of_the_true_secret_in_bits(losses, bits):
    assert exposure(losses) == pytest.approx(bits)


def test_a_model_that_never_saw_a_secret_finds_it_as_likely_as_others():
    chance = np.random.default_rng(1)
    average = np.mean([exposure(chance.random(1024).tolist()) for _ in range(400)])
    assert average == pytest.approx(1 / math.log(2), abs=0.25)


def test_exposure_rises_with_the_times_a_secret_was_read(tmp_path, one_thread):
    """A small model reads 250 documents once, among them secrets once, ten and a hundred times."""
    settings = CanarySettings.model_validate(
        {"count": 2, "repeats": [1, 10, 100], "format": "code {secret}", "digits": 6}
    )
    canaries = Canaries(settings, 30, 0)
    texts = list(canaries.through(TEXTS[:30], str))
    words = Tokenizer.train(["code 0123456789", *TEXTS[:30]], 270, specials=chat.specials())
    start = words.specials[chat.SEPARATOR]
    torch.manual_seed(1)
    made = Transformer(ModelSettings(depth=2, width=64, hidden=128, heads=2, context=64, vocabulary=words.vocabulary))
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.004)
    for at in range(0, len(texts), 2):
        rows = [[start, *words.encode(text).tolist()] for text in texts[at : at + 2]]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [start] * (longest - len(row)) for row in rows])
        optimizer.zero_grad()
        F.cross_entropy(made(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
    folder.save(tmp_path / "model", made, words, "plain")
    subject = generation.load(tmp_path / "model")
    told = by_repeats(canaries.all, exposures(subject, canaries.all, 255), 255)
    means = [told["repeats"][repeats]["mean"] for repeats in ("1", "10", "100")]
    assert told["possible"] == 8.0
    assert means[0] < means[1] <= means[2] and means[2] > 6 and means[0] < 4, means
    assert json.loads(json.dumps(told)) == told


def test_more_secrets_than_anybody_could_miss_are_refused():
    with pytest.raises(Problem, match="could be guessed"):
        config.build(CanarySettings, {"count": 40, "digits": 3})
