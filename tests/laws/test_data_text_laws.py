"""What holds for any text: cleaning never fails, and doing it twice changes nothing more."""

from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.filters.phrases import Text
from groundup.data.privacy.redact import redact
from groundup.data.profiles import FILTERS, PROFILES
from groundup.data.reading.encoding import decode

FILTERING = [FILTERS[settings.kind](settings) for settings in PROFILES["web"].filters]
MARKUP = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<nav>",
            "</nav>",
            "<",
            ">",
            "<pre>",
            "<br>",
            "<!--",
            "a b",
            '"',
            "&amp;",
            "<form>",
            "</form>",
            "<h1>",
            "<a href=x>",
            "</a>",
            "<div class='ad'>",
            "</div>",
        ]
    )
)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_normalising_twice_is_normalising_once(text):
    assert normalise(normalise(text)) == normalise(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", "utf-8", "utf-16", "shift_jis", "iso-2022-jp", "hex", "punycode"]))
def test_any_bytes_become_characters(body, charset):
    assert isinstance(decode(body, charset), str)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_valid_utf8_comes_back_as_it_was(text):
    raw = text.encode("utf-8", "ignore")
    if b"\0" not in raw and not raw.startswith((b"\xef\xbb\xbf",)):
        assert decode(raw) == raw.decode()


@settings(max_examples=100, deadline=None)
@given(MARKUP)
def test_any_markup_gives_text_without_tags(pieces):
    assert "<p>" not in extract("".join(pieces))


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_every_filter_has_an_answer_for_every_text(text):
    for part in FILTERING:
        finding = part.judge(Text(text))
        assert finding is None or finding.reason == part.reason


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789 +-.()@a"))
def test_a_text_changes_exactly_where_something_was_counted(text):
    redacted, counts = redact(text)
    assert (redacted == text) == (not counts)
    assert sum(redacted.count(f"[{kind}]") for kind in counts) == sum(counts.values())
