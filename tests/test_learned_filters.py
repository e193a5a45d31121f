"""Filters that were learnt: from labelled texts to a folder, from the folder to what stays in a corpus."""

import importlib
import inspect
import json
import random

import numpy as np
import pytest

from groundup.config import build
from groundup.data.filters.classifier import Classifier, FeatureSettings, LearningSettings, fit, stretches
from groundup.data.filters.languages import Languages, LanguagesSettings, by_profiles
from groundup.data.filters.learned import Learned, LearnedSettings
from groundup.data.filters.perplexity import Counting, Letters, LetterSettings, Perplexity, PerplexitySettings
from groundup.data.filters.phrases import Text
from groundup.data.filters.toxic import Toxic, ToxicSettings
from groundup.data.profiles import Profile
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import classifier, corpus, perplexity

KIND = "the mill turns slowly and the miller sleeps beside the river while children learn to read".split()
LOUD = "buy cheap offers now click win bonus free pills casino discount order today only".split()
MIXED = "and the with a of in on to for".split()


def sentence(words, roll, many=14):
    return " ".join(roll.choice(words if roll.random() < 0.6 else MIXED) for _ in range(many)) + "."


def labelled(many=300, seed=0):
    roll = random.Random(seed)
    return [(sentence(words, roll), label) for _ in range(many) for words, label in ((KIND, "good"), (LOUD, "bad"))]


def learnt(**features):
    texts, labels = zip(*labelled(), strict=True)
    return fit(texts, labels, FeatureSettings(bits=12, **features), LearningSettings(), 1)


def made(stage, tmp_path, name, **settings):
    out = tmp_path / name
    out.mkdir()
    chosen = build(stage.Settings, settings)
    stage.run(chosen, Work(out, chosen, 1, look(), {}, lambda *_: None))
    return out


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_it_learns_what_it_was_shown_and_tells_it_of_other_texts():
    found = learnt()
    said = found.chances_of([text for text, _ in labelled(100, seed=5)]).argmax(1)
    assert np.mean([found.labels[n] == label for n, (_, label) in zip(said, labelled(100, seed=5), strict=True)]) > 0.98


def test_one_text_and_many_get_the_same_chances():
    found, texts = learnt(), ["", "x", "the mill turns", "buy now", "中文"]
    assert np.array_equal(found.chances_of(texts), np.array([found.chances(text) for text in texts]))
    assert np.allclose(found.chances_of(texts).sum(1), 1, atol=1e-5)


def test_a_saved_classifier_is_the_same_after_it_was_read(tmp_path):
    found = learnt()
    found.save(tmp_path)
    again = Classifier.load(tmp_path)
    assert again.weights.tobytes() == found.weights.tobytes() and again.described == found.described
    assert np.array_equal(again.chances("the miller sleeps"), found.chances("the miller sleeps"))


def test_any_other_reader_of_safetensors_reads_the_weights(tmp_path):
    from safetensors.numpy import load_file

    found = learnt()
    found.save(tmp_path)
    assert np.array_equal(load_file(tmp_path / "classifier.safetensors")["weights"], found.weights.astype(np.float16))


def test_a_damaged_folder_is_refused_in_a_sentence(tmp_path):
    learnt().save(tmp_path)
    file, description = tmp_path / "classifier.safetensors", tmp_path / "classifier.json"
    raw, told = file.read_bytes(), json.loads(description.read_text())
    for at in (0, 9, 40, len(raw) // 2, len(raw) - 1):
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(Problem, match="does not fit classifier.json"):
            Classifier.load(tmp_path)
    file.write_bytes(raw[:-1])
    with pytest.raises(Problem, match="bytes"):
        Classifier.load(tmp_path)
    file.write_bytes(raw)
    for changed in ({**told, "code": "import os"}, {**told, "labels": ["one"]}, {**told, "format": "?"}, []):
        description.write_text(json.dumps(changed))
        with pytest.raises(Problem):
            Classifier.load(tmp_path)
    description.write_text('{"format": "groundup classifier", "format": "groundup classifier"}')
    with pytest.raises(Problem, match="given twice"):
        Classifier.load(tmp_path)


def test_a_table_of_letters_without_room_is_refused(tmp_path):
    """A full table has no free slot at which a search could end."""
    counting = Counting(LetterSettings(bits=10))
    counting.add("the mill turns")
    found = counting.measured(["the mill", "a river"], {})
    found.tables[0][:] = 7
    found.save(tmp_path)
    with pytest.raises(Problem, match="no free slots"):
        Letters.load(tmp_path)


def test_the_stage_learns_from_labelled_lines_and_reports(tmp_path):
    rows = [{"text": text, "label": label} for text, label in labelled()]
    out = made(classifier, tmp_path, "out", labelled=[lines(tmp_path / "a.jsonl", rows)], features={"bits": 12})
    report = json.loads((out / "report.json").read_text())
    assert report["accuracy"] > 0.98 and report["labels"]["bad"]["auc"] > 0.99
    words = report["labels"]["bad"]["words"]
    assert set(words[:8]) <= set(LOUD) and not set(words) & (set(KIND) - set(MIXED))
    assert set(report["labels"]["good"]["words"]) & {"miller", "river"} and report["labels"]["good"]["runs"]
    kept = [row["kept"] for row in report["labels"]["good"]["thresholds"]]
    assert kept == sorted(kept, reverse=True) and kept[0] > kept[-1]
    page = (out / "report.md").read_text()
    assert "How often it is right" in page and "Thresholds for good" in page and "| bad |" in page
    assert Classifier.load(out).described.held_out["accuracy"] == report["accuracy"]


def test_the_stage_learns_from_folders_and_a_share_of_the_pool_is_kept(tmp_path):
    for name, words in (("books", KIND), ("pages", LOUD)):
        (tmp_path / name).mkdir()
        roll = random.Random(3)
        lines(tmp_path / name / "a.jsonl", [{"text": sentence(words, roll)} for _ in range(300)])
    roll = random.Random(4)
    pool = [sentence(KIND, roll) if n % 4 == 0 else sentence(LOUD, roll) for n in range(200)]
    given = {"positive": [str(tmp_path / "books")], "negative": [str(tmp_path / "pages")], "features": {"bits": 12}}
    out = made(classifier, tmp_path, "q", **given, pool=[lines(tmp_path / "pool.jsonl", [{"text": t} for t in pool])])
    part = Learned(LearnedSettings(model=str(out), keep="positive", share=0.1))
    kept = [text for text in pool if part.judge(Text(text)) is None]
    assert 15 <= len(kept) <= 25 and all("mill" in text or set(text.strip(".").split()) & set(KIND) for text in kept)


def test_a_corpus_is_cleaned_by_what_was_learnt(tmp_path):
    rows = [{"text": text, "label": label} for text, label in labelled()]
    out = made(classifier, tmp_path, "c", labelled=[lines(tmp_path / "a.jsonl", rows)], features={"bits": 12})
    roll = random.Random(9)
    (tmp_path / "in").mkdir()
    texts = {f"good{n}": sentence(KIND, roll) for n in range(8)} | {f"bad{n}": sentence(LOUD, roll) for n in range(8)}
    lines(tmp_path / "in" / "x.jsonl", [{"id": name, "text": text} for name, text in texts.items()])
    filters = [{"kind": "learned", "model": str(out), "remove": "bad"}]
    cleaned = made(corpus, tmp_path, "k", files=[str(tmp_path / "in")], profile="none", filters=filters, workers=1)
    import pyarrow.parquet as parquet

    kept = parquet.read_table(next(cleaned.glob("kept-*.parquet"))).column("id").to_pylist()
    assert kept == [f"good{n}" for n in range(8)]


def test_texts_with_scores_are_parted_at_the_boundary(tmp_path):
    rows = [{"text": text, "score": 4 if label == "good" else 1} for text, label in labelled()]
    out = made(classifier, tmp_path, "s", scored=[lines(tmp_path / "a.jsonl", rows)], features={"bits": 12})
    found = Classifier.load(out)
    roll = random.Random(1)
    assert found.chances(sentence(KIND, roll))[found.place("positive")] > 0.9


def test_what_cannot_be_learnt_from_is_a_sentence(tmp_path):
    one = lines(tmp_path / "one.jsonl", [{"text": f"text {n}", "label": "only"} for n in range(40)])
    with pytest.raises(Problem, match="there must be two labels"):
        made(classifier, tmp_path, "a", labelled=[one])
    with pytest.raises(Problem, match=r"one\.jsonl:1: no text under `body`; there are text, label"):
        made(classifier, tmp_path, "b", labelled=[one], text="body")
    with pytest.raises(Problem, match="belong together"):
        build(classifier.Settings, {"positive": [one]})
    with pytest.raises(Problem, match="knows no label 'gut'; it knows bad, good"):
        learnt().save(tmp_path)
        Learned(LearnedSettings(model=str(tmp_path), keep="gut"))
    with pytest.raises(Problem, match="one label"):
        build(Profile, {"filters": [{"kind": "learned", "model": "x", "keep": "a", "remove": "b"}]})


WRITTEN_BADLY = {
    "digits": "You are a d1sgust1ng 1d10t. Shut up, you worthl3ss l1ar! Nobody w@nts a $tupid l0ser like you here.",
    "apart": "you i d i o t, you are a s t u p i d and l-o-u-d m o r o n, a l_o_s_e_r like you, go to hell",
    "drawn": "you are a stuuuupid looooser and an idiooot, you mooooron, a liaaaar like you, shut up",
    "cyrillic": "you are a stup\u0456d \u0456d\u0456ot, you m\u043er\u043en, a l\u043eser like you, shut up",
}


@pytest.mark.parametrize("how", sorted(WRITTEN_BADLY))
def test_abuse_that_is_disguised_is_found(how):
    found = Toxic(ToxicSettings()).judge(Text(WRITTEN_BADLY[how]))
    assert found is not None and {"idiot", "moron", "loser", "liar"} & set(found.detail.replace(",", "").split())


def test_numbers_and_names_with_dots_are_no_abuse():
    code = "In 2024 the x1 and b2 models cost $15 or $3a; use a1 = b3 + c4, see www.x.y.z or H 2 O, aaa, i.e. a b c d."
    assert Toxic(ToxicSettings()).judge(Text(code * 5)) is None


SAID = {
    "de": "Der Müller ging am Morgen in die Stadt, weil er auf dem Markt noch etwas kaufen wollte.",
    "fr": "Le meunier est allé à la ville ce matin, parce qu'il voulait acheter quelque chose.",
    "es": "El molinero fue a la ciudad por la mañana porque quería comprar algo en el mercado.",
    "en": "The miller went to the town in the morning, because he wanted to buy something there.",
    "no": "Mølleren gikk til byen om morgenen fordi han ville kjøpe noe på markedet, og så gikk han hjem.",
    "ru": "Мельник утром пошёл в город, потому что хотел купить что-нибудь на рынке.",
    "uk": "Мельник уранці пішов до міста, бо він хотів купити щось на ринку, і це було добре.",
    "bg": "Мелничарят отиде сутринта в града, защото искаше да купи нещо от пазара.",
    "ar": "ذهب الطحان إلى المدينة في الصباح لأنه أراد أن يشتري شيئا من السوق.",
    "fa": "آسیابان صبح به شهر رفت چون می خواست از بازار چیزی برای زن خود بخرد.",
    "hi": "चक्की वाला सुबह शहर गया क्योंकि वह बाज़ार में अपनी पत्नी के लिए कुछ खरीदना चाहता था।",
    "ja": "粉屋は朝、町へ行きました。市場で妻に何かを買いたかったからです。",
    "zh": "磨坊主早上进城去了，因为他想在市场上给妻子买点东西。",
    "ko": "방앗간 주인은 아침에 시내에 갔다. 시장에서 아내에게 줄 것을 사고 싶었기 때문이다.",
    "el": "Ο μυλωνάς πήγε το πρωί στην πόλη, γιατί ήθελε να αγοράσει κάτι στην αγορά.",
    "th": "คนโม่แป้งไปในเมืองตอนเช้าเพราะเขาต้องการซื้อของที่ตลาด",
}


@pytest.mark.parametrize("kind", ["json", "textwrap", "argparse"])
def test_code_is_in_no_language_but_english(kind):
    code = inspect.getsource(importlib.import_module(kind))
    assert Languages(LanguagesSettings()).judge(Text(code)) is None


@pytest.mark.parametrize("language", sorted(SAID))
def test_profiles_tell_a_sentence_of_each_language(language):
    assert by_profiles(SAID[language])[0] == language


def test_a_filter_of_languages_keeps_those_that_are_named_and_what_is_in_none():
    part = Languages(LanguagesSettings(keep=["en", "hi"]))
    gone = {name for name, text in SAID.items() if part.judge(Text(text))}
    assert gone == set(SAID) - {"en", "hi"}
    assert all(part.judge(Text(text)) is None for text in ("", "12", "x = [1, 2]; y += x[0] ** 2", "🎈🎈🎈", "OK"))


def test_a_language_that_nobody_knows_and_a_missing_package_are_sentences(tmp_path):
    with pytest.raises(Problem, match="'klingon' under `keep` is no language"):
        Languages(LanguagesSettings(keep=["klingon"]))
    (tmp_path / "lid.176.ftz").write_bytes(b"no")
    with pytest.raises(Problem, match="fasttext|fastText cannot read"):
        Languages(LanguagesSettings(keep=["de"], by="fasttext", model=str(tmp_path / "lid.176.ftz")))


def test_languages_are_learnt_from_labelled_sentences(tmp_path):
    parts = [(text[at : at + 30], name) for name, text in SAID.items() for at in range(0, len(text) - 12)]
    texts, labels = zip(*parts, strict=True)
    fit(texts, labels, FeatureSettings(words=1, shortest=1, longest=3, bits=14), LearningSettings(), 1).save(tmp_path)
    part = Languages(LanguagesSettings(keep=["de"], by="classifier", model=str(tmp_path)))
    said = part.judge(Text("Il voulait acheter quelque chose au marché."))
    assert (
        said is not None and said.detail.startswith("fr") and part.judge(Text("Er wollte noch etwas kaufen.")) is None
    )


def prose(seed, many=120):
    roll = random.Random(seed)
    return sentence(KIND, roll, many)


def noise(seed, many=500):
    roll = random.Random(seed)
    return "".join(roll.choice("abcdefghijklmnopqrstuvwxyz     ") for _ in range(many))


def test_the_stage_of_letters_removes_what_is_unlike_its_texts(tmp_path):
    texts = lines(tmp_path / "a.jsonl", [{"text": prose(n)} for n in range(400)])
    out = made(perplexity, tmp_path, "p", texts=[texts], letters={"bits": 16})
    part = Perplexity(PerplexitySettings(model=str(out), high=99, margin=0.5))
    assert part.judge(Text(noise(1))).reason == "perplexity"
    assert not any(part.judge(Text(prose(n))) for n in range(1000, 1040))
    assert part.judge(Text("")) is None and part.judge(Text("ok")) is None
    report = json.loads((out / "report.json").read_text())
    assert report["percentiles"] == sorted(report["percentiles"]) and not report["full"]


def test_head_middle_and_tail_are_thirds_of_what_was_measured(tmp_path):
    texts = lines(tmp_path / "a.jsonl", [{"text": prose(n)} for n in range(600)])
    out = made(perplexity, tmp_path, "p", texts=[texts], letters={"bits": 16}, held_out=0.5)
    letters = Letters.load(out)
    thirds = [letters.third(letters.bits(prose(n))) for n in range(1000, 1300)]
    assert all(70 < thirds.count(name) < 130 for name in ("head", "middle", "tail"))
    keeps = Perplexity(PerplexitySettings(model=str(out), keep=["head"]))
    for n in range(2000, 2030):
        assert (keeps.judge(Text(prose(n))) is None) == (letters.third(letters.bits(prose(n))) == "head")
    assert keeps.judge(Text(noise(5))).detail.startswith("tail")


HOSTILE = {
    "empty": "",
    "one sign": "?",
    "one letter": "a",
    "surrogate": "\ud800 text",
    "nul": "\0\0\0",
    "emoji": "🎈" * 50,
    "right to left": "שלום " * 20,
    "long word": "a" * 50_000,
    "long and spaced": "a b " * 20_000,
    "long signs": "$1!" * 20_000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_no_text_breaks_a_filter(name, tmp_path):
    learnt().save(tmp_path)
    counting = Counting(LetterSettings(bits=12))
    counting.add(prose(0))
    counting.measured([prose(1), prose(2)], {}).save(tmp_path)
    parts = [
        Learned(LearnedSettings(model=str(tmp_path), remove="bad")),
        Perplexity(PerplexitySettings(model=str(tmp_path))),
        Languages(LanguagesSettings()),
        Toxic(ToxicSettings()),
    ]
    for part in parts:
        part.judge(Text(HOSTILE[name]))


def test_a_long_text_costs_no_more_than_its_reading():
    """Ten million characters: three stretches of them are looked at, and what is looked at is bounded."""
    text = "the mill turns and buy now " * 400_000
    assert len(stretches(text, 20_000)) <= 20_002
    found = learnt()
    assert np.array_equal(found.chances(text), found.chances(stretches(text, 20_000)))


def test_a_recipe_leads_from_a_classifier_to_the_corpus_that_it_cleans(tmp_path):
    from groundup.recipe import file

    (tmp_path / "a.yaml").write_text(
        "about: a corpus cleaned by a classifier\nseed: 1\nstages:\n"
        "  quality: {kind: classifier, positive: [books], negative: [pages]}\n"
        "  corpus: {kind: corpus, files: [pages], filters: [{kind: learned, model: $quality, keep: positive}]}\n"
    )
    for name in ("books", "pages"):
        (tmp_path / name).mkdir()
    recipe = file.read(str(tmp_path / "a.yaml"), {})
    assert list(recipe.stages) == ["quality", "corpus"]
    assert recipe.stages["corpus"].needs == ["quality"] and "filters.0.model" in recipe.stages["corpus"].inputs
