"""The published filters remove what their papers say, at the numbers that the papers give, and say what they saw."""

import json
import textwrap

import pytest

from groundup.data.cleaning.change import CHANGES
from groundup.data.filters.c4 import C4, C4Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.fineweb import FineWeb, FineWebSettings
from groundup.data.filters.gopher_quality import GopherQuality, GopherQualitySettings
from groundup.data.filters.gopher_repetition import GopherRepetition, GopherRepetitionSettings
from groundup.data.filters.phrases import Text
from groundup.data.filters.words import plain_words
from groundup.data.prepare import Preparation
from groundup.data.profiles import FILTERS, PROFILES, Profile

PROSE = """The ferry was late again, and the people on the quay had stopped looking at the clock. A boy sold apples from a
basket; his sister counted the coins twice before she put them away. When the boat came round the point at last, nobody
cheered, but everyone picked up what they had brought, and an old man said that it had been worse in his father's time,
when there was no clock to be late by. They laughed at that, though not for long, because of the wind. So it goes."""


def quality(text, **settings):
    finding = GopherQuality(GopherQualitySettings(**settings)).judge(Text(text))
    return finding and finding.detail


def repetition(text, **settings):
    finding = GopherRepetition(GopherRepetitionSettings(**settings)).judge(Text(text))
    return finding and finding.detail


def fineweb(text, **settings):
    finding = FineWeb(FineWebSettings(**settings)).judge(Text(text))
    return finding and finding.detail


def c4(text, **settings):
    changed = C4(C4Settings(**settings)).change(text)
    return changed.detail if isinstance(changed, Finding) else changed


def prose(words, *others):
    """So many words of prose, and others after them."""
    return " ".join([*("the cat and".split() * words)[:words], *others])


def test_words_are_cut_as_people_who_count_them_would():
    text = "Mr. Fox doesn't (really) like well-known tricks... See http://a.b/c-d, U.S. law; 3.5 km/h and x=1!"
    told = (
        "Mr. Fox does n't ( really ) like well - known tricks ... See http://a.b/c-d , U.S. law ; 3.5 km / h and x=1 !"
    )
    assert plain_words(text) == told.split()


def test_prose_passes_all_of_them():
    assert [quality(PROSE), repetition(PROSE), fineweb(PROSE)] == [None] * 3


def test_gopher_wants_fifty_words():
    assert quality(prose(50)) is None
    assert quality(prose(49)) == "words 49 < 50"
    assert quality(prose(49, *"...,,,")) == "words 49 < 50"  # signs are no words here


def test_gopher_wants_less_than_a_hundred_thousand_words():
    assert quality(prose(100_000)) is None
    assert quality(prose(100_001)) == "words 100001 > 100000"


def test_gopher_wants_words_of_three_to_ten_characters():
    assert quality(prose(60)) is None
    assert quality("the and " + "ab " * 60) == "mean word length 2.03 < 3"
    assert quality("the and " + "abcdefghijkl " * 60) == "mean word length 11.7 > 10"


def test_gopher_counts_signs_for_each_word():
    assert quality(prose(90, *["#"] * 10)) is None
    assert quality(prose(90, *["#"] * 11)) == "# per word 0.109 > 0.1"
    assert quality(prose(60) + " then …" * 10) == "ellipses per word 0.125 > 0.1"


def test_gopher_looks_at_the_lines_of_a_list():
    assert quality("- the cat and the dog\n" * 20) == "lines with a bullet 1 > 0.9"
    assert quality("• the cat and the dog\n" * 18 + "the end\n" * 2) is None
    assert (
        quality(("the cat and the dog" + " the dog" * 9 + "...\n") * 4 + "the end\n" * 6)
        == "lines that end in an ellipsis 0.4 > 0.3"
    )


def test_gopher_wants_letters_in_four_of_five_words():
    assert quality(prose(80, *["1234"] * 20)) is None
    assert quality(prose(79, *["1234"] * 21)) == "words with a letter 0.79 < 0.8"


def test_gopher_wants_two_different_little_words():
    assert quality("the cat " * 40) == "different little words 1 < 2"
    assert quality("the cat and " * 40) is None
    assert quality("chat noir et " * 40, little_words=["et", "noir"]) is None


def different(count):
    """So many words of five letters, none twice."""
    return [chr(97 + i // 676 % 26) + chr(97 + i // 26 % 26) + chr(97 + i % 26) + "xy" for i in range(count)]


def test_the_first_repetition_is_named_with_its_words():
    words = different(400)
    assert repetition(" ".join(words)) is None
    again = " ".join([*words, *words[:80]])
    assert (
        repetition(again)
        == "characters in repeated runs of 7 words 0.134 > 0.13 (aaaxy aabxy aacxy aadxy aaexy aafxy aagxy)"
    )


def test_lines_and_paragraphs_that_come_again_are_counted():
    words = different(60)
    lines = "\n".join(words)
    assert repetition(lines + "\n" + "\n".join(words[:15]), commonest=[], repeated=[]) is None
    assert repetition(lines + "\n" + "\n".join(words[:20])) == "characters in repeated lines 0.209 > 0.2"
    assert repetition(lines + "\n" + "\n".join(words[:30])) == "lines repeated 0.333 > 0.3"
    blocks = "\n\n".join(words)
    assert repetition(blocks + "\n\n" + "\n\n".join(words[:30])) == "paragraphs repeated 0.333 > 0.3"


def test_a_run_of_words_may_take_a_fifth_of_a_text():
    rest = different(300)
    inside = [word for i, word in enumerate(rest) for word in ([word, "old", "tom"] if i % 6 == 0 else [word])]
    assert repetition(" ".join(inside)) is None
    more = [
        word for i, word in enumerate(rest) for word in ([word, "wonderful", "neighbours"] if i % 3 == 0 else [word])
    ]
    assert repetition(" ".join(more)) == "characters in the commonest run of 2 words 0.513 > 0.2 (wonderful neighbours)"


def test_the_numbers_of_repetition_are_those_of_the_paper():
    told = GopherRepetitionSettings()
    assert (told.lines, told.paragraphs, told.line_characters, told.paragraph_characters) == (0.3, 0.3, 0.2, 0.2)
    assert told.commonest == [0.2, 0.18, 0.16]
    assert told.repeated == [0.15, 0.14, 0.13, 0.12, 0.11, 0.1]


def test_fineweb_looks_at_ends_lengths_and_repetition_of_lines():
    line = "A line of which nobody would say that it is short"
    lines = [f"{line} {word}" for word in different(40)]
    closed = [f"{text}." for text in lines]
    assert fineweb("\n".join([*lines[:35], *closed[35:]])) is None
    assert fineweb("\n".join(lines)) == "lines ended by a sign 0 < 0.12"
    assert fineweb("\n".join(["Short.", "Shorter."] * 3)).startswith("short lines 1 > 0.67")
    assert fineweb("\n".join([*closed, closed[3]])) == "characters in repeated lines 0.0244 > 0.01"
    assert fineweb("\n" * 30 + "\n".join(closed[:3])).startswith("line ends per word 0.8")


SENTENCES = "One ends here. Two is here! Three comes? Four is it. And five."


def test_c4_keeps_lines_that_end_as_sentences_do():
    assert (
        c4(f'Home | About\n{SENTENCES}\nRead on...\nHe said "so it is"\nToo short.')
        == f'{SENTENCES}\nHe said "so it is"'
    )


def test_c4_leaves_paragraphs_apart_where_it_is_told_to():
    text = f"Title\n\n{SENTENCES}\n\n\n\nHome\nIt was so[1] then.\n{SENTENCES}\n\nmenu\n\n{SENTENCES}"
    lines = [SENTENCES, "It was so then.", SENTENCES, SENTENCES]
    assert c4(text) == "\n".join(lines)
    assert c4(text, paragraphs="apart") == f"{SENTENCES}\n\nIt was so then.\n{SENTENCES}\n\n{SENTENCES}"


def test_lines_of_wrapped_books_are_joined_before_c4_counts_their_words():
    book = "\n\n".join(
        textwrap.fill(f"{PROSE} And {word} it was to be.".replace("\n", " "), 62) for word in ("so", "thus", "as")
    )
    last = [paragraph.rpartition("\n")[2] for paragraph in book.split("\n\n")]
    assert any(len(line.split()) < 3 for line in last)
    made = Preparation(
        Profile.model_validate({"changes": [{"kind": "wrap"}, {"kind": "c4", "paragraphs": "apart"}]}), None
    )
    assert made.document(book.encode(), "text", "utf-8").text.split() == book.split()
    assert made.document(book.encode(), "text", "utf-8").text.count("\n\n") == 2


def test_gopher_may_leave_marks_of_markup_out_of_its_counts():
    marked = "".join(
        f"* **{word}**, see [`{word}`](http://x.example/{word}) of the cat and that dog\n" for word in different(30)
    )
    assert quality(marked).startswith("words with a letter") and quality(marked, marks="stripped") is None
    assert quality("the cat and 1234 5678\n" * 30, marks="stripped").startswith("words with a letter 0.6")


def test_c4_takes_lines_of_scripts_and_policies_away():
    assert c4(f"Please enable JavaScript to go on.\n{SENTENCES}\nThis site uses cookies, as all do.") == SENTENCES
    kept = c4(f"Please enable JavaScript to go on.\n{SENTENCES}", lines_without=["policies"])
    assert kept == f"Please enable JavaScript to go on.\n{SENTENCES}"


def test_c4_takes_notes_away():
    assert (
        c4(f"{SENTENCES}\nIt was so[12] in the town[citation needed] of Oakham.")
        == f"{SENTENCES}\nIt was so in the town of Oakham."
    )


def test_c4_removes_pages_of_filler_code_and_few_sentences():
    assert c4(f"{SENTENCES}\nLorem ipsum is what it says.") == "has lorem ipsum"
    assert c4(f"{SENTENCES}\nHere is some code {{ like this.") == "has {"
    assert c4(f"{SENTENCES}\na {{ in a line that goes anyway") == SENTENCES
    assert c4("One ends here. Two is here.\nmenu") == "sentences 2 < 5 in 1 of 2 lines"
    assert c4("Dr. Fox and Mr. Hare. They met. It rained. They left.") == "sentences 4 < 5 in 1 of 1 lines"


def test_c4_knows_only_the_bad_words_it_is_given():
    assert c4(f"{SENTENCES}\nThe dratted ferry was late.") == f"{SENTENCES}\nThe dratted ferry was late."
    assert c4(f"{SENTENCES}\nThe Dratted ferry was late.", bad_words=["dratted"]) == "a bad word: dratted"
    assert c4(f"{SENTENCES}\nThe undratted ferry.", bad_words=["dratted"]) == f"{SENTENCES}\nThe undratted ferry."


@pytest.mark.parametrize("name", ["gopher", "c4", "fineweb"])
def test_the_named_sets_let_prose_through_and_a_menu_not(name):
    part = Preparation(PROFILES[name], None)
    assert part.document(PROSE.replace("\n", " ").encode(), "text", "utf-8").reason == ""
    menu = "Home\nAbout\nContact\n" * 30
    assert part.document(menu.encode(), "text", "utf-8").reason in (
        "c4",
        "gopher_quality",
        "gopher_repetition",
        "fineweb",
    )


def test_every_published_set_names_parts_of_the_tables_and_comes_back_from_a_manifest():
    for name in ("gopher", "c4", "fineweb"):
        assert Profile.model_validate(json.loads(PROFILES[name].model_dump_json())) == PROFILES[name]
        assert {part.kind for part in PROFILES[name].filters} <= set(FILTERS)
        assert {part.kind for part in PROFILES[name].changes} <= set(CHANGES)
