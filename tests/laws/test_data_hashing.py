"""The compiled hashes are the plain ones, and MinHash estimates what the sets say."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.copies.near import candidates, clusters, resemblance, runs_of
from groundup.kernels import hashing, minhash

TEXTS = st.text(alphabet="ab z'9.é- \n", max_size=60)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_the_fast_word_hashes_are_the_plain_ones(text):
    raw = text.encode()
    assert hashing.word_hashes(np.frombuffer(raw, np.uint8)).tolist() == hashing.hash_words_plainly(raw)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30, unique=True))
def test_the_fast_signature_is_the_plain_one(members):
    keys = minhash.keys(16)
    fast = minhash.signature(np.array(members, np.uint64), *keys)
    assert fast.tolist() == minhash.sign_plainly(set(members), *(key.tolist() for key in keys))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 2**64 - 1), max_size=200), st.lists(st.integers(1, 2**64 - 1), min_size=1, max_size=20))
def test_a_table_has_what_was_put_in_and_nothing_else(keys, questions):
    slots = hashing.table(np.array(keys, np.uint64))
    asked = np.array(questions, np.uint64)
    expected = next((i for i, key in enumerate(questions) if key in keys), -1)
    assert hashing.first_in(asked, slots) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 6))
def test_equal_runs_of_words_have_equal_hashes_and_others_do_not(words, length):
    runs = hashing.runs(np.array(words, np.uint64), length).tolist()
    length = min(length, len(words))
    plain = [tuple(words[i : i + length]) for i in range(len(words) - length + 1)] if length else []
    assert len(runs) == len(plain)
    assert len(set(zip(runs, plain, strict=True))) == len(set(runs)) == len(set(plain))


def test_signatures_agree_as_often_as_sets_share_members():
    keys = minhash.keys(2000)
    for shared in (0, 30, 60, 90):
        left = np.arange(100, dtype=np.uint64) * np.uint64(7919)
        right = np.concatenate([left[:shared], np.arange(100 - shared, dtype=np.uint64) + np.uint64(10**9)])
        agreed = float((minhash.signature(left, *keys) == minhash.signature(right, *keys)).mean())
        assert abs(agreed - shared / (200 - shared)) < 0.05


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), min_size=2, max_size=5), max_size=8))
def test_clusters_are_those_of_the_pairs_and_the_first_document_stays(meetings):
    pairs = candidates(meetings)
    found = clusters(pairs, lambda i: np.array([1], np.uint64), 1.0)
    group = {i: {i} for i in range(13)}
    for one, other in pairs:
        joined = group[one] | group[other]
        for i in joined:
            group[i] = joined
    assert found == {i: min(group[i]) for i in range(13) if min(group[i]) != i}


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS)
def test_resemblance_is_one_for_the_same_words_and_symmetric(one, other):
    left, right = runs_of(one, 2), runs_of(other, 2)
    assert resemblance(left, right) == resemblance(right, left)
    assert resemblance(left, runs_of(one.upper() + " -", 2)) == (1.0 if len(left) else 0.0)
