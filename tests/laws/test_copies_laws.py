"""What compares documents on disk finds what the plain definitions find in memory."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.copies.cuts import Spans, without
from groundup.data.copies.decontaminate import lowered
from groundup.data.copies.duplicates import exact_copies, near_copies
from groundup.data.copies.near import (
    NearSettings,
    Signer,
    candidates,
    clusters,
    meets,
    resemblance,
    runs_of,
    turn,
    words_of,
)
from groundup.data.copies.repeated import (
    RepeatedSettings,
    SubstringSettings,
    passages_by_suffixes,
    passages_plainly,
    repeated_passages,
    repeated_pieces,
)
from groundup.data.copies.spill import Spill
from groundup.data.copies.staged import StagedTable
from groundup.kernels import hashing, meetings, minhash, pieces, unions

NUMBERS = st.integers(0, 2**64 - 1)
TEXTS = st.text(alphabet="ab 'Zé9-\n", max_size=50)
FEW = settings(max_examples=25, deadline=None)


def staged(folder: Path, texts: list[str], signer: Signer | None = None) -> StagedTable:
    """A staged table in two files, of small row groups."""
    bands = [signer.sign(words_of(text.lower())).tolist() if signer else [] for text in texts]
    table = pa.table(
        {
            "number": pa.array(range(len(texts)), pa.int64()),
            "id": pa.array([f"d{i}" for i in range(len(texts))], pa.large_string()),
            "text": pa.array(texts, pa.large_string()),
            "reason": pa.array([""] * len(texts), pa.large_string()),
            "exact": pa.array([hash(text) for text in texts], pa.int64()),
            "bands": pa.array(bands, pa.large_list(pa.uint64())),
        }
    )
    half = len(texts) // 2
    files = [folder / "staged-0.parquet", folder / "staged-1.parquet"]
    parquet.write_table(table.slice(0, half), files[0], row_group_size=3)
    parquet.write_table(table.slice(half), files[1], row_group_size=3)
    return StagedTable(files)


@FEW
@given(st.lists(st.tuples(NUMBERS, NUMBERS)))
def test_what_was_spilled_comes_back_in_order(rows):
    with TemporaryDirectory() as folder:
        spill = Spill(Path(folder), "x", 2)
        for one, other in rows:
            spill.add(np.array([one], np.uint64), np.array([other], np.uint64))
        found = [tuple(row) for part in spill.sorted_parts() for row in part.tolist()]
        assert found == sorted(rows) and not list(Path(folder).iterdir())


@FEW
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_the_forest_has_the_plain_roots(pairs):
    forest = np.arange(20)
    ones, others = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    unions.unite(forest, ones, others)
    assert unions.roots(forest).tolist() == unions.roots_plainly(20, pairs)
    assert not unions.apart(forest, ones, others).any()


@FEW
@given(st.lists(st.integers(1, 7), max_size=8), st.integers(1, 5))
def test_groups_make_the_plain_pairs(sizes, crowd):
    ends = np.cumsum(np.array(sizes, np.int64))
    begins = ends - np.array(sizes, np.int64)
    numbers = np.arange(sum(sizes)).astype(np.uint64)
    total = int(meetings.meetings(begins, ends, crowd).sum())
    others, ones = meetings.pairs(numbers, begins, ends, crowd, total)
    groups = [list(range(begin, end)) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    assert list(zip(ones.tolist(), others.tolist(), strict=True)) == meetings.pairs_plainly(groups, crowd)


@FEW
@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_sets_have_in_common_what_they_share(one, other):
    left, right = (np.array(sorted(members), np.uint64) for members in (one, other))
    assert meetings.common(left, right) == len(one & other)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 2), st.integers(0, 3))
def test_lines_and_paragraphs_are_the_plain_ones(text, blank, least):
    hashes, begins, ends = pieces.lines(np.frombuffer(text.encode(), np.uint8), blank, least)
    plain = pieces.lines_plainly(text, blank, least)
    assert list(zip(begins.tolist(), ends.tolist(), strict=True)) == [(begin, end) for _, begin, end in plain]
    assert len(set(zip(hashes.tolist(), [words for words, _, _ in plain], strict=True))) == len(set(hashes.tolist()))
    assert len(set(hashes.tolist())) == len({words for words, _, _ in plain})


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_tokens_are_the_plain_ones_and_lie_where_they_say(text):
    raw = text.encode()
    hashes, begins, ends = pieces.tokens(np.frombuffer(raw, np.uint8))
    found = [raw[begin:end].decode() for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    assert found == pieces.tokens_plainly(text)
    assert len(set(zip(hashes.tolist(), found, strict=True))) == len(set(hashes.tolist())) == len(set(found))


@FEW
@given(st.lists(st.integers(0, 2), max_size=20), st.integers(1, 6))
def test_windows_are_equal_when_their_tokens_are(tokens, length):
    hashes = pieces.windows(np.array(tokens, np.uint64) * np.uint64(0x9E3779B97F4A7C15), length).tolist()
    plain = [tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)]
    assert len(hashes) == len(plain)
    assert len(set(zip(hashes, plain, strict=True))) == len(set(hashes)) == len(set(plain))


@FEW
@given(st.lists(st.integers(0, 40)))
def test_no_window_that_comes_twice_is_overlooked(keys):
    slots, asked = np.zeros(4, np.uint8), np.array(keys, np.uint64)
    pieces.count(slots, slots.ctypes.data, asked)
    passed = pieces.several(slots, slots.ctypes.data, asked)
    assert all(passed[i] for i, key in enumerate(keys) if keys.count(key) > 1)
    roomy = np.zeros(16, np.uint8)
    pieces.count(roomy, roomy.ctypes.data, asked)
    assert pieces.several(roomy, roomy.ctypes.data, asked).tolist() == [keys.count(key) > 1 for key in keys]


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_the_places_of_words_are_those_of_the_words_that_are_hashed(text):
    raw = text.lower().encode()
    begins, ends = pieces.word_places(np.frombuffer(raw, np.uint8))
    words = [raw[begin:end].replace(b"'", b"") for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    plain = [hashing.hash_words_plainly(word) for word in words]
    assert [hash for found in plain for hash in found] == hashing.hash_words_plainly(raw)


@FEW
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 6)), max_size=8))
def test_cuts_take_away_the_bytes_of_their_spans_and_no_other(spans):
    sizes, texts = np.array([10, 0, 14, 12]), [string.ascii_letters[:10], "", string.digits + "abcd", "ABCDEFGHIJKL"]
    ends = np.cumsum(sizes)
    inside = [(begin, min(begin + size, next(int(end) for end in ends if end > begin))) for begin, size in spans]
    with TemporaryDirectory() as folder:
        collected = Spans(Path(folder), "x", 36)
        collected.add(*(np.array(column, np.int64) for column in np.array(inside, np.int64).reshape(-1, 2).T))
        cuts = collected.cuts(sizes)
        gone = {at for begin, end in inside for at in range(begin, end)}
        for number, text in enumerate(texts):
            base = int(ends[number] - sizes[number])
            left = "".join(c for at, c in enumerate(text, base) if at not in gone)
            assert without(text, cuts.of(number)) == left


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(alphabet="ab ", max_size=14), max_size=5), st.integers(2, 4), st.sampled_from(["first", "none"])
)
def test_passages_are_cut_as_the_comparison_of_all_with_all_says(texts, length, keep):
    spaced = [" ".join(text.replace(" ", "")) for text in texts]
    with TemporaryDirectory() as folder:
        table = staged(Path(folder), spaced)
        found = repeated_passages(
            table, Path(folder), SubstringSettings(length=length, keep=keep), np.ones(len(texts), bool)
        )
        plain = passages_plainly([text.split() for text in spaced], length, keep)
        for number, text in enumerate(spaced):
            cut = {at for begin, end in found.of(number) for at in range(begin, end)}
            assert [2 * i in cut for i in range(len(text.split()))] == plain[number]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("ab"), max_size=9), max_size=4), st.integers(2, 4))
def test_sorted_suffixes_find_the_same_passages(documents, length):
    assert passages_by_suffixes(documents, length) == passages_plainly(documents, length, "none")


@FEW
@given(st.lists(st.lists(st.sampled_from(["one two", "Two, three!", "x", "four five"]), max_size=5), max_size=5))
def test_only_the_first_of_equal_long_lines_stays(documents):
    texts = ["\n".join(lines) for lines in documents]
    seen: set[str] = set()
    with TemporaryDirectory() as folder:
        table = staged(Path(folder), texts)
        cuts = repeated_pieces(table, Path(folder), RepeatedSettings(words=2), np.ones(len(texts), bool), 1)
        for number, lines in enumerate(documents):
            kept = [line for line in lines if line == "x" or line not in seen and not seen.add(line)]
            assert without(texts[number], cuts.of(number)).split("\n") in (kept or [""], [*kept, ""])


@pytest.mark.parametrize("verified", [True, False])
@FEW
@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=9), max_size=10), st.data())
def test_near_copies_on_disk_are_the_clusters_in_memory(verified, documents, data):
    texts = [" ".join(f"word{n}" for n in words) for words in documents]
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), bool)
    chosen = NearSettings(similarity=0.5, run=2, bands=6, rows=1, verified=verified)
    signer = Signer(chosen)
    bands = [signer.sign(words_of(text)).tolist() for text in texts]
    there = [i for i in range(len(texts)) if not gone[i]]
    met = [[i for i in there if bands[i][band] == value] for band in range(6) for value in {b[band] for b in bands}]
    runs = [runs_of(text, 2) if verified else np.ones(1, np.uint64) for text in texts]
    plain = clusters(candidates(met), runs.__getitem__, 0.5)
    with TemporaryDirectory() as folder:
        found = near_copies(staged(Path(folder), texts, signer), Path(folder), chosen, gone)
        assert {i: first for i, first in enumerate(found.label.tolist()) if first != i} == plain
        found.close()


@FEW
@given(st.lists(st.integers(0, 5), max_size=20))
def test_exact_copies_name_the_first_of_equal_texts(kinds):
    texts = [f"text {kind}" for kind in kinds]
    with TemporaryDirectory() as folder:
        found = exact_copies(staged(Path(folder), texts), Path(folder))
        assert found.tolist() == [kinds.index(kind) for kind in kinds]


@FEW
@given(st.lists(st.integers(1, 9), max_size=12), st.lists(st.integers(1, 9), max_size=12))
def test_a_table_says_of_each_hash_whether_it_has_it(keys, asked):
    slots = hashing.table(np.array(keys, np.uint64))
    assert hashing.all_in(np.array(asked, np.uint64), slots).tolist() == [key in keys for key in asked]


def pair(shared: int, own: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of random members that share some."""
    draw = np.random.Generator(np.random.PCG64(seed)).integers(1, 2**63, shared + 2 * own, np.uint64)
    return np.sort(draw[: shared + own]), np.sort(np.concatenate([draw[:shared], draw[shared + own :]]))


def test_signatures_estimate_similarity_within_four_deviations():
    keys = minhash.keys(400)
    for shared, own in ((10, 90), (40, 30), (80, 10), (95, 2)):
        one, other = pair(shared, own, shared)
        true = resemblance(one, other)
        told = float((minhash.signature(one, *keys) == minhash.signature(other, *keys)).mean())
        assert abs(told - true) <= 4 * (true * (1 - true) / 400) ** 0.5


@pytest.mark.parametrize("bands, rows", [(14, 8), (20, 5)])
def test_pairs_meet_as_often_as_the_curve_says(bands, rows):
    keys = minhash.keys(bands * rows)
    for shared, own in ((50, 25), (60, 15), (70, 10)):
        tried = 300
        met = 0
        for seed in range(tried):
            one, other = (
                minhash.bands(minhash.signature(side, *keys), rows) for side in pair(shared, own, 1000 + seed)
            )
            met += bool((one == other).any())
        expected = meets(shared / (shared + 2 * own), bands, rows)
        assert abs(met / tried - expected) <= 4 * (expected * (1 - expected) / tried) ** 0.5 + 0.01


@given(st.integers(1, 60), st.integers(1, 30))
def test_the_curve_crosses_one_half_at_its_turn(bands, rows):
    assert abs(meets(turn(bands, rows), bands, rows) - 0.5) < 1e-9


def test_published_signatures_have_their_published_numbers():
    fineweb = NearSettings.model_validate({"like": "fineweb"})
    assert (fineweb.bands * fineweb.rows, fineweb.run, fineweb.verified) == (112, 5, False)
    assert NearSettings.model_validate({"like": "fineweb", "rows": 4}).rows == 4
    assert NearSettings.model_validate({"like": "refinedweb"}).bands * 20 == 9000


def test_quotes_are_compared_in_the_form_of_documents():
    assert lowered("Don’t\r\nGo") == "don't\ngo"
