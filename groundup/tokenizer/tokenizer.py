"""Text to token ids and back: learned from text, saved as a `tokenizer.json` that other libraries read.

Ids are the bytes 0-255, then what was merged, in order, then special tokens. Specials stand outside the text: `encode`
never makes one, whatever the text says; who wants one (the end of a turn, say) takes its id from `specials`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import huggingface, reading
from groundup.tokenizer.kind import Kind, kind_named
from groundup.tokenizer.offsets import Offsets, offsets
from groundup.tokenizer.stream import Streamer

if TYPE_CHECKING:
    from groundup.tokenizer.counting import Counts

Source = str | Path
BLOCK = 4 << 20  # bytes of a file that are read at a time


class Tokenizer:
    """A vocabulary of some kind, with special tokens."""

    def __init__(self, kind: Kind, specials: Sequence[str] | dict[str, int] = (), where: str = "this tokenizer"):
        """specials: names, or names with their ids."""
        self.kind = kind
        self.specials = specials if isinstance(specials, dict) else numbered(specials, len(kind.tokens))
        check(kind, self.specials, where)
        self._names = {token: name.encode() for name, token in self.specials.items()}

    @classmethod
    def train(
        cls,
        sources: Source | Iterable[Source],
        size: int,
        kind: str = "bpe",
        specials: Sequence[str] = (),
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        **options: Any,
    ) -> "Tokenizer":
        """Learn up to `size` tokens, specials not counted: a `str` is text, a `Path` a file, read piece by piece.

        `options` are those of the kind's own `train`, such as `pattern` for bpe.
        """
        numbered(specials, size)  # names that cannot be are refused before minutes are spent on counting
        return cls(kind_named(kind).train(texts_of(sources), size, threads, counted, **options), specials)

    @classmethod
    def train_on(cls, counts: "Counts", size: int, specials: Sequence[str] = (), min_frequency: int = 1) -> "Tokenizer":
        """Learn byte-level BPE from words that were counted before (see `counting`), for instance on several days."""
        numbered(specials, size)
        bpe: Any = kind_named("bpe")
        return cls(bpe.train_on(counts, size, min_frequency), specials)

    @classmethod
    def load(
        cls, path: str | Path, pattern: str | None = None, specials: Sequence[str] | Mapping[str, int] | None = None
    ) -> "Tokenizer":
        """From a folder that holds a `tokenizer.json`, from such a file, from a `.model` of SentencePiece,
        from a rank file (`.tiktoken`), or from GPT-2's two files.

        pattern, specials: what the last two do not say themselves.
        """
        kind, found = reading.read(Path(path), pattern, specials)
        return cls(kind, found, str(path))

    def save(self, path: str | Path, template: str | None = None) -> None:
        """Into a folder, which may get a chat template; or as one file, where the path ends in `.json` or `.tiktoken`."""
        path = Path(path)
        if path.suffix == ".json":
            huggingface.write_file(path, self.kind, self.specials)
        elif path.suffix == reading.RANKS:
            reading.write_ranks(path, self.kind)
        else:
            huggingface.write_folder(path, self, template)

    @property
    def tokens(self) -> Sequence[bytes]:
        """The bytes of each trained id."""
        return self.kind.tokens

    @property
    def size(self) -> int:
        """How many tokens were trained, single bytes and letters among them."""
        return len(self.kind.tokens)

    @property
    def vocabulary(self) -> int:
        """How many ids there are, specials included: what a model's embedding must hold."""
        return max([len(self.tokens), *(token + 1 for token in self.specials.values())])

    @property
    def begins(self) -> Sequence[str]:
        """Special tokens that the tokenizer's file puts before a text; `encode` leaves them out."""
        return getattr(self.kind, "begins", ())

    def encode(self, text: str | bytes) -> np.ndarray:
        """The ids of a text (tokens,) uint32, never a special one; bytes need not be UTF-8."""
        return self.kind.encode_many([text], 1)[0]

    def encode_many(self, texts: Iterable[str | bytes], threads: int | None = None) -> list[np.ndarray]:
        """The ids of each text, on all cores."""
        return self.kind.encode_many(texts, threads)

    def encode_with_dropout(self, text: str | bytes, p: float, seed: int) -> np.ndarray:
        """The ids of a text if each merge is left out with probability p; the same seed gives the same ids."""
        encode = getattr(self.kind, "encode_with_dropout", None)
        if encode is None:
            raise Problem(
                f"a tokenizer of kind {self.kind.name!r} merges nothing that dropout could leave out: it is for kind bpe"
            )
        if not 0 <= p <= 1:
            raise Problem(f"dropout leaves merges out with a probability p from 0 to 1, and p is {p}")
        return encode(text, p, seed)

    def sample(self, text: str | bytes, alpha: float = 0.1, seed: int = 0) -> np.ndarray:
        """The ids of a segmentation drawn by its probability to the power alpha; the same seed gives the same ids."""
        sample = getattr(self.kind, "sample", None)
        if sample is None:
            raise Problem(
                f"a tokenizer of kind {self.kind.name!r} has no probabilities to draw by: it is for kind unigram"
            )
        return sample(text, alpha, seed)

    def offsets(self, text: str | bytes) -> Offsets:
        """The ids of a text and where each stands in it, in characters and in bytes."""
        data = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
        return offsets(
            data, self.encode(text), self.kind.tokens, self.kind.lead, f"a tokenizer of kind {self.kind.name!r}"
        )

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of the tokens; a special token gives its name."""
        return b"".join(map(self.token_bytes, np.asarray(ids, np.int64).tolist())).removeprefix(self.kind.lead.encode())

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the tokens, with U+FFFD where the bytes are not UTF-8."""
        return self.decode_bytes(ids).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token."""
        if token in self._names:
            return self._names[token]
        if 0 <= token < len(self.kind.tokens):
            return self.kind.tokens[token]
        raise Problem(f"there is no token {token}: this tokenizer has ids from 0 to {self.vocabulary - 1}")

    def streamer(self, lead: str = "") -> Streamer:
        """Decodes one token at a time, without ever breaking a character."""
        return Streamer(self.token_bytes, lead)


def check(kind: Kind, specials: dict[str, int], where: str) -> None:
    """A special token has an id and a name of its own."""
    taken = set(kind.tokens)
    for name, token in specials.items():
        if name.encode() in taken or (kind.lead + name).encode() in taken:
            raise Problem(
                f"{where} has {name!r} as a special token and as a piece of text: give the special another name"
            )
        free = token >= len(kind.tokens) or (token >= 0 and kind.tokens[token] == b"")
        if not free or list(specials.values()).count(token) > 1:
            raise Problem(
                f"{where} gives the special token {name!r} the id {token}, which is taken: specials follow the others"
            )


def numbered(names: Sequence[str], first: int) -> dict[str, int]:
    """Names of special tokens with the ids that follow the trained ones."""
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise Problem(f"special tokens must differ from each other, and {', '.join(twice)} is there twice")
    if not all(names):
        raise Problem("a special token has an empty name: give it one that no text is likely to contain, like <|end|>")
    return {name: first + place for place, name in enumerate(names)}


def texts_of(sources: Source | Iterable[Source]) -> Iterator[str | bytes]:
    """Each text, and each file in pieces that no word crosses."""
    for source in [sources] if isinstance(sources, str | Path) else sources:
        if isinstance(source, Path):
            yield from pieces(source)
        else:
            yield source


def pieces(path: Path) -> Iterator[bytes]:
    """A file in blocks cut after a line break that a visible ASCII character follows: no pattern joins across that."""
    try:
        with path.open("rb") as file:
            left = b""
            while block := file.read(BLOCK):
                left += block
                cut = last_cut(left)
                if cut:
                    yield left[:cut]
                    left = left[cut:]
            if left:
                yield left
    except OSError as error:
        raise Problem(f"{path} cannot be read to train a tokenizer: {error.strerror or error}") from None


def last_cut(data: bytes) -> int:
    """After the last such line break, or 0."""
    at = len(data) - 1
    while (at := data.rfind(b"\n", 0, at)) >= 0:
        if 0x20 < data[at + 1] < 0x7F:
            return at + 1
    return 0
