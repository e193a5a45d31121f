"""Runs of scripts: whatever the text, the runs in a row are the text, and a letter is in a run of its own script."""

import regex
from hypothesis import given
from hypothesis import strategies as some

from groundup.tokenizer.report.scripts import OTHERS, SCRIPTS, SIGNS, by_script, runs

MIXED = some.text(
    some.one_of(some.characters(), some.sampled_from("aZ é жЁ 語のカ 한 ب ש अ த ไ 12 ,.\n\u0301🙂")), max_size=80
)


@given(MIXED)
def test_the_runs_in_a_row_are_the_text(text):
    assert "".join(run for _, run in runs(text)) == text
    assert sum(len(run) for found in by_script([text]).values() for run in found) == len(text)


@given(MIXED)
def test_a_run_has_no_letter_of_another_script(text):
    for script, run in runs(text):
        others = [name for name in SCRIPTS if name != script]
        assert not any(regex.search(rf"\p{{{name}}}", run) for name in others), (script, run)
        assert script in (*SCRIPTS, SIGNS, OTHERS)
        if script in SCRIPTS:
            assert regex.match(rf"\p{{{script}}}", run)


def test_blanks_and_digits_belong_to_the_letters_before():
    text = "1: Hello, мир 2! 東京 ᚠᚢ"
    assert list(runs(text)) == [
        (SIGNS, "1: "), ("Latin", "Hello, "), ("Cyrillic", "мир 2! "), ("Han", "東京 "), (OTHERS, "ᚠᚢ"),
    ]  # fmt: skip
