"""What is to be learnt, and with which weights: the settings of every objective."""

from typing import Literal

from pydantic import Field

from groundup.config import Input, Settings


class ObjectiveSettings(Settings):
    """One objective."""

    kind: Literal[
        "next_token", "answers", "preference", "sequence_to_sequence", "spans", "masked", "ahead", "classify"
    ] = Field(
        default="next_token",
        description="next_token: every token of pages; answers: of the assistant; preference: DPO on pairs; "
        "sequence_to_sequence: targets after their sources; spans: what was cut out of pages; masked: hidden words of pages, and next sentences if the "
        "model's head tells them; ahead: several next tokens of pages, as many as the head foretells; classify: which "
        "class a text is of",
    )
    masked_share: float = Field(
        default=0.15, gt=0, lt=1, description="of masked and spans: share of tokens that are to be guessed"
    )
    span: float = Field(default=3.0, ge=1, description="of spans: tokens of one on average")
    whole_words: bool = Field(default=False, description="of masked: whether all tokens of a word are hidden together")
    replay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of rows that are pages instead, beside texts, conversations or pairs",
    )
    replay_weight: float = Field(
        default=0.3, gt=0, description="weight of the replayed pages' loss beside the main one"
    )
    beta: float = Field(
        default=0.1, gt=0, description="of preference: how dearly moving away from the start model is paid"
    )
    smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="of preference: share of pairs believed to be the wrong way"
    )
    anchor: float = Field(default=0.0, ge=0, description="of preference: weight of the chosen answers' own likelihood")
    teacher: Input | None = Field(
        default=None,
        description="of next_token and answers: a finished model of the same tokenizer from whose distribution over each next "
        "token is learnt too (distillation)",
    )
    temperature: float = Field(
        default=1.0, gt=0, le=20, description="by which teacher and pupil are softened before they are compared"
    )
    teacher_share: float = Field(
        default=0.5, gt=0, le=1, description="share of the loss that is the teacher's; the rest is the text's own"
    )
    balance: float = Field(
        default=0.0, ge=0, description="of models with experts: weight of the loss that spreads tokens over them; 0.01"
    )
    correction: float = Field(
        default=0.0, ge=0, description="the same without a loss: what the routers' biases move in a step; 0.001"
    )
