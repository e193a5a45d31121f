"""One text becomes letters as numbers: a vocabulary of its characters, its first part to learn from, its end held out.

    groundup letters text=book.txt --into RUN/letters

Nothing is cleaned and nothing is shuffled, so that losses compare with those of other programs on the same file. Leaves
`tokenizer/`, `train/` and `val/`, as the tokens stage does.
"""

from pathlib import Path

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work

VERSION = 1
SEEDED = False
SHORTEST = 1000  # characters; less is no text to learn from


class Settings(BaseSettings):
    """Which text, and how much of its end is held out."""

    text: Input = Field(description="a file of plain text in UTF-8")
    validation: float = Field(default=0.1, gt=0, lt=1, description="share of the text, its end, that is held out")


def run(settings: Settings, work: Work) -> None:
    """Read, number, cut in two."""
    from groundup.data.tokens.shards import Writer
    from groundup.tokenizer import Tokenizer, chat
    from groundup.tokenizer.plain_kinds import Characters

    text = read(Path(settings.text))
    kind = Characters.train([text], 1 << 20)
    tokenizer = Tokenizer(kind, chat.specials())
    tokenizer.save(work.out / "tokenizer", "plain")
    ids = tokenizer.encode(text)
    cut = int(len(ids) * (1 - settings.validation))
    for name, here in (("train", slice(0, cut)), ("val", slice(cut, None))):
        writer = Writer(work.out / name, tokenizer.vocabulary)
        writer.add([ids[here]], len(text[here].encode()))
        index = writer.close()
        work.log(split=name, tokens=index["tokens"], characters=len(kind.names) - 1)


def read(path: Path) -> str:
    """The file's text, line ends included as they are."""
    if path.is_dir():
        raise Problem(
            f"{path} is a folder: name one file of text, or take `groundup make own-text`, which reads folders."
        )
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(
            f"{path} is not text in UTF-8: byte {error.start} is 0x{raw[error.start]:02x}; convert it, for instance with "
            f"iconv -t utf-8, or take `groundup make own-text`, which guesses encodings."
        ) from None
    if len(text) < SHORTEST:
        raise Problem(f"{path} has {len(text)} characters, too few to learn from: give at least {SHORTEST}.")
    return text


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """A character is a token of two bytes."""
    size = before.get("text", Estimate()).text_bytes
    return Estimate(
        text_bytes=size,
        documents=1,
        tokens=size,
        memory_bytes=200_000_000 + 16 * size,
        disk_bytes=2 * size + 100_000,
        seconds=0.2 + size / 20e6,
    )
