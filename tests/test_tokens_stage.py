"""The tokens stage: corpora of anybody's, held out parts, kills, full disks, and the files of other people."""

import gzip
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from groundup.data.documents import HASH, HASHED
from groundup.data.tokens import foreign
from groundup.data.tokens.corpora import Corpora, ahead, in_blocks
from groundup.data.tokens.shards import Shards, Writer
from groundup.data.tokens.split import WHOLE, limit, place
from groundup.errors import OutOfSpace, Problem
from groundup.tokenizer import Tokenizer
from tests.tokens_example import make

TEXTS = [
    f"Story {n}: the {'red blue green'.split()[n % 3]} boat sails {n * 7} miles. " * (n % 5 + 1) for n in range(120)
]
TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    Tokenizer.train(TEXTS, 300, specials=["<|endoftext|>"]).save(folder)
    return folder


def columns(path: Path, texts: list[str], name: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({name: texts}), path)
    return path


def held(folder: Path) -> dict[str, list[str]]:
    """The texts of both sides, in order; every document stands behind its separator."""
    known, found = Tokenizer.load(folder / "tokenizer"), {}
    for side in ("train", "val"):
        shards = Shards(folder / side)
        shards.verify()
        documents = [shards.document(number) for number in range(shards.documents)]
        assert all(ids[0] == known.specials["<|endoftext|>"] for ids in documents)
        found[side] = [known.decode(ids[1:]) for ids in documents]
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for side in ("train", "val") for p in (folder / side).iterdir()
    }


def test_corpora_of_anybody_s_files_are_read_in_order(tmp_path, tokenizer):
    columns(tmp_path / "web" / "b.parquet", TEXTS[20:40])
    columns(tmp_path / "web" / "a.parquet", TEXTS[:20])
    with gzip.open(tmp_path / "more.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"text": text, "id": n}) + "\n" for n, text in enumerate(TEXTS[40:]))
    made = make(tmp_path / "out", [str(tmp_path / "web"), str(tmp_path / "more.jsonl.gz")], tokenizer, validation=0.2)
    found = held(made)
    border = limit(map(place, TEXTS), 0.2, "")
    assert found["train"] == [text for text in TEXTS if place(text) >= border]
    assert found["val"] == [text for text in TEXTS if place(text) < border] != []


def test_another_column_is_read_where_it_is_named(tmp_path, tokenizer):
    columns(tmp_path / "a.parquet", TEXTS, "content")
    with pytest.raises(Problem, match=r"no column 'text' of texts; it has content: name one with column="):
        make(tmp_path / "out", [str(tmp_path / "a.parquet")], tokenizer)
    made = make(tmp_path / "out", [str(tmp_path / "a.parquet")], tokenizer, column="content")
    assert sum(map(len, held(made).values())) == len(TEXTS)


def test_a_line_without_a_text_is_named(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"body": "two"}\n')
    with pytest.raises(Problem, match=r"a.jsonl, 2: no text under 'text'"):
        make(tmp_path / "out", [str(tmp_path / "a.jsonl")], tokenizer)


def test_a_folder_without_texts_says_what_to_give(tmp_path, tokenizer):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match=r"no kept-\*.parquet, and no Parquet or JSON lines"):
        make(tmp_path / "out", [str(tmp_path / "empty")], tokenizer)


@pytest.mark.parametrize("skip", [0, 7, 20, 25, 59])
def test_reading_may_begin_at_any_document(tmp_path, skip):
    columns(tmp_path / "a.parquet", TEXTS[:20])
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS[20:40]))
    columns(tmp_path / "c.parquet", TEXTS[40:60])
    corpora = Corpora([str(tmp_path)])
    found = [text.decode() for texts, _ in in_blocks(corpora.placed(skip), 300) for text in texts]
    assert found == [text.decode() for text in corpora.documents(skip)] == TEXTS[skip:60]


def test_places_that_the_corpus_stage_wrote_are_taken_and_nobody_else_s(tmp_path):
    """A column of that name is only believed where it says that it is ours, and beside the texts it is of."""
    marked = pa.field(HASH, pa.uint64(), metadata=HASHED)
    for name, field in (("ours", marked), ("theirs", marked.remove_metadata())):
        schema = pa.schema([("text", pa.string()), ("title", pa.string()), field])
        parquet.write_table(pa.table([["a", "b"], ["c", "d"], [7, WHOLE - 1]], schema=schema), tmp_path / f"{name}.parquet")
    assert list(Corpora([str(tmp_path / "ours.parquet")]).placed()) == [(b"a", 7), (b"b", WHOLE - 1)]
    assert list(Corpora([str(tmp_path / "theirs.parquet")]).placed()) == [(b"a", place("a")), (b"b", place("b"))]
    assert list(Corpora([str(tmp_path / "ours.parquet")], "title").placed()) == [(b"c", place("c")), (b"d", place("d"))]


def test_the_border_of_the_held_out_texts_is_found_before_all_are_read():
    seen = []
    border = limit((seen.append(text) or place(text) for text in TEXTS), 0.2, "")
    assert border == int(0.2 * WHOLE) and len(seen) < len(TEXTS)
    assert limit(map(place, TEXTS), 1e-12, "") == min(map(place, TEXTS)) + 1


def test_items_drawn_ahead_are_the_items_and_so_is_what_goes_wrong():
    def broken():
        yield from range(5)
        raise ValueError("no more")

    assert list(ahead(iter(range(100)))) == list(range(100))
    found = []
    with pytest.raises(ValueError, match="no more"):
        for item in ahead(broken()):
            found.append(item)
    assert found == list(range(5))


def test_killed_at_any_moment_it_ends_in_the_same_bytes(tmp_path, tokenizer):
    corpus, dice = columns(tmp_path / "a.parquet", TEXTS * 6), random.Random(2)
    whole = make(tmp_path / "whole", [str(corpus)], tokenizer, file_megabytes=1)
    program = [
        sys.executable,
        str(TOP / "tests" / "tokens_example.py"),
        str(tmp_path / "out"),
        str(corpus),
        str(tokenizer),
    ]
    environment = os.environ | {"PYTHONPATH": str(TOP)}
    noted = tmp_path / "out.partial" / "so-far.json"
    kills, last = [], 0
    while len(kills) < 2:
        process = subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (noted.exists() and json.loads(noted.read_text())["documents"] > last):
            time.sleep(0.005)
        time.sleep(dice.random() * 0.05)
        process.kill()
        process.wait(timeout=60)
        if not noted.exists():  # it was quicker
            break
        kills.append(json.loads(noted.read_text())["documents"])
        last = kills[-1] + 60
    assert kills and all(0 < documents < 6 * len(TEXTS) for documents in kills)
    subprocess.run(program, env=environment, check=True, timeout=120)
    assert files(tmp_path / "out") == files(whole)


def test_a_full_disk_is_a_sentence_and_what_is_written_is_kept(tmp_path, tokenizer):
    corpus, before = columns(tmp_path / "a.parquet", TEXTS * 40), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(OutOfSpace, match="free some space and run the same command again"):
            make(tmp_path / "out", [str(corpus)], tokenizer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sum(map(len, held(make(tmp_path / "out", [str(corpus)], tokenizer)).values())) == 40 * len(TEXTS)


def test_tokens_of_several_files_read_like_those_of_one(tmp_path):
    dice = np.random.default_rng(1)
    documents = [dice.integers(0, 999, size) for size in dice.integers(0, 90, 60)]
    one, many = Writer(tmp_path / "one", 1000), Writer(tmp_path / "many", 1000, file_bytes=256)
    for writer in (one, many):
        writer.add(documents, 1)
        writer.close()
    short, long = Shards(tmp_path / "many"), Shards(tmp_path / "one")
    short.verify()
    assert len(list((tmp_path / "many").glob("tokens*.bin"))) == -(-len(long.tokens) // 128) > 10
    places = dice.integers(-len(long.tokens), len(long.tokens), (7, 5))
    assert np.array_equal(short.tokens[places], long.tokens[places]) and short.tokens[-1] == long.tokens[-1]
    for cut in (slice(None), slice(100, 700), slice(127, 129), slice(5, 5), slice(900, 300, -7)):
        assert np.array_equal(short.tokens[cut], long.tokens[cut])
    assert all(np.array_equal(short.document(i), ids) for i, ids in enumerate(documents))
    assert short.tokens.max() == long.tokens.max() and np.array_equal(np.asarray(short.tokens), long.tokens)
    (tmp_path / "many" / "tokens-00003.bin").unlink()
    with pytest.raises(Problem, match=r"tokens-00003.bin is missing"):
        Shards(tmp_path / "many")


@pytest.mark.parametrize("form", foreign.WRITERS)
@pytest.mark.parametrize("vocabulary", [1000, 100_000])
def test_what_is_written_for_others_is_read_back(tmp_path, form, vocabulary):
    dice = np.random.default_rng(3)
    documents = [np.concatenate([[0], dice.integers(1, vocabulary, size)]) for size in (5, 1, 300, 7)]
    writer = Writer(tmp_path / "ours", vocabulary)
    writer.add(documents, 1)
    writer.close()
    path = tmp_path / "theirs.bin"
    if form == "nanogpt" and vocabulary > 1 << 16:
        with pytest.raises(Problem, match="16-bit ids"):
            foreign.WRITERS[form](Shards(tmp_path / "ours"), path)
        return
    foreign.WRITERS[form](Shards(tmp_path / "ours"), path)
    assert foreign.opened(path).form == form
    found = list(foreign.documents_of(path, 0, vocabulary))
    assert [ids.tolist() for ids in found] == [ids[1:].tolist() for ids in documents]


def test_a_separator_behind_each_document_cuts_like_one_before(tmp_path):
    np.array([5, 6, 0, 7, 0, 8], "<u2").tofile(tmp_path / "t.bin")
    assert [ids.tolist() for ids in foreign.documents_of(tmp_path / "t.bin", 0, 10)] == [[5, 6], [7], [8]]


def test_a_file_of_another_tokenizer_s_ids_is_refused(tmp_path):
    np.array([5, 60], "<u2").tofile(tmp_path / "t.bin")
    with pytest.raises(Problem, match="holds the id 60, and the tokenizer has 10 ids"):
        list(foreign.documents_of(tmp_path / "t.bin", 0, 10))


def broken(path: Path, kind: str) -> None:
    index = path.with_suffix(".idx")
    raw = bytearray(index.read_bytes())
    changes = {"magic": (0, 1), "version": (9, 2), "kind": (17, 6), "sequences": (18, 9), "a pointer": (-8 * 4 - 8, 1)}
    changes |= {"documents": (-1, 1)}
    at, value = changes[kind]
    raw[at] = (raw[at] + value) % 256
    index.write_bytes(raw)


@pytest.mark.parametrize("kind", ["magic", "version", "kind", "sequences", "a pointer", "documents"])
def test_an_index_of_megatron_s_that_is_damaged_is_refused(tmp_path, kind):
    writer = Writer(tmp_path / "ours", 100)
    writer.add([np.array([0, 5, 6]), np.array([0, 7]), np.array([0, 8, 9, 9])], 1)
    writer.close()
    foreign.write_megatron(Shards(tmp_path / "ours"), tmp_path / "t.bin")
    assert foreign.megatron(tmp_path / "t.idx").borders.tolist() == [0, 3, 5, 9]
    broken(tmp_path / "t.bin", kind)
    with pytest.raises(Problem, match="t.idx"):
        foreign.opened(tmp_path / "t.bin")


@pytest.mark.parametrize(
    ("raw", "words"), [(b"123", "3 bytes"), (np.array([20240520, 1, 9], "<i4").tobytes() + bytes(1012), "holds 9")]
)
def test_files_cut_short_are_refused(tmp_path, raw, words):
    (tmp_path / "t.bin").write_bytes(raw)
    with pytest.raises(Problem, match=words):
        foreign.opened(tmp_path / "t.bin")


def test_other_people_s_tokens_become_a_folder_with_a_held_out_part(tmp_path, tokenizer):
    known = Tokenizer.load(tokenizer)
    end = known.specials["<|endoftext|>"]
    ids = np.concatenate([part for text in TEXTS for part in (known.encode(text), [end])])
    ids.astype("<u2").tofile(tmp_path / "train.bin")
    columns(tmp_path / "same.parquet", TEXTS)
    theirs = make(tmp_path / "theirs", [str(tmp_path / "train.bin")], tokenizer, validation=0.2)
    ours = make(tmp_path / "ours", [str(tmp_path / "same.parquet")], tokenizer, validation=0.2, others=["megatron"])
    assert files(theirs) == files(ours)
    again = foreign.documents_of(ours / "others" / "megatron" / "val.bin", end, known.vocabulary)
    assert [known.decode(ids) for ids in again] == held(ours)["val"]
