"""Dumps of wikis and forums: articles and threads become documents; entities are never expanded."""

import bz2

import pytest

from groundup.data.cleaning.extract import extract
from groundup.data.reading import stack_exchange
from groundup.data.reading.wikitext import readable
from groundup.data.reading.xml import parsed
from tests.reading_example import POSTS, WIKI, problems, read, reader, texts


def test_of_a_wiki_the_articles_are_read_in_their_last_revision(tmp_path):
    (tmp_path / "pages-articles.xml.bz2").write_bytes(bz2.compress(WIKI.encode()))
    seen = reader(tmp_path)
    (found,) = seen
    assert found.body == b"Bread\n\nBread is eaten." and found.id == "https://en.example.org/wiki/Bread"
    assert seen.skipped == {"wiki: no article": 1, "wiki: a redirect": 1}


@pytest.mark.parametrize(
    "wikitext, text",
    [
        ("'''Bread''' is ''old''.", "Bread is old."),
        ("{{Infobox|a={{nested|[[x]]}}}}Text{{cn}}.", "Text."),
        ("a<ref name=x>Smith {{cite|b}}</ref> b<ref name=\"x\" /> c", "a b c"),
        ("[[File:A.jpg|thumb|A [[cat]] sat]]See [[cat|the cats]] and [[dog]]s.", "See the cats and dogs."),
        ("{| class=x\n|-\n| cell\n{| inner\n|}\n|}After", "After"),
        ("[http://a.example the page] and [http://b.example]", "the page and"),
        ("Intro\n== Early ==\nWords.\n=== Empty ===\n== See also ==\n* [[x]]\n== Last ==\nMore.",
         "Intro\n\nEarly\n\nWords.\n\nLast\n\nMore."),
        ("* one\n* two\n# three\n:indented", "- one\n- two\n- three\nindented"),
        ("<math>x^2 {{y}}</math> and <nowiki>[[raw]]</nowiki>", "$x^2 {{y}}$ and [[raw]]"),
        ("{{convert|5|km|mi}} in {{lang|fr|Paris}}&nbsp;{{ndash}} <br/>x", "5 km in Paris\xa0–\nx"),
        ("<!-- gone -->kept __NOTOC__<gallery>a\nb</gallery>", "kept"),
        ("unclosed {{ here and [[there", "unclosed here and there"),
        ("[[Category:Food]][[de:Brot]]Bread (; ) it", "de:BrotBread it"),
    ],
)  # fmt: skip
def test_wikitext_becomes_readable(wikitext, text):
    assert readable(wikitext) == text


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["{{", "[[", "{|", "}}", "<ref>", "<!--", "[http://", "== ", "''", "{{a|[[", "<math>", "&#"]
)
def test_hostile_wikitext_costs_no_more_than_its_length(piece):
    assert isinstance(readable(piece * (400_000 // len(piece))), str)


def test_a_question_and_its_answers_are_one_page_the_best_first(tmp_path):
    folder = tmp_path / "cooking.stackexchange.com"
    folder.mkdir()
    (folder / "Posts.xml").write_text(POSTS)
    seen = reader(tmp_path)
    first, second = seen
    assert first.id == "https://cooking.stackexchange.com/q/1" and first.license == "CC-BY-SA-3.0 AND CC-BY-SA-4.0"
    page = first.body.decode()
    assert page.index("Why &lt;b&gt;?") < page.index("bread, butter") < page.index("Best.") < page.index("Because.")
    assert "How?" in extract(second.body.decode())
    assert seen.skipped == {stack_exchange.LATE: 1, "forum: neither question nor answer": 1}


def test_when_too_many_questions_wait_the_oldest_goes_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(stack_exchange, "HELD", 400)
    (tmp_path / "Posts.xml").write_text(POSTS)
    seen = reader(tmp_path)
    assert len(list(seen)) == 2 and seen.skipped[stack_exchange.LATE] == 2


BOMB = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">' + "".join(
    f'<!ENTITY lol{n} "{f"&lol{n - 1 or chr(0)};" * 10}">'.replace("lol\0", "lol") for n in range(1, 10)
)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "root", ["<mediawiki><page><title>&lol9;</title></page></mediawiki>", '<posts>\n<row Id="&lol9;" />\n</posts>']
)
def test_entities_are_refused_before_any_is_expanded(tmp_path, root):
    (tmp_path / "a.xml").write_text(BOMB + "]>" + root)
    (tmp_path / "b.xml").write_text("x" * 5000 + BOMB + "]>" + root)  # beyond what is looked at first
    found = read(tmp_path)
    assert texts(found) == [] and problems(found)[0].startswith("it declares entities")
    with pytest.raises(ValueError, match="declares entities"):
        parsed((BOMB + "]>" + root).encode())


def test_a_broken_page_costs_itself_alone(tmp_path):
    broken = WIKI.replace("<title>Talk:Bread</title>", "<title>Talk:<Bread</title>").replace("</mediawiki>", "<page>")
    (tmp_path / "a.xml").write_text(broken)
    found = read(tmp_path)
    assert len(texts(found)) == 1 and len(problems(found)) == 2


def test_xml_of_other_kinds_is_counted(tmp_path):
    (tmp_path / "a.xml").write_text("<project><name>x</name></project>")
    seen = reader(tmp_path)
    assert list(seen) == [] and seen.skipped == {".xml that is no dump of a wiki or forum": 1}
