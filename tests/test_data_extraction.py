"""What extraction does on pages as sites build them, who may do it instead, and that no page costs more than its length."""

import time
from importlib.util import find_spec

import pytest

from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.cleaning.extractors import EXTRACTORS, extractor
from groundup.data.cleaning.mend import mended, repairer
from groundup.errors import Problem

PARAGRAPHS = [
    f"Paragraph {n} tells at some length how the miller of the town lost a hat, and how he found it again."
    for n in range(9)
]
MAIN = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
TEXT = "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "wrapper",
    [
        'class="layout has-sidebar"',
        'class="layout--sidebar"',
        'id="social-wrapper"',
        'class="overflow-hidden"',
        "hidden",
        'style="display: none"',
        'class="elementor-widget elementor-widget-text"',
    ],
)
def test_what_holds_most_of_the_prose_stays_however_it_is_named(wrapper):
    page = f"<nav><a href=/>Home</a></nav><div {wrapper}>{MAIN}</div><footer>The town, and all that is in it.</footer>"
    assert extract(page) == TEXT


def test_hidden_parts_and_discussions_fall():
    said = "<p>I never heard of such a thing, and I have lived in this town for sixty years, said one.</p>"
    page = f'{MAIN}{MAIN}<div hidden><p>Nobody can see this sentence, since it is hidden.</p></div><div class="comments">{said * 3}</div>'
    assert extract(page) == f"{TEXT}\n\n{TEXT}"


def test_a_discussion_that_is_the_page_stays():
    posts = "".join(f'<div class="comment"><p>{text}</p></div>' for text in PARAGRAPHS)
    assert extract(f"<h1>How was the hat found?</h1>{posts}") == f"How was the hat found?\n\n{TEXT}"


def test_code_keeps_its_lines_even_where_each_is_an_element():
    lines = "".join(
        f'<div class="line"><span>{line}</span></div>' for line in ("def f(x):", "    if x:", "        return 1")
    )
    assert extract(f"{MAIN}<pre><code>{lines}</code></pre>{MAIN}") == (
        f"{TEXT}\n\ndef f(x):\n    if x:\n        return 1\n\n{TEXT}"
    )


def test_rows_of_a_table_are_lines_and_lists_keep_their_items():
    table = "<table><tr><th>Year</th><th>Hats</th></tr><tr><td>1890</td><td>three</td></tr></table>"
    page = f"{MAIN}{table}{MAIN}<ul><li>The first hat was of straw.</li><li>The second hat was of felt.</li></ul>"
    assert extract(page) == (
        f"{TEXT}\n\nYear | Hats\n1890 | three\n\n{TEXT}\n\n- The first hat was of straw.\n- The second hat was of felt."
    )


def test_questions_that_unfold_keep_their_answers():
    asked = f"<button aria-expanded=false>Who found the hat?</button><div>{MAIN}</div><button>Copy</button>"
    assert extract(f"<article>{MAIN}{asked}{MAIN}</article>") == f"{TEXT}\n\nWho found the hat?\n\n{TEXT}\n\n{TEXT}"


def test_elements_that_are_never_closed_do_not_take_the_page_with_them():
    for tag in ("svg", "select", "title", "noscript", "dialog"):
        assert extract(f"<{tag} class='a'>{MAIN}").endswith(TEXT)
    assert extract(f"{MAIN}<script>never ended {MAIN}") == TEXT


HOSTILE = [
    *(
        "<svg>",
        "<select ",
        "<title>",
        '<svg "',
        "<a '",
        '<a "',
        '<p class="',
        "<p a='\"",
        "<!--",
        "<![CDATA[",
        "</script ",
        "<!",
    ),
    *(
        "<nav>",
        "<div hidden>",
        "<div class='ad'>",
        "<div class=comments>",
        "</div>",
        "<pre>",
        "<table><tr><td>a",
        "<",
        "&#",
        "&amp",
    ),
    *('<a """""', "<form>", "<li>a", "<h1>", "a | b - c ", "<b>" * 50, "<div " + "a=b " * 20 + ">", "</svg" + " " * 50),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_page_costs_more_than_in_proportion_to_its_length(piece):
    """Four times the page takes about four times as long; where it were the square it would be sixteen times."""

    def seconds(length):
        page = piece * (length // len(piece))
        start = time.process_time()
        extract(page)
        return time.process_time() - start

    small = min(seconds(50_000) for _ in range(2))
    assert seconds(200_000) < 10 * small + 0.1


def test_an_extractor_or_repair_that_is_not_installed_is_a_sentence_that_names_the_extra():
    assert extractor("own") is extract and repairer("own") is mended and repairer("off")("CafÃ©") == "CafÃ©"
    for name in EXTRACTORS[1:]:
        if find_spec(name) is None:
            with pytest.raises(Problem, match=rf"pip install groundup\[{name}\]`, or set extractor=own"):
                extractor(name)
    if find_spec("ftfy") is None:
        with pytest.raises(Problem, match=r"pip install groundup\[ftfy\]`, or set repair=own"):
            repairer("ftfy")


@pytest.mark.parametrize(
    "spoilt, sound",
    [
        ("a \x93quoted\x94 word, it\x92s", "a “quoted” word, it’s"),
        ("voilÃ  le travail", "voilà le travail"),
        ("Ã  la carte", "à la carte"),
        ("caf√© and don‚Äôt", "café and don’t"),
        ("РџСЂРёРІРµС‚ РјРёСЂ", "Привет мир"),
        ("Äeský, â€œquotedâ€\x9d".replace("Äe", "Ä\x8de"), "český, “quoted”"),
    ],
)
def test_what_other_encodings_did_is_undone(spoilt, sound):
    assert normalise(spoilt) == sound


@pytest.mark.parametrize(
    "text", ["MAÇÃ E PÃO", "2√π and √∞, x√2", "РС и СССР, Россия — это", "Ärger ‚Ähnlich", "naïve “Über”"]
)
def test_what_is_sound_stays(text):
    assert mended(text) == text
