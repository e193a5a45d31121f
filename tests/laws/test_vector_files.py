"""Laws of word vectors in files: what is written is read, in every form, and what is damaged is a sentence, never a crash."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.errors import Problem
from groundup.model.vector_files import read, write
from groundup.model.vectors import Vectors, spelled

QUICK = settings(max_examples=60, deadline=None)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \n"), min_size=1, max_size=8)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.dictionaries(WORDS, st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=6)
)


def table(rows: dict) -> Vectors:
    return Vectors(list(rows), np.array(list(rows.values()), np.float32))


def binary(vectors: Vectors, after: bytes = b"\n") -> bytes:
    """As the program word2vec writes it."""
    made = f"{len(vectors)} {vectors.width}\n".encode()
    for word, row in zip(vectors.words, vectors.table, strict=True):
        made += word.encode() + b" " + struct.pack(f"<{len(row)}f", *row) + after
    return made


def same(a: Vectors, b: Vectors) -> bool:
    return a.words == b.words and a.table.tobytes() == b.table.tobytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("vectors") / "vectors.txt"


@QUICK
@given(rows=TABLES)
def test_what_is_written_as_word2vec_is_read_bit_for_bit(file, rows):
    write(file, table(rows))
    assert same(read(file), table(rows))


@QUICK
@given(rows=TABLES)
def test_what_is_written_as_glove_is_read_bit_for_bit(file, rows):
    write(file, table(rows), "glove")
    assert same(read(file), table(rows))


@QUICK
@given(rows=TABLES, after=st.sampled_from([b"\n", b""]))
def test_the_binary_form_is_read_with_and_without_line_breaks(file, rows, after):
    rows = {word: [0.0, *numbers] for word, numbers in rows.items()}  # bytes that cannot be taken for a text's numbers
    file.write_bytes(binary(table(rows), after))
    assert same(read(file), table(rows))


@settings(max_examples=150, deadline=None)
@given(rows=TABLES, form=st.sampled_from(["word2vec", "glove", "binary"]), data=st.data())
def test_a_damaged_file_is_a_problem_or_a_table_and_nothing_else(file, rows, form, data):
    if form == "binary":
        file.write_bytes(binary(table(rows)))
    else:
        write(file, table(rows), form)
    raw = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b" ", b"\n", b"9", b"nan"])
        )
    file.write_bytes(raw)
    try:
        read(file)
    except Problem as problem:
        assert str(problem).startswith(str(file))


@QUICK
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_a_problem_or_a_table(file, raw):
    file.write_bytes(raw)
    try:
        read(file)
    except Problem as problem:
        assert str(problem).startswith(str(file))


@QUICK
@given(rows=TABLES, form=st.sampled_from(["word2vec", "binary"]), share=st.floats(0, 0.999))
def test_a_file_cut_anywhere_is_refused(file, rows, form, share):
    write(file, table(rows))
    raw = binary(table(rows), b"") if form == "binary" else file.read_bytes()
    file.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(Problem):
        read(file)


@QUICK
@given(st.lists(st.binary(min_size=1, max_size=8), unique=True, max_size=8))
def test_different_tokens_are_spelled_differently_and_without_white_space(tokens):
    words = [spelled(token) for token in tokens]
    assert len(set(words)) == len(tokens)
    assert all(word.split() == [word] for word in words)


SOUND = b"3 2\ncat 1 0\ndog 0.5 -1e-3\nbird -0 2\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    {
        b"": "is empty",
        SOUND[:-1]: ":4 does not end: the file was cut off",
        SOUND[:-10]: "promises 3 words, and there are 2",
        SOUND + b"cow 1 1\n": "promises 3 words, and there are 4",
        SOUND.replace(b"0.5 ", b""): ":3 has 1 numbers after its word: expected 2",
        SOUND.replace(b"0.5", b"half"): ":3 has 'half' where a number should be",
        SOUND.replace(b"0.5", b"nan"): ":3 has 'nan' where a number should be",
        SOUND.replace(b"0.5", b"1_0"): ":3 has '1_0' where a number should be",
        SOUND.replace(b"0.5", b"1e39"): "is not finite in the vector of word 2, 'dog'",
        SOUND.replace(b"bird", b"cat"): "has the word 'cat' twice, as number 1 and 3",
        SOUND.replace(b"bird", b"b\xffrd"): ":4 has a word that is not UTF-8",
        b"999999999999 300\ncat 1 0\n": ":1 promises 999,999,999,999 words of 300 numbers, and the file has 25 bytes",
        b"1 99999999\ncat 1 0\n": ":1 has vectors of 99,999,999 numbers: expected 1 to 65,536",
        b"0 2\n": ":1 promises 0 words",
        b"cat\ndog 1\n": ":1 has vectors of 0 numbers",
        b"cat 1 0\ndog 1\n": ":2 has 1 numbers after its word: expected 2",
        b"cat 1 0\n 1 0\n": ":2 has 1 numbers after its word",
        b"cat " + b"1" * (1 << 20) + b"\n": ":1 is longer than a line",
        b"2 2\ncat "
        + struct.pack("<2f", 0, 1)
        + b"\ndog "
        + b"\0" * 7: "word 2 of 2 is not whole: the file was cut off",
        b"1 2\ncat " + struct.pack("<2f", 0, 1) + b"\ndog ": "goes on after its 1 words",
        b"1 2\ncat " + struct.pack("<2f", 0, float("nan")): "is not finite in the vector of word 1, 'cat'",
    }.items(),
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, raw, said):
    path = tmp_path / "x.txt"
    path.write_bytes(raw)
    with pytest.raises(Problem, match="^" + str(path)) as problem:
        read(path)
    assert said in str(problem.value)


def test_sound_files_of_others_are_read(tmp_path):
    path = tmp_path / "x.vec"
    path.write_bytes(SOUND.replace(b"\n", b" \r\n"))  # fastText leaves a blank at the end of lines, Windows more
    found = read(path)
    assert found.words == ["cat", "dog", "bird"] and found["dog"].tolist() == np.float32([0.5, -1e-3]).tolist()
    path.write_bytes(b"a 0.1 0.2\n. . . 0.3 0.4\n7 0.5 0.6\n")
    assert read(path).words == ["a", ". . .", "7"]  # as in GloVe's own files


def test_a_missing_file_and_words_that_no_file_can_hold_are_refused(tmp_path):
    with pytest.raises(Problem, match="cannot be read as word vectors: No such file"):
        read(tmp_path / "none")
    for word in ("two words", "", "\ud800"):
        with pytest.raises(Problem, match="cannot stand in a file of vectors"):
            write(tmp_path / "x", Vectors([word], np.ones((1, 2))))
    assert not list(tmp_path.iterdir())


def test_neighbours_and_analogies_are_those_of_the_angles():
    words = ["king", "queen", "man", "woman", "stone", "nothing"]
    rows = np.array([[1, 1, 0], [1, -1, 0], [0.1, 1, 0], [0.1, -1, 0], [0, 0, 5], [0, 0, 0]])
    vectors = Vectors(words, rows)
    assert [word for word, _ in vectors.nearest("king", 2)] == ["man", "queen"]
    assert vectors.nearest("king", 1)[0][1] == pytest.approx(1.1 / np.sqrt(2 * 1.01))
    assert vectors.analogy("man", "king", "woman")[0][0] == "queen"
    assert len(vectors.nearest("stone", 99)) == 5
    with pytest.raises(Problem, match="no vector for 'quen'; did you mean queen?"):
        vectors["quen"]


def test_tables_that_do_not_fit_their_words_are_refused():
    for words, rows, said in [
        (["a"], np.ones((2, 2)), "one row for each"),
        (["a", "a"], np.ones((2, 2)), "twice"),
        (["a"], np.full((1, 2), np.inf), "not finite"),
    ]:
        with pytest.raises(Problem, match=said):
            Vectors(words, rows)
