"""What is read out of a model's last vectors: the next token, or something else, and which heads suit which architecture.

Written under `head` in the settings of a model. Nothing here needs torch.
"""

from typing import Literal

from pydantic import Field

from groundup.config import Settings

HeadKind = Literal[
    "next_token", "ahead", "masked", "next_sentence", "pretraining", "classify_first", "classify_last", "value", "reward"
]  # fmt: skip
# A model that sees only what came before, and one that sees both ways, can be asked different things.
SUITING: dict[str, tuple[str, ...]] = {
    "decoder": ("next_token", "ahead", "classify_last", "value", "reward"),
    "encoder": ("masked", "next_sentence", "pretraining", "classify_first", "classify_last", "value", "reward"),
}
WRITING = ("next_token", "ahead")  # heads of models that go on with a text


class HeadSettings(Settings):
    """The head of a model."""

    kind: HeadKind = Field(
        default="next_token",
        description="next_token; ahead: several next tokens; masked words; next_sentence; pretraining: both of BERT's; "
        "classify_first or _last: a class of the text; value: a number for each token; reward: one for the text",
    )
    classes: int = Field(default=2, ge=2, description="of classify_first and classify_last: how many classes there are")
    ahead: int = Field(default=4, ge=1, le=64, description="of ahead: how many next tokens are foretold at once")
