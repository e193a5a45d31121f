"""Words of any amount of text: counted on any number of threads alike, kept, continued, and bounded."""

import random

import numpy as np
import pytest

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, batches, bpe, counting, fast_bpe
from groundup.tokenizer.classes import coarse, read_classes
from groundup.tokenizer.counting import Counts
from groundup.tokenizer.cutting import Cutter

CLASSES = read_classes()
CUTTER = Cutter("gpt4", CLASSES)


def some_texts(seed: int, count: int = 200) -> list[str]:
    chosen = random.Random(seed)
    return [
        " ".join(chosen.choices(["the", "cat", f"w{chosen.randrange(10**6)}", "日本", "\n"], k=30))
        for _ in range(count)
    ]


def test_counts_are_those_of_the_reference():
    assert Counts(CUTTER).add(some_texts(1)).words() == dict(bpe.count_words(some_texts(1)))


def test_counts_kept_and_continued_are_those_of_all_at_once(tmp_path):
    Counts(CUTTER).add(some_texts(1)).save(tmp_path / "counts.npz")
    went_on = Counts.load(tmp_path / "counts.npz", CUTTER).add(some_texts(2))
    at_once = Counts(CUTTER).add(some_texts(1)).add(some_texts(2))
    assert went_on.words() == at_once.words() == dict(bpe.count_words(some_texts(1) + some_texts(2)))
    assert (went_on.fingerprint, went_on.read) == (at_once.fingerprint, at_once.read)
    assert fast_bpe.train_on(went_on, 300) == bpe.train(some_texts(1) + some_texts(2), 300)
    assert [path.name for path in tmp_path.iterdir()] == ["counts.npz"]


def test_the_fingerprint_tells_what_was_counted():
    made = {Counts(CUTTER).add(texts).fingerprint for texts in (["ab", "c"], ["a", "bc"], ["c", "ab"], [])}
    assert len(made) == 4
    assert Counts(CUTTER).add(["ab", b"c"], threads=2).fingerprint == Counts(CUTTER).add(["ab", "c"]).fingerprint


def test_a_tokenizer_learns_from_counts_what_it_learns_from_text():
    counts = Counts(CUTTER).add(some_texts(3))
    made = Tokenizer.train_on(counts, 300, specials=["<|end|>"], min_frequency=2)
    assert (
        made.tokens == Tokenizer.train(some_texts(3), 300, min_frequency=2).tokens and made.vocabulary == made.size + 1
    )


def test_words_beyond_the_memory_are_forgotten_the_rarest_first_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 1000)
    memory = 100 * counting.WORD_COST
    made = [Counts(CUTTER).add(some_texts(4), threads=threads, memory=memory) for threads in (1, 2, 3)]
    assert made[0].words() == made[1].words() == made[2].words()
    exact, kept = bpe.count_words(some_texts(4)), made[0].words()
    assert made[0].forgotten > 0 and len(kept) <= 100 < len(exact)
    assert all(kept[word] <= exact[word] for word in kept)
    assert all(kept[word] == exact[word] for word in (b" the", b" cat"))


def test_a_text_of_one_endless_word_stays_in_bounds(monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 1000)
    chosen = random.Random(5)
    texts = ["".join(chosen.choices("abcdef", k=500)) for _ in range(300)]
    made = Counts(CUTTER).add(texts, memory=counting.BYTE_COST * 5000)
    assert sum(map(len, made.words())) <= 5000 + 1000


def test_other_rules_do_not_go_on_with_counts(tmp_path):
    Counts(CUTTER).add(["the cat"]).save(tmp_path / "counts.npz")
    with pytest.raises(Problem, match="cut by 'gpt4', and 'gpt2' is asked for"):
        Counts.load(tmp_path / "counts.npz", Cutter("gpt2", CLASSES))
    changed = coarse(CLASSES).copy()
    changed[ord("x")] = 2
    with pytest.raises(Problem, match="another table of character classes"):
        Counts.load(tmp_path / "counts.npz", Cutter("gpt4", changed))


@pytest.mark.parametrize("harm", ["nothing", "half", "text", "outside", "missing"])
def test_a_file_that_is_no_counts_is_refused(tmp_path, harm):
    path = tmp_path / "counts.npz"
    Counts(CUTTER).add(some_texts(1, 20)).save(path)
    whole = path.read_bytes()
    if harm == "outside":
        with np.load(path) as file:
            rows, told, words = file["rows"].copy(), file["told"], file["words"]
        rows[0, 1] = 1 << 60
        with path.open("wb") as file:
            np.savez(file, rows=rows, told=told, words=words)
    elif harm == "missing":
        path.unlink()
    else:
        path.write_bytes({"nothing": b"", "half": whole[: len(whole) // 2], "text": b"not an archive"}[harm])
    with pytest.raises(Problem, match="counts"):
        Counts.load(path, CUTTER)
