"""Other people's extractors, where they are installed: in the workers of a corpus, beside ours."""

from importlib.util import find_spec

import pyarrow.parquet as parquet
import pytest

from groundup.config import build
from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.cleaning.extractors import EXTRACTORS, extractor
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import corpus

PARAGRAPH = "The miller of the town lost a hat, and the {} found it again behind the mill, where it had lain all night."
PAGE = (
    "<html><head><title>A hat</title></head><body><nav><a href=/>Home</a> <a href=/a>About us</a></nav><article>"
    "<h1>How the hat was found</h1>"
    + "".join(f"<p>{PARAGRAPH.format(who)}</p>" for who in ("cat", "dog", "boy", "priest"))
    + "<table><tr><td>hats</td><td>1</td></tr></table></article><footer>All rights reserved.</footer></body></html>"
)


def needs(package, extra):
    """A test of something that `pip install groundup[EXTRA]` brings."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"groundup[{extra}] is not installed")


def made(tmp_path, page, **settings):
    """The texts of a corpus of one page, made by a worker."""
    (tmp_path / "page.html").write_text(page)
    out = tmp_path / "out"
    out.mkdir()
    chosen = build(
        corpus.Settings, {"files": [str(tmp_path / "page.html")], "workers": 1, "profile": "none", **settings}
    )
    corpus.run(chosen, Work(out, chosen, 0, look(), {}, lambda *_: None))
    return parquet.read_table(next(out.glob("kept-*.parquet"))).column("text").to_pylist()


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name, name)) for name in EXTRACTORS[1:]])
def test_an_extractor_of_others_takes_the_text_out_of_a_corpus_s_pages(tmp_path, name):
    text = normalise(extractor(name)(PAGE))
    assert made(tmp_path, PAGE, extractor=name) == [text] and text != extract(PAGE)
    assert all(PARAGRAPH.format(who) in text for who in ("cat", "priest")) and "About us" not in text
    assert extractor(name)("") == "" and extractor(name)("<p>" * 3000 + "\ud800\0") is not None


def test_who_extracts_and_who_repairs_is_told_to_the_workers():
    for extracting, repairing in (("own", "own"), ("trafilatura", "off"), ("resiliparse", "ftfy")):
        given = build(corpus.Settings, {"files": ["x"], "extractor": extracting, "repair": repairing, "near": "off"})
        profile = corpus.profile_of(given)
        assert (profile.extractor, profile.repair, profile.near) == (extracting, repairing, None)


def test_a_filter_that_cannot_be_made_is_a_sentence_before_anything_is_read(tmp_path):
    with pytest.raises(Problem, match="'klingon' under `keep` is no language"):
        made(tmp_path, PAGE, filters=[{"kind": "languages", "keep": ["klingon"]}])
    assert not list((tmp_path / "out").glob("staged*"))
