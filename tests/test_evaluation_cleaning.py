"""Cleaning held against the truth, on corpora small enough to count by hand."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from groundup.errors import Problem
from groundup.evaluation.cleaning import cleaning

TRUTH = {  # id -> reason, cluster, private values
    "a": ("", "a", [("email", "ann@town.example"), ("phone", "555-0100")]),
    "b": ("", "b", []),
    "a2": ("duplicate", "a", []),
    "a3": ("near_duplicate", "a", []),
    "s1": ("spam", "", []),
    "s2": ("spam", "", []),
    "g": ("gibberish", "", []),
}


def corpus(folder, kept, removed, redactions=()):
    """What the corpus stage would have written, beside the sealed truth."""
    (folder / "removed").mkdir(parents=True)
    texts = [{"id": name, "text": text, "source": ""} for name, text in kept.items()]
    parquet.write_table(pa.Table.from_pylist(texts), folder / "kept-00000.parquet")
    gone = [{"id": name, "text": "", "reason": why, "detail": "", "step": why} for name, why in removed.items()]
    parquet.write_table(pa.Table.from_pylist(gone), folder / "removed" / "removed-00000.parquet")
    spans = [{"id": name, "kind": kind, "count": count} for name, kind, count in redactions]
    form = pa.schema([("id", pa.string()), ("kind", pa.string()), ("count", pa.int64())])
    parquet.write_table(pa.Table.from_pylist(spans, form), folder / "redactions.parquet")
    rows = [
        {
            "id": name,
            "keep": not reason,
            "reason": reason,
            "cluster": cluster,
            "redact": [{"kind": kind, "value": value} for kind, value in spans],
        }
        for name, (reason, cluster, spans) in TRUTH.items()
    ]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "pages.parquet")
    return cleaning(folder, folder)


GONE = {"a2": "duplicate", "a3": "near_duplicate", "s1": "spam", "s2": "spam", "g": "gibberish"}
CLEAN = {"a": "write to [email] or call [phone]", "b": "text"}
BLACKED = [("a", "email", 1), ("a", "phone", 1)]


def figures(told):
    return told["precision"], told["recall"]


def test_a_perfect_cleaning_is_told_as_perfect(tmp_path):
    told = corpus(tmp_path, CLEAN, GONE, BLACKED)
    for kind in ("duplicate", "near_duplicate", "spam", "gibberish", "pii", "toxic", "language", "leak"):
        assert figures(told[kind]) == (1.0, 1.0)
    assert told["good"] == {"pages": 2, "kept": 2, "lost_as": {}}


def test_what_was_left_lowers_recall(tmp_path):
    told = corpus(tmp_path, CLEAN | {"s2": "buy"}, {name: why for name, why in GONE.items() if name != "s2"}, BLACKED)
    assert figures(told["spam"]) == (1.0, 0.5)
    assert told["removed_as"]["spam"] == {"kept": 1, "spam": 1}


def test_a_good_page_that_was_removed_lowers_precision(tmp_path):
    told = corpus(tmp_path, {"a": CLEAN["a"]}, GONE | {"b": "gibberish"}, BLACKED)
    assert figures(told["gibberish"]) == (0.5, 1.0)
    assert told["good"] == {"pages": 2, "kept": 1, "lost_as": {"gibberish": 1}}


def test_rubbish_taken_for_other_rubbish_is_gone_but_was_not_recognised(tmp_path):
    told = corpus(tmp_path, CLEAN, GONE | {"s2": "gibberish"}, BLACKED)
    assert figures(told["spam"]) == (1.0, 1.0)
    assert figures(told["gibberish"]) == (0.5, 1.0)


def test_it_does_not_matter_which_copy_stays(tmp_path):
    gone = {name: why for name, why in GONE.items() if name != "a2"} | {"a": "duplicate"}
    told = corpus(tmp_path, {"a2": CLEAN["a"], "b": "text"}, gone)
    assert figures(told["duplicate"]) == (1.0, 1.0)
    assert told["good"]["kept"] == 2


def test_two_copies_that_stay_are_one_too_many(tmp_path):
    gone = {name: why for name, why in GONE.items() if name != "a2"}
    assert figures(corpus(tmp_path, CLEAN | {"a2": "x"}, gone, BLACKED)["duplicate"]) == (1.0, 0.0)


def test_a_private_value_that_still_stands_lowers_recall(tmp_path):
    told = corpus(tmp_path, {"a": "write to [email] or call 555-0100", "b": "text"}, GONE, [("a", "email", 1)])
    assert figures(told["pii"]) == (1.0, 0.5)
    assert figures(told["pii"]["kinds"]["phone"]) == (1.0, 0.0)


def test_a_span_blacked_out_without_reason_lowers_precision(tmp_path):
    told = corpus(tmp_path, CLEAN, GONE, [*BLACKED, ("b", "card", 2)])
    assert figures(told["pii"]) == (0.5, 1.0)


def test_a_folder_without_truth_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match=r"empty/pages\.parquet"):
        cleaning(tmp_path, tmp_path / "empty")
