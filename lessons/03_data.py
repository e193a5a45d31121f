"""Lesson 3: from pages to tokens, a small C4.

    python lessons/03_data.py [FILE …]

A crawler brings home pages; a model wants text. Between the two lies most of the work, and most of what makes one corpus better
than another. This lesson takes a few pages through each step by hand, and then a small invented internet through all of them,
with the rules that C4 was made by. Files that are named (WARC, HTML, text) are cleaned together with it. It takes about half a minute.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from groundup.data.cleaning.extract import extract
from groundup.data.copies.curve import STEP, measured
from groundup.data.copies.decontaminate import protect
from groundup.data.copies.near import NearSettings, meets, words_of
from groundup.data.documents import TEXT
from groundup.data.prepare import Preparation
from groundup.data.profiles import PROFILES, Profile
from groundup.data.reading.files import Reader
from groundup.evaluation.report import of_funnel
from groundup.kernels import minhash
from groundup.recipe import make_stage
from groundup.recipe.making import nested
from groundup.tokenizer import Tokenizer

into = Path("runs/lessons/03_data")
into.mkdir(parents=True, exist_ok=True)
MEGABYTES, LOOKED_AT = 0.5, 500  # of the invented internet; and pages whose pairs are measured


# 1. An archive. A crawl is kept as WARC: one record after another, each with headers that say how long it is. Inside a `response`
#    lies what the server answered, headers and all. Nothing else is needed to read it: find the length, read as much, go on.

HTML = """<html><head><title>The mill</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a> | <a href="/mill">Mill</a> | <a href="/contact">Contact</a></nav>
<p>We use cookies. <a href="/yes">Accept all</a></p>
<article><h1>The mill</h1><p>The old mill stands where the river bends, and its wheel has not turned since the flood of &#39;58.</p>
<p>Every spring somebody writes to the council about it. The council answers every summer.</p></article>
<footer>&copy; 2019 The Valley. All rights reserved.</footer></body></html>"""


def record(kind: str, url: str, block: str) -> str:
    return (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Length: {len(block.encode())}\r\n\r\n"
        f"{block}\r\n\r\n"
    )


answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{HTML}"
archive = record("request", "http://valley/mill", "GET /mill HTTP/1.1\r\n\r\n") + record(
    "response", "http://valley/mill", answer
)
(into / "lesson.warc").write_text(archive, encoding="utf-8", newline="")
(page,) = Reader([str(into / "lesson.warc")])
print(
    f"1. {len(archive):,} bytes of archive, two records; one of them is a page: {page.id}, {len(page.body):,} bytes\n"
)


# 2. The text in the page. Tags fall away in one line of Python, and then menus, cookies and footers are "text" as well. Which
#    blocks are the article is a guess from their length, their links and their neighbours.

naive = " ".join(re.sub(r"<[^>]*>", " ", HTML).split())
text = " ".join(extract(HTML).split())
print(f"2. without its tags    {len(naive)} characters   {naive[:90]} …")
print(f"   extracted           {len(text)} characters   {text[:90]} …\n")


# 3. Rules. Gopher, C4 and FineWeb each published theirs: numbers that good text keeps and rubbish breaks. No rule is always right;
#    look at what a recipe or a poem does to them, and at which rule lets what pass.

PROSE = (
    "The ferry leaves at six, before the fog has gone. Nobody on board has slept well. The captain, who has a cold, tells the "
    "story of the winter when the river froze and he walked home across it with a lantern. The passengers have heard it before. "
    "They like it all the same, because it is never told twice in the same way. By the time they reach the other side, the sun "
    "is up and the ice has melted again."
)
PAGES = {
    "prose": PROSE,
    "a recipe": "Bread of the mill\n\n500 g flour\n10 g salt\n7 g yeast\n350 g water\n\nMix it. Let it rest for an hour.\nBake it at 230 degrees.",
    "a menu": "\n".join(["Home", "About us", "Products", "Prices", "Contact", "Imprint", "Log in", "Search"] * 3),
    "a poem": "The wheel goes round,\nthe water falls,\nand on the ground\nbehind the walls\nlie stones that found\nno use at all.",
    "filler": PROSE
    + "\nLorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. Ut enim ad minim.",
    "a program": PROSE
    + "\nfunction turn(wheel) { return wheel.angle + 1; } The function above turns the wheel by one degree.",
    "a loop": "Buy the best boats in town, cheap boats, fast boats, best boats. " * 20,
    "a forum": "I think that the mill should be kept, and that we have to pay for it....\n" * 3 + PROSE,
    "a number list": " ".join(str(n * n) for n in range(120)),
}
RULES = ("gopher", "c4", "fineweb")
ways = {name: Preparation(PROFILES[name], None) for name in RULES}
print("3. what the rules say:")
for name, written in PAGES.items():
    print(f"   {name}")
    for rule, way in ways.items():
        told = way.document(written.encode(), TEXT, "utf-8")
        lost = len(written) - len(told.text)
        kept = f"kept, {lost} characters lost" if lost > 0 else "kept"
        print(f"      {rule:<8} {f'{told.step}: {told.detail}'[:100] if told.reason else kept}")
print()


# 4. Nearly the same. Two pages are alike if they share most of their runs of five words: Jaccard's measure. To measure all pairs of
#    a billion pages is hopeless. So each page keeps, for each of many hash functions, the smallest hash of its runs. Two pages
#    agree in one of those numbers with exactly the probability of their similarity. Here are the ten lines that are MinHash:


def runs(text: str, length: int = 5) -> set[int]:
    words = words_of(text.lower()).tolist()  # each word as a number of 64 bits
    return {hash(tuple(words[at : at + length])) % 2**64 for at in range(max(1, len(words) - length + 1))}


def signature(members: set[int], factors: list[int], addends: list[int]) -> list[int]:
    return [
        min((member * factor + addend) % 2**64 >> 32 for member in members)
        for factor, addend in zip(factors, addends, strict=True)
    ]


keys = [array.tolist() for array in minhash.keys(112)]
one, other = PROSE, PROSE.replace("The captain, who has a cold,", "The captain").replace("lantern", "lamp")
a, b = runs(one), runs(other)
mine, theirs = signature(a, *keys), signature(b, *keys)
alike, agreed = len(a & b) / len(a | b), np.mean(np.array(mine) == np.array(theirs))
assert mine == minhash.signature(np.array(sorted(a), np.uint64), *minhash.keys(112)).tolist(), "the kernel differs"
print(f"4. two versions of a page share {alike:.2f} of their runs; {agreed:.2f} of 112 numbers agree")
print("   the compiled loop makes the same 112 numbers\n")


# 5. Bands. Pages that agree in all rows of some band meet in one place, and only they are compared. How likely a pair of a given
#    similarity is to meet is an S: bands and rows say where it rises and how steeply.

print("5. pairs that meet, by their similarity, in bands x rows:")
SHAPES = ((20, 5), (14, 8), (450, 20))
print("   similarity " + "".join(f"{f'{bands} x {rows}':>10}" for bands, rows in SHAPES))
for similarity in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
    print(f"   {similarity:<10} " + "".join(f"{meets(similarity, *shape):>10.3f}" for shape in SHAPES))
print()


# 6. Leaks. A model that has read the test is not tested by it. Thirteen words in a row that also stand in a question are no accident.

questions = into / "questions.jsonl"
asked = "In which winter did the river freeze so that the captain walked home across it with a lantern?"
questions.write_text(json.dumps({"id": "frozen river", "question": asked}) + "\n", encoding="utf-8")
leaks = protect(str(questions))
quoting = f"Yesterday's quiz was hard. {asked} Nobody knew."
print("6. a page that quotes a question:", leaks.leak(words_of(quoting.lower())) or "nothing found")
print("   a page on the same subject:  ", leaks.leak(words_of(PROSE.lower())) or "nothing found")
print()


# 7. All of it, with the rules of C4, on an internet of some hundred pages that was invented for this, rubbish and copies included; and on
#    the files that were named. What each step takes is the funnel.

own = [str(Path(name).resolve()) for name in sys.argv[1:]]
few = {"readers": 0, "dialogues": 10, "preferences": 4, "questions": 40, "attacks": 4}
town = make_stage("invent", nested({"megabytes": MEGABYTES, **few}), into / "town")
near = {"similarity": 0.8, "run": 5, "bands": 14, "rows": 8}
said = {
    "files": [str(town / "pages"), *own],
    "profile": "c4",
    "exact": True,
    "near": near,
    "redact": ["email", "phone", "card"],
}
said |= {"repeated_paragraphs": {"words": 8}, "protect": str(town / "questions"), "workers": 1}
corpus = make_stage("corpus", nested(said), into / "corpus")
table = json.loads((corpus / "table.json").read_text(encoding="utf-8"))
print("7. the funnel:")
most = table["steps"][0]["documents_in"]
for step in table["steps"]:
    bar = "█" * round(40 * step["documents_out"] / most)
    print(f"   {step['name']:<20} {step['documents_out']:>6,} {bar}   {step['bytes_out'] / 1e6:.2f} MB")
print(f"   blacked out: {table['redactions']}")
print()


# 8. What one used to do. Searching and counting words is easier without punctuation and little words, so old recipes take them out.
#    A model of language has then little left to learn language from; and the rules of section 3 count on them. (Gopher asks that of
#    all words, signs among them, four in five have a letter: without signs more pages pass. What a rule likes need not be good.)

texts = [
    text for file in sorted(corpus.glob("kept-*.parquet")) for text in parquet.read_table(file)["text"].to_pylist()
]
some = texts[:200]
OLD = {"as it was": (), "no punctuation": ("punctuation",), "no stop words": ("stop_words",),
       "neither, and small": ("lower", "punctuation", "stop_words")}  # fmt: skip
print("8. what is left of a sentence, and of 200 kept pages what the rules would keep:")
for name, kinds in OLD.items():
    change = Preparation(Profile.model_validate({"changes": [{"kind": kind} for kind in kinds]}), None)
    left = [change.document(text.encode(), TEXT, "utf-8").text for text in (PROSE, *some)]
    stay = {
        rule: sum(not way.document(text.encode(), TEXT, "utf-8").reason for text in left[1:])
        for rule, way in ways.items()
    }
    size = sum(map(len, left[1:])) / sum(map(len, some))
    print(f"   {name:<19} {left[0][:62]!r}")
    print(
        f"   {'':<19} {100 * size:.0f} % of the characters; {', '.join(f'{rule} {many}' for rule, many in stay.items())}"
    )
print()


# 9. Tokens, at last. And did pages meet as often as the S-curve says? Pairs were found by other, smaller bands, so nobody cheats.

tokenizer = Tokenizer.train(texts, 1024)
ids = [tokenizer.encode(text) for text in texts]
packed = np.concatenate(ids).astype(np.uint16)
np.save(into / "tokens.npy", packed)
print(
    f"9. {len(texts):,} documents, {len(packed):,} tokens of {sum(len(t.encode()) for t in texts) / len(packed):.2f} bytes"
)
settings = NearSettings.model_validate(near)
pages = Preparation(PROFILES["none"], None)
read = [pages.document(each.body, each.kind, each.charset).text for each in Reader([str(town / "pages")])]
bins = measured(read[:LOOKED_AT], settings)
print("   pairs among the pages by similarity, how many met, how many should:")
for each in bins[::2]:
    print(
        f"   {each.low:.2f} to {each.low + STEP:.2f}   {each.pairs:>6,} pairs   {each.met:>6,} met   {each.expected:8.1f} expected"
    )
print()


# The figure: the funnel and the S-curve. Which step would you make stricter, and what good text would it take along?

of_funnel.write(table, settings, bins, into)
print(f"made {into / 'report.html'}")
print("next: open it in a browser, then do lessons/exercises/03_data.py")
