"""Books and papers: EPUB by its spine, LaTeX without its preamble, PDF by where its lines lie."""

import importlib.util

import pytest

from groundup.data.reading.latex_words import readable
from groundup.data.reading.layout import Line, Page
from groundup.data.reading.layout import readable as laid_out
from groundup.data.reading.pdf import MISSING
from tests.reading_example import FORMATS, epub, one_page_pdf, problems, read, reader, tarred, zipped

PAPER = r"""\documentclass{article}
\newcommand{\model}{GroundUp}
\title{On {\em Bread}}
\begin{document}
\maketitle % a comment
\section{Intro}\label{sec:i}
We use \model{} as in \cite{a}, with $x_1 < 2$ and \textbf{bold \emph{words}}.
\input{parts/method}
\begin{figure}\caption{Gone}\end{figure}
\begin{equation} E = mc^2 \end{equation}
\begin{itemize}\item One \item[x] Two\end{itemize}
Schr\"odinger, Fran\c{c}ois, na\"{\i}ve --- ``quoted'' 5\% \& more~here.
\begin{thebibliography}{9}\bibitem{a} Gone\end{thebibliography}
\end{document}
After."""
METHOD = b"The method\\footnote{Really.} is here. \\input{../../out} \\input{/etc/passwd}"


def test_chapters_come_in_the_order_of_the_spine(tmp_path):
    (tmp_path / "a.epub").write_bytes(epub())
    found = read(tmp_path)
    assert [record.id for record in found] == ["a.epub!/O/one.xhtml", "a.epub!/O/two .xhtml"]
    assert {(record.kind, record.license) for record in found} == {("html", "CC-BY-4.0")}


def test_a_book_is_one_document_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.epub").write_bytes(epub())
    (found,) = read(tmp_path, books="whole")
    assert found.body == b"<html><body><p>First.</p>\n<p>Second.</p></body></html>"


def test_an_epub_without_its_parts_is_a_problem(tmp_path):
    (tmp_path / "a.epub").write_bytes(zipped({"x": b""}))
    (tmp_path / "b.epub").write_bytes(epub().replace(b"two .xhtml", b"too .xhtml"))
    found = read(tmp_path)
    assert "META-INF" in found[0].problem and [bool(record.problem) for record in found] == [True, False, True]


@pytest.mark.skipif(not FORMATS.exists(), reason="needs shared/data")
def test_a_real_book_gives_its_stories_in_order():
    found = read(FORMATS / "sherlock-holmes.epub")
    stories = [record.id for record in found if len(record.body) > 20_000]
    assert len(stories) == 12 and "bohemia" in stories[0] and "copper-beeches" in stories[-1] and not problems(found)


def test_a_paper_is_its_body_with_formulas_and_what_it_takes_in(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.tex").write_text(PAPER)
    (tmp_path / "parts" / "method.tex").write_bytes(METHOD)
    (tmp_path.parent / "out.tex").write_text("secret")
    seen = reader(tmp_path)
    (found,) = seen
    text = found.body.decode()
    assert text.startswith("On Bread\n\nIntro\n\nWe use GroundUp as in, with $x_1 < 2$ and bold words.")
    assert "The methodReally. is here." in text and "$$E = mc^2$$" in text and "- One\n- Two" in text
    assert "“quoted” 5% & more here." in text and "Gone" not in text and "After" not in text and "secret" not in text
    assert seen.skipped == {"a part of a LaTeX paper": 1}


@pytest.mark.parametrize("pack, name", [(zipped, "p.zip"), (tarred, "p.tar")])
def test_a_paper_in_an_archive_takes_in_its_own_members(tmp_path, pack, name):
    (tmp_path / name).write_bytes(pack({"p/main.tex": PAPER.encode(), "p/parts/method.tex": METHOD}))
    (found,) = read(tmp_path)
    assert "The method" in found.body.decode() and found.id == f"{name}!/p/main.tex"


def test_a_paper_that_takes_itself_in_ends(tmp_path):
    (tmp_path / "a.tex").write_text("\\documentclass{x}\\begin{document}word \\input{a}\\input{a}\\end{document}")
    (found,) = read(tmp_path)
    assert 0 < found.body.count(b"word") <= 512


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["{", "\\[", "$", "\\begin{equation}", "\\section{", "\\verb|", "\\item[", "}", "\\'", "\\newcommand{"]
)
def test_hostile_latex_costs_no_more_than_its_length(piece):
    assert isinstance(readable(piece * (200_000 // len(piece))), str)


def column(left, top, *lines):
    return [Line(left, top - 12 * n - 10, left + 5.0 * len(text), top - 12 * n, text) for n, text in enumerate(lines)]


def test_columns_are_read_one_after_the_other_and_broken_words_joined():
    left = column(50, 600, *["left column goes on and a hy-", "phen is well-"] + ["known there and further on"] * 6)
    right = column(320, 600, *["right column begins below it"] * 7 + ["and it ends well-known here."])
    text = laid_out(
        [
            Page(
                612,
                792,
                [*right, *left, *column(50, 700, "A title across the page of both columns, long enough to cross")],
            )
        ]
    )
    assert text.startswith("A title across") and text.index("further on") < text.index("right column")
    assert "a hyphen is well-known there" in text


def test_lines_that_stand_at_the_edge_of_every_page_are_left_out():
    pages = [
        Page(
            612,
            792,
            [
                *column(50, 780, f"Journal of Bread {n}"),
                *column(50, 500, f"Words of page {n}."),
                *column(300, 30, str(n)),
            ],
        )
        for n in range(5)
    ]
    assert laid_out(pages) == "\n\n".join(f"Words of page {n}." for n in range(5))
    titled = [Page(612, 792, [*page.lines[1:], *column(50, 780, "Of Bread")]) for page in pages]
    assert laid_out(titled) == "\n\n".join(["Of Bread", *(f"Words of page {n}." for n in range(5))])


def test_a_pdf_is_read_or_says_what_it_takes(tmp_path):
    (tmp_path / "a.pdf").write_bytes(
        one_page_pdf((72, 700, "The first line of a para-"), (72, 688, "graph and its second."))
    )
    (tmp_path / "b.pdf").write_bytes(b"no PDF at all")
    first, second = read(tmp_path)
    assert second.problem == "no PDF: it does not begin with %PDF-"
    if importlib.util.find_spec("pdfminer"):
        assert first.body == b"The first line of a paragraph and its second."
    else:
        assert first.problem == MISSING


@pytest.mark.skipif(not importlib.util.find_spec("pdfminer"), reason="needs pdfminer.six")
def test_a_pdf_that_is_broken_or_of_pictures_is_a_problem(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\ngarbage " * 100)
    (tmp_path / "b.pdf").write_bytes(one_page_pdf())
    first, second = problems(read(tmp_path))
    assert "cannot be read" in first and "without text" in second
