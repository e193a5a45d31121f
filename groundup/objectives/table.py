"""Every objective by its name: what batches it wants of what lies on the disk, and how it weighs them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from groundup.data.tokens.batches import Pages
from groundup.data.tokens.corruption import Corrupted
from groundup.data.tokens.examples import Conversations, Mixed, Pairs
from groundup.data.tokens.labelled import Labelled
from groundup.data.tokens.masked import MaskedPages
from groundup.data.tokens.mixture import Mixture
from groundup.data.tokens.packed import Packed
from groundup.data.tokens.sequences import Sequences
from groundup.errors import Problem
from groundup.model.head_settings import WRITING
from groundup.model.settings import ModelSettings
from groundup.objectives.ahead import Ahead
from groundup.objectives.answers import Answers
from groundup.objectives.balanced import Balanced
from groundup.objectives.chained import Chained
from groundup.objectives.classify import Classify
from groundup.objectives.masked import MaskedWords
from groundup.objectives.next_token import NextToken
from groundup.objectives.preference import Preference
from groundup.objectives.sequence_to_sequence import SequenceToSequence
from groundup.objectives.settings import ObjectiveSettings
from groundup.training.terms import Objective


@dataclass(frozen=True)
class Sources:
    """What there is to learn from."""

    pages: Pages | Packed | Mixture | None = None
    texts: Conversations | None = None
    conversations: Conversations | None = None
    pairs: Pairs | None = None
    sequences: Sequences | None = None
    masked: MaskedPages | None = None
    spans: Corrupted | None = None
    labelled: Labelled | None = None
    model: ModelSettings | None = None  # what is to learn from them
    segments: int = 1  # into which rows of pages are cut


def next_token(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """Every token of every page, or of texts and a share of pages."""
    if sources.texts is not None:
        return Answers(_mixed(sources.texts, settings, sources), _weight(settings), "texts")
    found = _needed(sources.pages, "next_token", "data", "a folder of tokens")
    return NextToken(found) if sources.segments == 1 else Chained(found, sources.segments)


def answers(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """The assistant's tokens, and a share of pages."""
    main = _needed(sources.conversations, "answers", "conversations", "files of dialogues")
    return Answers(_mixed(main, settings, sources), _weight(settings))


def preference(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """The chosen answer over the rejected one, and a share of pages."""
    main = _needed(sources.pairs, "preference", "pairs", "files of preferences")
    mixed = _mixed(main, settings, sources)
    return Preference(mixed, settings.beta, settings.smoothing, settings.anchor, _weight(settings))


def sequence_to_sequence(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """Every token of every target. Pages cannot stand beside it: they have no source."""
    if settings.replay:
        raise Problem(
            "objective.replay: pages have no source to be read, so they cannot stand beside sequences; say 0."
        )
    return SequenceToSequence(
        _needed(sources.sequences, "sequence_to_sequence", "sequences", "files of sources and targets")
    )


def spans(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """What was cut out of pages."""
    return SequenceToSequence(_needed(sources.spans, "spans", "data", "a folder of tokens"))


def masked(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """Hidden words of pages."""
    return MaskedWords(_needed(sources.masked, "masked", "data", "a folder of tokens"))


def ahead(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """Several next tokens of every page."""
    count = sources.model.head.ahead if sources.model else 1
    return Ahead(_needed(sources.pages, "ahead", "data", "a folder of tokens"), count)


def classify(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """The class of each text."""
    return Classify(_needed(sources.labelled, "classify", "labelled", "files of texts and labels"))


OBJECTIVES: dict[str, Callable[[ObjectiveSettings, Sources], Objective]] = {
    "next_token": next_token,
    "answers": answers,
    "preference": preference,
    "sequence_to_sequence": sequence_to_sequence,
    "spans": spans,
    "masked": masked,
    "ahead": ahead,
    "classify": classify,
}
TRAINED = dict.fromkeys(OBJECTIVES, WRITING) | {  # the heads that each can train
    "masked": ("masked", "pretraining"),
    "ahead": ("ahead",),
    "classify": ("classify_first", "classify_last"),
}


def check_head(kind: str, model: ModelSettings) -> None:
    """A Problem if the objective cannot train the head of such a model."""
    if model.head.kind not in TRAINED[kind]:
        raise Problem(
            f"objective {kind} trains models whose head is {' or '.join(TRAINED[kind])}, and that of this one (family "
            f"{model.family}) is {model.head.kind}: set objective.kind, or model.family and model.head.kind."
        )


def objective(settings: ObjectiveSettings, sources: Sources) -> Objective:
    """The objective of that kind over what there is."""
    made = OBJECTIVES[settings.kind](settings, sources)
    if settings.balance or settings.correction:
        return Balanced(made, settings.balance, settings.correction)
    return made


def _weight(settings: ObjectiveSettings) -> float:
    return settings.replay_weight if settings.replay else 0.0


def _mixed(main: Any, settings: ObjectiveSettings, sources: Sources) -> Any:
    if not settings.replay:
        return main
    return Mixed(main, _needed(sources.pages, "replay", "data", "a folder of tokens"), settings.replay)


def _needed(source: Any, who: str, setting: str, what: str) -> Any:
    if source is None:
        raise Problem(f"objective {who} needs `{setting}`: name {what} to learn from.")
    return source
