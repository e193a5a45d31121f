"""How much was copied: runs of tokens found again, and only those."""

import numpy as np

from groundup.evaluation.asking import load
from groundup.evaluation.memorised import copied, free_texts, hashes
from tests.evaluation_example import talks, write_model

TRAINING = np.random.default_rng(1).integers(0, 1000, 5000).astype(np.uint16)


def test_a_copied_run_is_found_with_all_its_tokens():
    text = np.concatenate([np.arange(2000, 2030), TRAINING[100:120], np.arange(3000, 3050)])
    assert copied([text], TRAINING, 16) == 0.2
    assert copied([text], TRAINING, 32) == 0.0


def test_what_is_in_no_order_of_the_training_text_is_not_copied():
    assert copied([TRAINING[:500][::-1]], TRAINING, 8) == 0.0


def test_a_text_shorter_than_a_run_is_no_copy():
    assert copied([TRAINING[:5]], TRAINING, 8) == 0.0


def test_equal_runs_have_equal_numbers_and_others_have_others():
    found = hashes(np.tile(TRAINING[:100], 2), 8)
    assert (found[:93] == found[100:193]).all()
    assert len(np.unique(found)) == 100


def test_what_a_model_writes_is_the_same_each_time(tmp_path):
    subject = load(write_model(tmp_path, talks("open"), steps=2))
    first, second = (free_texts(subject, 4, 20) for _ in range(2))
    assert [text.tolist() for text in first] == [text.tolist() for text in second]
    assert len({tuple(text.tolist()) for text in first}) == 4
