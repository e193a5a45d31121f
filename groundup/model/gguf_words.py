"""A tokenizer as fields of a GGUF file, and back: byte-level BPE, which llama.cpp calls `gpt2`, and how it cuts words (`pre`).

What llama.cpp would do otherwise is refused on the way out. On the way back, a file whose `pre` is not known here has no
tokenizer: its ids would be wrong without anybody being told.
"""

from typing import Any, cast

from groundup.errors import Problem
from groundup.model.gguf_file import ARRAY, BOOL, GGUF, INT32, STRING, UINT32, Fact
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.byte_level import assembled
from groundup.tokenizer.byte_pairs import BytePairs, alphabet
from groundup.tokenizer.kind import Kind
from groundup.tokenizer.published import Habits, Published
from groundup.tokenizer.split import PATTERNS

NORMAL, CONTROL, TEXT, UNUSED = 1, 3, 4, 5  # kinds of tokens; TEXT: added, and found in the text as it is
WHOLE = "llama-bpe"  # the one `pre` under which a word that is a token needs no merges
SPLITS = {  # llama.cpp's names -> our pattern, and which digits are set apart first; the first of a pattern is what we write
    "dbrx": ("gpt4", None),  # GPT-4's, merges always applied
    "gpt-2": ("gpt2", None),
    WHOLE: ("llama3", None),
    "qwen2": ("qwen2", None),
    "gpt-4o": ("o200k", None),
    "starcoder": ("gpt2", "each"),
    "llama3": ("llama3", None),
    "llama-v3": ("llama3", None),
    "refact": ("gpt2", "each"),
    "smollm": ("gpt2", "each"),
}
SAME = {"llama3": "gpt4"}  # patterns that cut alike


def speak(tokenizer: Tokenizer, vocabulary: int, template: str | None) -> list[Fact]:
    """The tokenizer under llama.cpp's keys; ids that the model has and the tokenizer lacks are marked as unused."""
    letters, words = alphabet(), tokenizer.kind
    if not isinstance(words, BytePairs):
        raise Problem(
            f"GGUF files are written with tokenizers of kind bpe here, and this one is of kind {words.name}: "
            "leave gguf out of the formats (hf writes a folder for transformers)."
        )
    habits = words.habits if isinstance(words, Published) else Habits()
    pre = pre_of(words, habits)
    written = ["".join(letters[byte] for byte in token) for token in tokenizer.tokens]
    tokens = [*written, *[""] * (vocabulary - len(written))]
    kinds = [NORMAL if name else UNUSED for name in tokens]
    for name, token in habits.added.items():
        tokens[token], kinds[token] = name, TEXT
    for name, token in tokenizer.specials.items():
        tokens[token], kinds[token] = name, CONTROL
    tokens = [name or f"[unused {number}]" for number, name in enumerate(tokens)]
    facts: list[Fact] = [
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, pre),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (INT32, kinds)),
        ("tokenizer.ggml.merges", ARRAY, (STRING, [f"{written[a]} {written[b]}" for a, b, _ in words.merges])),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
    ]
    separator = next(iter(chat.separator_ids(tokenizer)), None)
    close = chat.stop_ids(tokenizer, template)[0] if template else separator
    if separator is not None:
        facts += [("tokenizer.ggml.bos_token_id", UINT32, separator)]
    if close is not None:
        facts += [("tokenizer.ggml.eos_token_id", UINT32, close), ("tokenizer.ggml.eot_token_id", UINT32, close)]
    if template:
        facts += [("tokenizer.chat_template", STRING, chat.jinja(template))]
    return facts


def pre_of(words: BytePairs, habits: Habits) -> str:
    """llama.cpp's name of how words are cut; what it has no name for is refused."""
    wrong = {
        "texts in the normal form NFC": habits.nfc,
        "a blank before every text": habits.blank,
        "added tokens found after normalizing": bool(habits.later),
    }
    for what, has in wrong.items():
        if has:
            raise Problem(f"GGUF has no word for {what}, which this tokenizer has: keep it as a folder.")
    pre = next((theirs for theirs, cutting in SPLITS.items() if cutting == (words.pattern, habits.digits)), None)
    if pre is None:
        digits = f" and digits set apart ({habits.digits})" if habits.digits else ""
        raise Problem(
            f"llama.cpp has no name for words cut by {words.pattern[:60]}{digits}: keep the tokenizer as a folder."
        )
    if pre != WHOLE and isinstance(words, Published) and habits.whole and words.unmerged:
        raise Problem(
            f"llama.cpp merges every word cut by {words.pattern}, and here some are tokens without merges: keep a folder."
        )
    return pre


def tokenizer_of(file: GGUF) -> tuple[Tokenizer | None, str | None]:
    """The tokenizer in the file and the name of its chat template, where they are of a kind that is known here."""
    facts = file.facts
    pattern, digits = SPLITS.get(facts.get("tokenizer.ggml.pre", ""), ("", None))
    pattern = pattern if pattern in PATTERNS else SAME.get(pattern, "")
    if facts.get("tokenizer.ggml.model") != "gpt2" or pattern not in PATTERNS:
        return None, None
    try:
        tokenizer = understood(facts, pattern, digits, str(file.path))
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise Problem(f"{file.path} holds a tokenizer that does not make sense ({error}).") from None
    written = facts.get("tokenizer.chat_template")
    return tokenizer, next((name for name in chat.TEMPLATES if chat.jinja(name) == written), None)


def understood(facts: dict[str, Any], pattern: str, digits: str | None, where: str) -> Tokenizer:
    """The tokenizer that these facts mean."""
    names, kinds = facts["tokenizer.ggml.tokens"], facts.get("tokenizer.ggml.token_type", [])
    if len(kinds) != len(names):
        raise Problem(f"{where} has {len(names)} tokens and says of {len(kinds)} what they are.")
    of_kind = {
        kind: {names[token]: token for token, each in enumerate(kinds) if each == kind}
        for kind in (NORMAL, CONTROL, TEXT)
    }
    begin = facts.get("tokenizer.ggml.bos_token_id") if facts.get("tokenizer.ggml.add_bos_token") else None
    whole = facts["tokenizer.ggml.pre"] in (WHOLE, "llama3", "llama-v3")
    habits = Habits(
        added=of_kind[TEXT], digits=digits, whole=whole, begins=() if begin is None else (names[begin],)
    )  # fmt: skip
    specials = of_kind[CONTROL]
    kind = assembled(of_kind[NORMAL], facts["tokenizer.ggml.merges"], specials, pattern, None, where, habits)
    return Tokenizer(cast(Kind, kind), specials, where)
