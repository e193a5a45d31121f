"""Passages are stretches of their document, in order, and no longer than its sentences make them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.synthetic.passages import SHORTEST, cut
from groundup.data.synthetic.prompts import fill

lengths = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), min_size=1, max_size=4)


def written(paragraphs):
    """Sentences of these lengths, in paragraphs."""
    told = (" ".join(" ".join(f"w{i}" for i in range(n)) + "." for n in sentences) for sentences in paragraphs)
    return "\n\n".join(told)


@settings(deadline=None)
@given(lengths.map(written), st.integers(30, 80))
def test_passages_hold_the_words_in_order_and_leave_out_only_what_is_too_short(text, words):
    found, rest = list(cut(text, words)), text.split()
    lost = 0
    for passage in found:
        part = passage.split()
        assert SHORTEST <= len(part) <= words
        at = next(i for i in range(len(rest)) if rest[i : i + len(part)] == part)
        lost, rest = lost + at, rest[at + len(part) :]
    assert lost + len(rest) + sum(len(passage.split()) for passage in found) == len(text.split())


@settings(deadline=None)
@given(st.text("{}ab", max_size=12), st.text("{}ab", max_size=12))
def test_what_is_filled_into_a_prompt_is_never_looked_at_again(before, told):
    assert fill("{x}" + before.replace("{", "").replace("}", ""), {"x": told}).startswith(told)
