"""The compiled words, lines and runs are the plain ones, whatever a text contains; nothing grows faster than the text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.filters import c4, fineweb, gopher_quality, repeats
from groundup.data.filters.c4 import C4, C4Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.fineweb import lines_plainly
from groundup.data.filters.gopher_quality import GopherQuality, GopherQualitySettings
from groundup.data.filters.gopher_repetition import GopherRepetition, GopherRepetitionSettings
from groundup.data.filters.phrases import Text
from groundup.data.filters.survey import Survey
from groundup.data.filters.words import ends_sentence, is_sign, plain_words, stripped, table
from groundup.kernels.marks import ALPHA, ENDING, LETTERED, SPOKEN

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)  # lone surrogates, too
PIECES = st.sampled_from(
    "the a n't 's ’re I'm don't well-known U.S. Mr. e.g. 3.14 10-12 a-1 1,000 x=y and/or www.a.b http://a.b/c?d (see) .. … . , : "
    "- -- — ~ + % = +5 5% # * • 中 é É ß \ud800 \u2028 \u00a0 \t foo(bar) Hi.There end.” 'quoted' ) a...b A.B aB.Cd x- -x ! ? 。".split(
        " "
    )
)
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from(["", " ", "\n", "\n\n", " \n"])), max_size=40).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)
LAW = settings(max_examples=150, deadline=None)


def words_of(survey):
    """The words that the rows of a survey speak of."""
    if not len(survey.rows):
        return []
    ends = [*survey.rows[1:, 0].tolist(), survey.size]
    sizes = (survey.rows[:, 2] >> np.uint64(8)).tolist()
    spans = zip(survey.rows[:, 0].tolist(), ends, sizes, strict=True)
    return [survey.bytes[i:end].decode("utf-8", "surrogatepass")[:size] for i, end, size in spans]


def kind_of(word):
    lettered = any(table()[ord(c)] & ALPHA for c in word)
    return LETTERED * lettered + SPOKEN * (not is_sign(word)) + ENDING * ends_sentence(word)


@LAW
@given(ANY | TEXTS)
def test_the_fast_words_are_the_plain_ones(text):
    assert words_of(Survey(text)) == plain_words(text)


@LAW
@given(ANY | TEXTS)
def test_words_have_the_kinds_of_their_characters(text):
    kinds = [int(size) & 255 for size in Survey(text).rows[:, 2]]
    assert kinds == [kind_of(word) for word in plain_words(text)]


@LAW
@given(TEXTS)
def test_words_have_equal_hashes_exactly_where_they_are_equal(text):
    words, hashes = plain_words(text), Survey(text).rows[:, 1].tolist()
    assert len(set(zip(words, hashes, strict=True))) == len(set(words)) == len(set(hashes))


@LAW
@given(ANY | TEXTS)
def test_words_leave_out_spaces_alone(text):
    assert "".join(plain_words(text)) == "".join(part for c in text if (part := stripped(c)))


@LAW
@given(ANY | TEXTS)
def test_the_fast_counts_of_quality_are_the_plain_ones(text):
    from groundup.kernels import quality

    part, survey = GopherQuality(GopherQualitySettings()), Survey(text)
    facts = quality.word_facts(survey.rows, part.listed, part.ends, survey.key)
    lines = quality.line_facts(survey.raw, survey.size, survey.table)
    plain = gopher_quality.count_plainly(text, part.settings.little_words)
    assert (*map(int, facts), *map(int, lines)) == plain


@LAW
@given(st.lists(st.sampled_from(["", " ", "a", "bé", "a b", "中。"]), max_size=14), st.integers(1, 3))
def test_the_fast_pieces_are_the_plain_ones(lines, gap):
    from groundup.kernels import repeats as kernel

    text = "\n".join(lines)
    survey = Survey(text)
    found = kernel.pieces(
        survey.raw, *kernel.trimmed(survey.raw, survey.size, survey.table), survey.table, survey.key, gap
    )
    assert tuple(map(int, found)) == repeats.pieces_plainly(stripped(text), gap)


@LAW
@given(st.lists(st.sampled_from(["", " ", "a", "bé", "a b.", "中。", "x" * 31]), max_size=14))
def test_the_fast_lines_are_the_plain_ones(lines):
    from groundup.kernels import repeats as kernel

    survey = Survey("\n".join(lines))
    facts = kernel.line_facts(survey.raw, survey.size, survey.table, survey.key, 30)
    assert tuple(map(int, facts)) == lines_plainly("\n".join(lines), 30)


LIMITS = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.6]), max_size=4)


@LAW
@given(st.lists(st.integers(0, 3), max_size=60), LIMITS, LIMITS)
def test_the_first_repetition_is_the_plain_one(numbers, commonest, repeated):
    from groundup.kernels import repeats as kernel

    text = " ".join("aé" * number + "b" for number in numbers)
    part = GopherRepetition(GopherRepetitionSettings(commonest=commonest, repeated=repeated))
    survey, characters = Survey(text), max(1, len(text))
    found = kernel.first_repetition(survey.rows, survey.key, characters, part.commonest, part.repeated)
    limits = dict(enumerate(commonest, 2)), dict(enumerate(repeated, 5))
    assert found[:3] == repeats.first_plainly(plain_words(text), characters, *limits)


@LAW
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                "One two three. four five! [12] [edit] [citation needed] [x] JavaScript { lorem ipsum privacy policy ... é。 "
                "Mr. Fox \" ' z".split(" ")
            ),
            max_size=9,
        ).map(" ".join),
        max_size=8,
    ).map("\n".join),
    st.booleans(),
    st.sampled_from([0, 1, 3]),
)
def test_the_fast_c4_is_the_plain_one(text, closed, sentences):
    told = C4Settings(closed=closed, notes=closed, sentences=sentences, words=sentences, longest_word=9)
    changed, plain = C4(told).change(text), c4.clean_plainly(text, told)
    if isinstance(changed, Finding):
        assert plain == {"has": f"<{changed.detail[4:]}>"}.get(changed.detail[:3], "<sentences>")
    else:
        assert changed == plain


HOSTILE = {
    "one word": "a" * 2_000_000,
    "one hyphen after another": "a" + "-" * 2_000_000 + "1",
    "dots": "a" + "." * 2_000_000 + "b",
    "brackets": "[" * 2_000_000 + ".",
    "digits in a bracket": "[1" * 1_000_000 + ".",
    "one word again": "ab " * 700_000,
    "line ends": "\n" * 2_000_000,
    "different words": " ".join(map(str, range(300_000))),
    "apostrophes": "'s" * 1_000_000,
    "marks": "{ javascript " * 150_000,
    "marks in lines": "lorem javascript\n" * 120_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_read_to_its_end(name):
    text = Text(HOSTILE[name])
    C4(C4Settings()).change(text.text)
    GopherQuality(GopherQualitySettings()).judge(text)
    fineweb.FineWeb(fineweb.FineWebSettings()).judge(text)
    GopherRepetition(GopherRepetitionSettings(lines=1, line_characters=1, paragraphs=1, paragraph_characters=1)).judge(
        text
    )
    assert text.survey.rows[-1, 0] < text.survey.size if len(text.survey.rows) else text.text.isspace()


def test_a_hash_hangs_on_the_whole_text():
    assert Survey("the cat").rows[0, 1] != Survey("the dog").rows[0, 1]
