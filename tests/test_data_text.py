"""Bytes become characters, pages become their main text, and every text has one form."""

import pytest

from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.reading.encoding import decode, repair

WORDS = "Café, don’t — “naïve”: ½ € Ünïcödé"
PARAGRAPHS = [
    f"Paragraph {n} tells at some length how the miller of the town lost a hat and found it again." for n in (1, 2, 3)
]
MAIN = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "ascii", "no-such-thing"])
def test_the_encoding_is_found_whatever_is_declared(encoding, declared):
    assert decode(WORDS.encode(encoding), declared) == WORDS


def test_a_declared_encoding_is_believed_where_the_bytes_allow_it():
    assert decode("Привет, мир".encode("cp1251"), "windows-1251") == "Привет, мир"
    page = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">Привет'
    assert decode(page.encode("koi8-r")) == page


def test_a_few_broken_bytes_do_not_spoil_a_page_in_utf8():
    damaged = (WORDS * 5).encode() + b"\xe9t\xe9" + (WORDS * 5).encode()
    assert decode(damaged) == WORDS * 5 + "été" + WORDS * 5


@pytest.mark.parametrize("times", [1, 2, 3])
def test_mojibake_is_repaired_even_when_it_happened_again_and_again(times):
    spoilt = WORDS
    for _ in range(times):
        spoilt = spoilt.encode().decode("cp1252", "groundup.western")
    assert spoilt != WORDS and repair(spoilt) == WORDS


@pytest.mark.parametrize(
    "text", ["À bientôt, Ångström! «Âge» — “PÃO”", "x² ≥ 3 µm ± 5 °C", "Größe: 12 €", "naïve façade"]
)
def test_sound_text_is_not_repaired(text):
    assert repair(text) == text


def test_normalising_joins_what_is_the_same_to_the_eye():
    assert normalise("a\r\nb\rc\u00a0d\u200be\u00ad \t\n\n\n\n\nf\0\ufeff e\u0301 \ud800") == "a\nb\nc de\n\nf é \ufffd"


def test_indentation_and_markdown_stay_as_they_are():
    code = "# Title\n\n```python\ndef f(x):\n    if x:\n        return 1\n```\n\n| a | b |\n|---|---|"
    assert normalise(code) == code


def test_only_the_main_text_of_a_page_is_left():
    page = f"""<html><head><title>T</title><style>p {{}}</style><script>var x = "<p>no</p>";</script></head><body>
      <nav><ul><li><a href=/>Home</a></li><li><a href=/a>About</a></li></ul></nav>
      <div class="cookie-banner">We use cookies to improve your experience. Accept all</div>
      <div id=sidebar><p>{"An advertisement that is long enough to be taken for a paragraph. " * 4}</p></div>
      <h1>The miller's hat</h1>{MAIN}<ul><li><a href=x>Read more</a></li></ul>
      <aside>Related: <a href=y>Ten hats</a></aside><!-- a comment -->
      <footer>© 2024 The town. All rights reserved.</footer></body></html>"""
    assert extract(page) == "\n\n".join(["The miller's hat", *PARAGRAPHS])


@pytest.mark.parametrize(
    "markup",
    [
        "<p>" + "<p>".join(PARAGRAPHS),  # nothing is closed
        "<div><b><i>" + MAIN + "</b></div></i></span></table>",
        "<nav><a href=/>Home</a><div><h1></h1>" + MAIN,  # navigation that never ends
        "<table><tr><td>" + MAIN + "</td></table>",
        "<p class='x>y' title=\"a > b\">" + MAIN,
        MAIN + "<script>document.write('never closed",
        "<form action=/ method=post>" + MAIN + "</form>",  # the whole page is a form
        MAIN.upper().replace("<P>", "<P ALIGN=LEFT>").replace("</P>", ""),
    ],
)
def test_broken_markup_loses_no_paragraph(markup):
    assert [line.lower() for line in extract(markup).split("\n\n") if line] == [text.lower() for text in PARAGRAPHS]


def test_entities_are_characters_and_a_page_of_tags_alone_is_empty():
    assert extract("<p>Fish &amp; chips &eacute;t&#233; &lt;now&gt;, and so on for a while, they say.</p>") == (
        "Fish & chips été <now>, and so on for a while, they say."
    )
    assert extract("<html><body><div></div><img src=x></body></html>") == ""


def test_preformatted_text_keeps_its_lines():
    assert extract("<p>" + PARAGRAPHS[0] + "</p><pre>def f():\n    return 1\n</pre>").endswith("def f():\n    return 1")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "page",
    [
        "<" * 200_000,
        "<nav>" * 20_000,
        "<a " * 50_000,
        '<p class="' * 20_000,
        "<!--" * 50_000,
        "<script>" * 20_000,
        "&#" * 100_000,
    ],
)
def test_hostile_markup_costs_no_more_than_its_length(page):
    assert isinstance(extract(page), str)
