"""Lesson 1: text becomes numbers.

    python lessons/01_tokens.py [FILE.txt …]

A model computes with numbers. Something has to say which number stands for which piece of text, and that choice decides how
much text fits into the model's view, which words it has never seen, and what each language costs. This lesson makes the choice
in three ways: by characters, by words, and by pairs of bytes, merged again and again. It takes about ten seconds.
"""

import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics

from groundup import Tokenizer
from groundup.commands import tokenizer_report
from groundup.tokenizer import bpe
from groundup.tokenizer.report.sizes import curve
from groundup.tokenizer.report.study import study

files = [Path(name) for name in sys.argv[1:]]
texts = [file.read_text(encoding="utf-8") for file in files] or [topics[name] for name in sorted(topics)]
texts = [part for text in texts for part in text.split("\n\n") if part.strip()]
learn, check = texts[0::2], texts[1::2]  # what is learned from one half is measured on the other
print(f"{len(texts):,} paragraphs, {sum(len(text) for text in texts):,} characters\n")


# 1. Characters. Nothing is simpler, and nothing that can be written with these letters is ever unknown. But a model that
#    reads character by character spends its whole view on a few sentences.

characters = sorted({letter for text in learn for letter in text})
number = {letter: place for place, letter in enumerate(characters)}
sentence = check[0][:40]
print(
    f"1. {len(characters)} different characters. {sentence!r} becomes\n   {[number.get(letter) for letter in sentence]}\n"
)


# 2. Words. A number for each is five times shorter. But there is always another word: whatever the size of the list, part
#    of a new text is not in it, and all that a model can be told about it is "unknown".

known = Counter(word for text in learn for word in text.split())
asked = [word for text in check for word in text.split()]
print("2. words that are in the list, and how much of a new text is not:")
for size in (1_000, 5_000, len(known)):
    best = {word for word, _ in known.most_common(size)}
    print(f"   {size:>7,}   {100 * sum(word not in best for word in asked) / len(asked):5.1f} % unknown")
print()


# 3. Pairs. Begin with the 256 bytes, of which every text is made. Count which two stand side by side most often, give that
#    pair a number of its own, and do it again. Frequent words become one number, rare ones stay a few pieces, and nothing
#    is ever unknown. `groundup/tokenizer/bpe.py` is this algorithm on two pages; here are its first steps.

counts = bpe.count_words(learn)
tokenized, tokens = {word: list(word) for word in counts}, [bytes([byte]) for byte in range(256)]
print("3. the first merges:")
for made in range(256, 266):
    pairs = bpe.count_pairs(tokenized, counts)
    (a, b), times = min(pairs.items(), key=lambda item: (-item[1], item[0]))
    tokenized = {word: bpe.merge(ids, (a, b), made) for word, ids in tokenized.items()}
    tokens.append(tokens[a] + tokens[b])
    print(f"   {made}   {tokens[a].decode()!r} + {tokens[b].decode()!r}   {times:,} times")
print()


# 4. The same, compiled: what takes the pages of Python minutes takes this a blink, and gives the same merges.

tokenizer = Tokenizer.train(learn, 4096)
assert tokenizer.tokens[:266] == tokens, "the fast form and the book's differ"
held_out = "\n\n".join(check)
print(f"4. {tokenizer.size:,} tokens. The same beginning:")
print(f"   {' | '.join(tokenizer.decode([token]) for token in tokenizer.encode(sentence))}\n")


# 5. How many? Each doubling makes the text shorter, but less and less; each token is a row of the model's first and last
#    layer. A vocabulary of pairs holds all smaller ones within it, so they can be compared without training again.

print("5. what a doubling of the vocabulary gains on the half that was not learned from:")
points = curve(tokenizer, check)
for small, large in pairwise(points):
    gain = large["bytes_per_token"] / small["bytes_per_token"] - 1
    print(f"   {large['size']:>7,} tokens   {large['bytes_per_token']:.2f} bytes each   {100 * gain:+.0f} %")
print()


# 6. Other ways to the same end. WordPiece (BERT) and Unigram (T5) choose their pieces differently, and change the text
#    before: WordPiece here forgets capitals and line breaks. A fair comparison says what is lost.

print("6. kinds, 2,000 tokens each, on the half that was not learned from:")
for kind in ("byte", "character", "word", "bpe", "wordpiece", "unigram"):
    other = Tokenizer.train(learn, 2000, kind=kind)
    ids = other.encode(held_out)
    lost = 100 * sum(token == other.kind.unknown for token in ids.tolist()) / len(ids)
    back = "comes back as it was" if other.decode(ids) == held_out else "does not come back as it was"
    print(f"   {kind:<10} {len(held_out.encode()) / len(ids):5.2f} bytes a token   {lost:4.1f} % unknown   {back}")
print()


# The figure: all of this as a page, with the text to click through. What does this tokenizer make of other languages?

into = Path("runs/lessons/01_tokens")
tokenizer_report.write(
    study(tokenizer, {"learned from": learn, "held out": check}), "lesson 1", into, width=768, context=2048
)
print("next: open it in a browser, then do lessons/exercises/01_tokens.py")
