"""The peers of bench/classifiers.py, run by a Python that has them: one line of JSON with seconds and what they said.

PYTHON bench/classifiers_peer.py WHO TRAIN.jsonl TEST.jsonl SHAPE
"""

import json
import os
import random
import sys
import tempfile
import time


def rows(path):
    """The texts and labels of a file."""
    with open(path, encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [row["text"] for row in found], [str(row["label"]) for row in found]


def fasttext_lines(texts, labels, path):
    """In an order of chance: fastText learns in the order of the file, and a file sorted by label would spoil it."""
    lines = [f"__label__{label} {' '.join(text.lower().split())}\n" for text, label in zip(texts, labels, strict=True)]
    random.Random(0).shuffle(lines)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def fasttext(train, test, shape):
    """fastText supervised with runs of words and characters in as many buckets; five rounds, as ours, one thread."""
    import fasttext as peer

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.txt")
        fasttext_lines(*train, path)
        start = time.process_time()
        words, low, high, bits = shape
        given = {"wordNgrams": max(words, 1), "minn": low, "maxn": high, "bucket": 1 << bits, "dim": 16}
        model = peer.train_supervised(path, lr=0.5, epoch=5, thread=1, verbose=0, **given)
        learnt = time.process_time()
        lines = [" ".join(text.lower().split()) + "\n" for text in test]
        said = [model.f.predict(line, 1, 0.0, "strict") for line in lines]
    return learnt - start, time.process_time() - learnt, [p[0][1][9:] if p else "" for p in said]


def sklearn(train, test, shape):
    """HashingVectorizer and SGDClassifier, five rounds."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_union

    words, low, high, bits = shape
    parts = [HashingVectorizer(analyzer="char_wb", ngram_range=(low, high), n_features=1 << bits)]
    if words:
        parts.append(HashingVectorizer(ngram_range=(1, words), n_features=1 << bits))
    vectors = make_union(*parts)
    start = time.process_time()
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=5, tol=None, random_state=0)
    model.fit(vectors.transform(train[0]), train[1])
    learnt = time.process_time()
    said = model.predict(vectors.transform(test)).tolist()
    return learnt - start, time.process_time() - learnt, said


def langdetect(train, test, shape):
    """Comes trained; langdetect's draws are fixed by a seed."""
    from langdetect import DetectorFactory, detect
    from langdetect.lang_detect_exception import LangDetectException

    DetectorFactory.seed = 0
    detect("This is only to load the profiles.")
    start, said = time.process_time(), []
    for text in test:
        try:
            said.append(detect(text).split("-")[0])
        except LangDetectException:
            said.append("")
    return 0.0, time.process_time() - start, said


def lingua(train, test, shape):
    """Comes trained, for 75 languages."""
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()
    start, said = time.process_time(), []
    for text in test:
        found = detector.detect_language_of(text)
        said.append(found.iso_code_639_1.name.lower() if found else "")
    return 0.0, time.process_time() - start, said


SAME = {"nb": "no", "nn": "no"}  # languages that our files call by another code
PEERS = {"fasttext": fasttext, "sklearn": sklearn, "langdetect": langdetect, "lingua": lingua}


def main():
    who, train, test, shape = sys.argv[1:]
    learnt, judged, said = PEERS[who](rows(train), rows(test)[0], [int(part) for part in shape.split(",")])
    print(json.dumps({"learn_seconds": learnt, "judge_seconds": judged, "said": [SAME.get(one, one) for one in said]}))


if __name__ == "__main__":
    main()
