"""Laws of tables of tokens: a lookup is a product with a one-hot vector, letters are read as defined, like words are alike."""

import random

import pytest
import torch
from torch.nn import functional as F

from groundup import config
from groundup.errors import Problem
from groundup.model.character_settings import CharacterSettings
from groundup.model.character_table import BEGIN, END, FIRST, CharacterTable, spelt, strongest, strongest_plainly
from groundup.model.embedding import Embedding
from groundup.tokenizer import Tokenizer

WORDS = "kitchen garden window mountain river children morning evening letter wonder happen believe remember yellow purple".split()
TOKENS = [word.encode() for word in WORDS] + [b"", b"a", "für".encode(), b"x" * 60]
SMALL = CharacterSettings(width=6, filters=[4, 0, 8, 5], longest=12)


def table(width: int = 16, settings: CharacterSettings = SMALL, seed: int = 1) -> CharacterTable:
    made = CharacterTable(len(TOKENS), width, 0.5, settings)
    made.initialise(torch.Generator().manual_seed(seed))
    made.spell(TOKENS)
    return made


def embedding() -> Embedding:
    made = Embedding(len(TOKENS), 16, 0.5)
    made.initialise(torch.Generator().manual_seed(1))
    return made


@pytest.mark.parametrize("kind", ["own vectors", "letters too"])
def test_a_lookup_is_a_product_with_a_one_hot_vector(kind):
    made = embedding() if kind == "own vectors" else table()
    weight = made.table() if isinstance(made, CharacterTable) else made.weight
    ids = torch.randint(len(TOKENS), (3, 7), generator=torch.Generator().manual_seed(2))
    looked_up = made(ids)
    product = F.one_hot(ids, len(TOKENS)).to(weight) @ weight
    torch.testing.assert_close(looked_up, product)
    wanted = torch.randn(looked_up.shape, generator=torch.Generator().manual_seed(3))
    one, other = (
        torch.autograd.grad((x * wanted).sum(), list(made.parameters()), retain_graph=True)
        for x in (looked_up, product)
    )
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(made.project(x), x @ weight.T)


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_a_convolution_is_its_definition(length):
    dice = torch.Generator().manual_seed(length)
    letters, there = torch.randn(6, 8, 3, generator=dice), torch.arange(8) < torch.tensor([1, 2, 3, 5, 7, 8])[:, None]
    letters = letters * there[..., None]
    weight, bias = torch.randn(10, length * 3, generator=dice), torch.randn(10, generator=dice)
    torch.testing.assert_close(strongest(letters, there, weight, bias), strongest_plainly(letters, there, weight, bias))


def test_a_vector_is_read_as_it_is_written_down():
    made = table()
    signs = made.spelling[TOKENS.index(b"a")].long()
    assert signs.tolist() == [BEGIN, FIRST + ord("a"), END, *[0] * 9]
    letters = made.letters[signs[:3]]
    found = [
        strongest_plainly(letters[None], torch.ones(1, 3), *each)
        for each in zip(made.filters, made.shifts, strict=True)
    ]
    expected = made.weight[TOKENS.index(b"a")] + (made.projection @ torch.tanh(torch.cat(found, 1)[0]))
    torch.testing.assert_close(made(torch.tensor([[TOKENS.index(b"a")]]))[0, 0], expected)


def test_a_vector_hangs_on_its_own_letters_alone():
    made = table()
    alone = made.of_words([b"river"])[0]
    torch.testing.assert_close(made.of_words([b"river", b"y" * 40])[0], alone)
    longer = CharacterTable(len(TOKENS), 16, 0.5, SMALL.model_copy(update={"longest": 40}))
    longer.initialise(torch.Generator().manual_seed(1))
    torch.testing.assert_close(longer.of_words([b"river"])[0], alone)
    own = made.weight[WORDS.index("river")]
    torch.testing.assert_close(made(torch.tensor([[WORDS.index("river")]]))[0, 0], own + alone)
    assert not made.of_words([b""]).any() and made.of_words([]).shape == (0, 16)


def test_long_tokens_are_cut_and_different_ones_differ():
    assert spelt([b"x" * 60], 12)[0].tolist() == [BEGIN, *[FIRST + ord("x")] * 10, END]
    rows = table().of_words([token for token in TOKENS if token])
    assert torch.cdist(rows, rows).add(torch.eye(len(rows)) * 9).min() > 1e-3


def test_it_takes_the_bytes_of_any_tokenizer():
    tokens = Tokenizer.train("the garden and the gardener " * 9, 270, specials=["<|end|>"])
    made = CharacterTable(tokens.vocabulary, 8, 0.5)
    made.initialise(torch.Generator().manual_seed(1))
    made.spell(tokens.tokens)
    own = made.weight[tokens.specials["<|end|>"]]
    assert torch.equal(made(torch.tensor([tokens.specials["<|end|>"]]))[0], own)
    torch.testing.assert_close(made(torch.tensor([5]))[0], made.weight[5] + made.of_words([tokens.tokens[5]])[0])


def test_a_misspelt_word_is_nearest_to_the_word_that_was_meant():
    dice, made = random.Random(1), table(width=64, settings=CharacterSettings())
    known, right, tries = F.normalize(made.of_words(TOKENS[: len(WORDS)]), dim=1), 0, 0
    for place, word in enumerate(WORDS):
        for _ in range(5):
            at = dice.randrange(1, len(word) - 1)
            missing, doubled, swapped = (
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            )
            misspelt = made.of_words([each.encode() for each in (missing, doubled, swapped)])
            right += int(((F.normalize(misspelt, dim=1) @ known.T).argmax(1) == place).sum())
            tries += 3
    assert right > 0.95 * tries


def test_unseen_words_are_understood_by_their_letters():
    """Which ending a word has is learnt on some words and asked of others: a table without letters could only guess."""
    dice, endings = random.Random(2), ["ing", "ed", "ly"]
    words = ["".join(dice.choices("abcdefghiklmnoprstuvw", k=5)) + endings[n % 3] for n in range(240)]
    kinds = torch.tensor([n % 3 for n in range(240)])
    torch.manual_seed(1)
    made = CharacterTable(240, 16, 0.5, CharacterSettings(filters=[8, 16, 32]))
    made.initialise(torch.Generator().manual_seed(1))
    made.spell([word.encode() for word in words])
    asked = torch.nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*made.parameters(), *asked.parameters()], lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(asked(made(torch.arange(160))), kinds[:160]).backward()
        optimizer.step()
    guessed = asked(made.of_words([word.encode() for word in words[160:]])).argmax(1)
    assert (guessed == kinds[160:]).float().mean() > 0.9


def test_ids_and_vocabularies_that_do_not_fit_are_sentences():
    for wrong in (len(TOKENS), -1):
        with pytest.raises(Problem, match=f"id {wrong} is outside the vocabulary of {len(TOKENS)}"):
            table()(torch.tensor([[0, wrong]]))
    with pytest.raises(Problem, match="do not belong together"):
        table().spell([b"a"] * 50)
    for wrong, said in (
        ({"filters": []}, "one to 65,536"),
        ({"filters": [1] * 9, "longest": 8}, "longer than longest=8"),
    ):
        with pytest.raises(Problem, match=said):
            config.build(CharacterSettings, wrong)
