"""Tokenizer files in the forms that published models use, made here by the `tokenizers` library from a small text."""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Theirs

TEXT = (
    "Anna gave the red ball to Ben, it's 1234 o'clock 日本語 é — don't you'LL see?\n\n  Indeed   1.234,5 %!\t😀😀 aaaaaa banana\r\n"
    "def f(x):\n    return x * 2  # blanks\n\n\n<tool_call>\n"
)
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WHOLE = pre_tokenizers.ByteLevel(add_prefix_space=False)


def split(pattern: str):
    """Split and ByteLevel, as Llama 3 and Qwen have it."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def trained(cutting, specials=(), texts=(TEXT,), size=420) -> Theirs:
    """A byte-level BPE with specials before everything else, as the library's trainer puts them."""
    made = Theirs(models.BPE())
    made.pre_tokenizer, made.decoder = cutting, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([text for text in texts for _ in range(9)], trainer)
    return made


def gpt2() -> Theirs:
    """Specials last, ByteLevel alone; the special is in the vocabulary, too."""
    made = trained(WHOLE)
    made.add_special_tokens(["<|endoftext|>"])
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return made


def neox() -> Theirs:
    """Specials first, NFC, runs of blanks as added text."""
    made = trained(WHOLE, ["<|endoftext|>", "<|padding|>"])
    made.normalizer = normalizers.NFC()
    made.add_tokens([AddedToken(" " * count, normalized=True) for count in range(4, 1, -1)])
    return made


def llama3() -> Theirs:
    """Specials after a gap that other specials fill, words that are tokens whole, a text begun with a special."""
    told = json.loads(trained(split(LLAMA3)).to_str())
    vocabulary = told["model"]["vocab"]
    vocabulary["whole"] = len(vocabulary)  # no merges make it
    vocabulary["Ġuntouched"] = len(vocabulary)
    told["model"]["ignore_merges"] = True
    made = Theirs.from_str(json.dumps(told))
    made.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = made.token_to_id("<|begin_of_text|>")
    template = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]
    )
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return made


def qwen() -> Theirs:
    """NFC, and added tokens that are text among the specials."""
    made = trained(split(LLAMA3))
    made.normalizer = normalizers.NFC()
    made.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    made.add_tokens([AddedToken(name, normalized=False) for name in ("<tool_call>", "</tool_call>", "<tool")])
    made.add_special_tokens(["<|last|>"])
    return made


def digits() -> Theirs:
    """Each digit alone, as StarCoder has it."""
    return trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), WHOLE]), ["<|endoftext|>"])


def runs_of_digits() -> Theirs:
    return trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), WHOLE]))


def blank_before() -> Theirs:
    """A blank before each text, and added text that cuts it in parts."""
    made = trained(pre_tokenizers.ByteLevel(add_prefix_space=True))
    made.add_tokens([AddedToken("<mask>", normalized=False)])
    return made


def twice_made() -> Theirs:
    """Merges that make one token in two ways, near each other and far apart, and ids in another order than merges."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    names = ["abcd", *sorted(letters), "abc", "bc", "ab", "cd", "abcde", "xabc"]
    merges = [
        ("b", "c"),
        ("a", "b"),
        ("ab", "c"),
        ("a", "bc"),
        ("c", "d"),
        ("abc", "d"),
        ("x", "abc"),
        ("ab", "cd"),
        ("abcd", "e"),
    ]
    made = Theirs(models.BPE(vocab={name: number for number, name in enumerate(names)}, merges=merges))
    made.pre_tokenizer, made.decoder = WHOLE, decoders.ByteLevel()
    return made


FAMILIES = {
    make.__name__: make for make in (gpt2, neox, llama3, qwen, digits, runs_of_digits, blank_before, twice_made)
}  # fmt: skip


def written(name: str, folder: Path) -> tuple[Theirs, Path]:
    """One of them, and its file."""
    made = FAMILIES[name]()
    file = folder / "tokenizer.json"
    made.save(str(file))
    return made, file
