"""A small C4: the recipe goes from web archives to packed tokens, from the invented internet or from somebody's pages."""

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest

from groundup import Tokenizer, make
from groundup.config import overrides
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.recipe import file

SMALL = {"town.megabytes": 0.2, "town.questions": 40, "town.dialogues": 10, "tokenizer.size": 400, "corpus.workers": 1}
TINY = {"base.training.rows": 2, "base.training.time": 16, "base.model.width": 32, "steps": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make("mini-c4", into=tmp_path_factory.mktemp("c4") / "made", **SMALL, **TINY)


def test_the_tokens_are_the_texts_that_were_kept(made):
    kept = [
        text
        for path in sorted((made / "corpus").glob("kept-*.parquet"))
        for text in parquet.read_table(path).column("text").to_pylist()
    ]
    tokenizer = Tokenizer.load(made / "tokens/tokenizer")
    told = [tokenizer.decode(Shards(made / "tokens" / side).tokens.astype(np.int64)) for side in ("train", "val")]
    assert sum(text in "".join(told) for text in kept) == len(kept) > 50


def test_the_funnel_takes_something_at_each_kind_of_step(made):
    table = json.loads((made / "corpus/table.json").read_text())
    assert {"c4", "language", "duplicate", "near_duplicate", "leak"} <= table["removed"].keys()
    assert table["redactions"].keys() >= {"email", "phone"}
    steps = [step["name"] for step in table["steps"]]
    assert (
        steps.index("c4") < steps.index("near_duplicate") < steps.index("repeated_paragraphs") < steps.index("redact")
    )


def test_the_report_tells_of_the_funnel_and_the_model_has_weights(made):
    page = (made / "report.html").read_text()
    assert "Near copies" in page and "came in and" in page
    assert (made / "model/model.safetensors").is_file()


def test_other_rules_and_other_pages_are_words_of_the_command_line(tmp_path):
    (tmp_path / "crawl").mkdir()
    (tmp_path / "asked.jsonl").write_text('{"question": "Who?"}\n')
    said = overrides([f"pages={tmp_path}/crawl/*.warc.gz", f"questions={tmp_path}/asked.jsonl", "profile=fineweb"])
    recipe = file.read("mini-c4", said)
    assert recipe.stages["corpus"].settings.profile == "fineweb"
    assert str(recipe.stages["corpus"].inputs["files.0"]) == f"{tmp_path}/crawl/*.warc.gz"
    assert "town" not in recipe.stages and recipe.stages["corpus"].needs == []
    assert "town" in file.read("mini-c4", overrides(["profile=fineweb"])).stages


def test_an_argument_that_leads_to_no_stage_is_a_sentence():
    with pytest.raises(Problem, match=r"corpus reads \$twon/pages .*did you mean town\?"):
        file.read("mini-c4", overrides(["pages=$twon/pages"]))
