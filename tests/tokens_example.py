"""A tokens stage in a process of its own, to be killed: python tests/tokens_example.py INTO CORPUS TOKENIZER.

Blocks are small and every block is noted, and beside each of them a little time passes, so that a kill falls among them.
"""

import sys
import time
from pathlib import Path

from groundup import config, hardware, run
from groundup.data.tokens import corpora, encoding
from groundup.stages import tokens


def make(into: Path, corpus: list[str], tokenizer: Path, **more) -> Path:
    """The finished folder."""
    asked = config.build(tokens.Settings, {"corpus": corpus, "tokenizer": str(tokenizer)} | more)
    return run.perform(run.stage(into, "tokens", asked, version=tokens.VERSION), tokens.run, hardware.look())


if __name__ == "__main__":
    corpora.in_blocks.__defaults__ = (2000,)  # bytes of a block
    encoding.EVERY = 0.0
    look = encoding.Encoding.note

    def slowly(self: encoding.Encoding) -> None:
        look(self)
        time.sleep(0.02)

    encoding.Encoding.note = slowly
    make(Path(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]), file_megabytes=1)
