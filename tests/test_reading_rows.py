"""Rows of other people's tables: whatever the format, a row is a document, and what is broken is named."""

import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.data.reading import json_rows
from groundup.data.reading.delimited import Dialect, cells, sniff
from tests.reading_example import lines, problems, read, reader, texts

PAGE = {"title": "Bread", "body": "It is baked.", "link": "http://a/1", "n": 7, "about": {"who": "Ann"}}
MAPPED = {"text": "{title}\n\n{body}", "url": "link", "id": "n", "source": "about.who"}


def written(folder, suffix, rows):
    path = folder / f"a{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".arrow":
        with pa.ipc.new_stream(path, pa.Table.from_pylist(rows).schema) as sink:
            sink.write_table(pa.Table.from_pylist(rows))
    else:
        path.write_text(json.dumps(rows) if suffix == ".json" else lines(*rows).decode())
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".json", ".jsonl"])
def test_a_text_of_several_columns_is_put_together_by_a_template(tmp_path, suffix):
    (found,) = read(written(tmp_path, suffix, [PAGE]), MAPPED)
    assert (found.id, found.url, found.source) == ("7", "http://a/1", "Ann")
    assert found.body == b"Bread\n\nIt is baked."


def test_a_template_runs_nothing_and_an_empty_column_leaves_no_gap(tmp_path):
    path = written(tmp_path, ".jsonl", [{"title": "{body.__class__}", "body": None}])
    (found,) = read(path, MAPPED)
    assert found.body == b"{body.__class__}"


def test_a_row_without_its_text_says_which_columns_there_are(tmp_path):
    (found,) = read(written(tmp_path, ".jsonl", [{"words": "x", "n": 1}]))
    assert found.problem == "no text under 'text'; columns: words, n; name one in fields.text"


def test_html_in_a_column_is_handed_on_as_html(tmp_path):
    (found,) = read(written(tmp_path, ".jsonl", [{"page": "<p>x"}]), {"text": "page", "kind": "html"})
    assert found.kind == "html"


def test_address_and_licence_of_a_row_go_along(tmp_path):
    (found,) = read(written(tmp_path, ".jsonl", [{"id": "a", "url": "http://b", "license": "MIT", "text": "x"}]))
    assert (found.id, found.url, found.license) == ("a", "http://b", "MIT")


def test_an_array_is_cut_into_its_items_wherever_the_pieces_end(tmp_path, monkeypatch):
    rows = [{"text": f'{n} "quoted\\" [{{,é{"x" * n}', "more": [{"a": ["]"]}, 1]} for n in range(60)]
    path = written(tmp_path, ".json", rows)
    for piece in (1, 2, 3, 7, 64, 5000):
        monkeypatch.setattr(json_rows, "PIECE", piece)
        assert texts(read(path)) == [row["text"] for row in rows]


@pytest.mark.parametrize(
    "body, good, bad",
    [
        (b'[{"text": "a"}, {"text": }, {"text": "b"}]', ["a", "b"], 1),
        (b'[{"text": "a"}, {"text": "b"', ["a"], 2),
        (b'{"text": "a"}\n{"text": "b"}\n', ["a", "b"], 0),
        (b'{\n "text":\n "a"\n}\n', ["a"], 0),
        (b'\xef\xbb\xbf[ {"text": "a"} , ]', ["a"], 0),
    ],
)
def test_json_is_read_as_far_as_it_holds(tmp_path, body, good, bad):
    (tmp_path / "a.json").write_bytes(body)
    found = read(tmp_path)
    assert texts(found) == good and len(problems(found)) == bad


@pytest.mark.parametrize("body", ['{"name": "settings"}', "[1, 2]", '"words"', '[{"x": 1}, {"text": "a"}]'])
def test_json_that_holds_no_rows_of_text_is_no_document(tmp_path, body):
    (tmp_path / "a.json").write_text(body)
    seen = reader(tmp_path)
    assert list(seen) == [] and seen.skipped == {".json without 'text'": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_dialect_of_a_table_is_told_from_its_lines(tmp_path, delimiter):
    rows = [["id", "text"], ["1", f'"with a {delimiter} in it,\nand ""quotes"""'], ["2", "plain"]]
    (tmp_path / "a.csv").write_text("".join(delimiter.join(row) + "\r\n" for row in rows))
    found = read(tmp_path)
    assert texts(found) == [f'with a {delimiter} in it,\nand "quotes"', "plain"]
    assert [record.id for record in found] == ["1", "2"]


def test_without_a_column_of_the_name_the_longest_is_the_text(tmp_path):
    (tmp_path / "a.tsv").write_text(
        'label\twords\nham\tGo until the point, they say\nspam\t"Free" entry in a contest\n'
    )
    assert texts(read(tmp_path)) == ["Go until the point, they say", '"Free" entry in a contest']


def test_a_table_without_names_loses_no_row(tmp_path):
    body = "ham,Go until the point they all say\nspam,Free entry in a contest of words\n"
    (tmp_path / "a.csv").write_text(body)
    assert texts(read(tmp_path)) == ["Go until the point they all say", "Free entry in a contest of words"]


def test_a_quote_that_never_closes_costs_its_own_line(tmp_path):
    rows = [f'{n},"text {n}"\n' for n in range(40)]
    rows[20] = '20,"text 20\n'
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(rows))
    found = read(tmp_path)
    assert len(problems(found)) == 1 and len(texts(found)) >= 19


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1251", "cp932"])
def test_a_table_is_read_in_its_own_encoding(tmp_path, encoding):
    words = "日本語の文章です、これは" if encoding == "cp932" else "Все люди рождаются свободными и равными"
    (tmp_path / "a.csv").write_bytes(f"id,text\n1,{words}\n2,{words}\n".encode(encoding))
    assert texts(read(tmp_path)) == [words, words]


def test_cells_are_those_of_the_standard_reader():
    import csv

    for row in ('a,"b,c",d', '"a""b",,""', 'a,b"c,"d"', ",", "x"):
        assert cells(row, Dialect(",", True)) == next(csv.reader([row]))


def test_tables_full_of_stray_quotes_are_read_without_quoting():
    assert sniff(['ham\t"Oh, he said', "spam\tno", 'ham\tyes "you"', "ham\tok"]) == Dialect("\t", False)
