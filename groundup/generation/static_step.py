"""One token of each of a few texts becomes logits in a pass whose shapes and addresses never change: what a graph can replay.

Ids, positions and page tables are tensors that are written anew in place before each pass; everything else stays where it
is. Texts and pages are rounded up to a few sizes, and rows that are nobody's write into the page that is nobody's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.pages import NOBODYS, PAGE, Pages, pages_for
from groundup.model.rope import GROWING
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

FEWEST = 4  # pages that a pass looks at at least: looking at fewer would save nothing and ask for one more graph


def bucket(count: int, most: int, least: int = 1) -> int:
    """The next power of two, between `least` and `most`: the sizes that passes are made for."""
    return min(max(1 << (count - 1).bit_length(), least), most)


def unsteady(model: Transformer) -> str | None:
    """Why a pass of this model depends on numbers that only the host could ask for, or keeps more than pages; None if not."""
    settings: ModelSettings = model.settings
    if any(getattr(part, "carries", False) for part in model.modules()):
        return "layers that carry a state, which rows that are nobody's would spoil"
    if type(model) is not Transformer:
        return f"a model of the class {type(model).__name__}"
    if settings.experts is not None:
        return "experts, of which each token chooses its own"
    if settings.rope_scaling is not None and settings.rope_scaling.kind in GROWING:
        return f"rope_scaling of the kind {settings.rope_scaling.kind}, which changes while a text grows"
    if settings.characters is not None:
        return "a table of characters, where each token is read letter by letter"
    if settings.positions == "alibi":
        return "positions = alibi, whose slopes are copied from the host in every pass"
    return None


@dataclass(frozen=True)
class Place:
    """What a pass over so many rows and columns reads, written anew before each one."""

    ids: Tensor  # int64 (texts, 1)
    positions: Tensor  # int64 (texts, 1)
    table: Tensor  # int64 (texts, columns)

    @classmethod
    def of(cls, texts: int, columns: int, device: torch.device) -> "Place":
        """Rows that are all nobody's."""
        ids, positions = (torch.zeros(texts, 1, dtype=torch.int64, device=device) for _ in range(2))
        return cls(ids, positions, torch.full((texts, columns), NOBODYS, dtype=torch.int64, device=device))

    def fill(self, ids: Tensor, pages: Pages, texts: int) -> None:
        """Write down where the first `texts` rows of the pages stand; the others are nobody's."""
        columns = self.table.shape[1]
        self.ids[:texts, 0] = ids
        self.positions[:texts, 0] = pages.lengths[:texts]
        self.table[:texts] = pages.table[:texts, :columns]
        self.ids[texts:], self.positions[texts:], self.table[texts:] = 0, 0, NOBODYS


class StaticView:
    """Pages as a pass sees them that may be replayed (the model's CacheLike): all slots of its columns, most of them hidden."""

    def __init__(self, pages: Pages, place: Place):
        self.pages, self.table = pages, place.table
        self.page, self.offset = place.table.gather(1, place.positions // PAGE), place.positions % PAGE
        self.places = torch.arange(place.table.shape[1] * PAGE, device=place.table.device)[None]  # (1, slots)
        self.seen = self.places[:, None] <= place.positions[..., None]  # (texts, 1, slots)

    @property
    def lengths(self) -> Tensor:
        """Whoever drives a pass says where its tokens stand."""
        raise NotImplementedError("pass positions to the model when it is given a cache")

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keep k, v (texts, kv heads, 1, width) where the tables say; give every slot of the columns back."""
        self.pages.write(layer, self.page, self.offset, k, v)
        return *self.pages.read(layer, self.table), self.seen

    def carried(self, layer: int, name: str) -> Tensor | None:
        """Models that carry something do not come here."""
        raise NotImplementedError("a static step knows no layers that carry a state")

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        """The same."""
        raise NotImplementedError("a static step knows no layers that carry a state")


def run(model: Transformer, pages: Pages, place: Place) -> Tensor:
    """The pass itself: logits (texts, vocabulary) of what a place says, asking the device for nothing."""
    return model(place.ids, place.positions, StaticView(pages, place))[:, 0]


class StaticStep:
    """The step without a graph: the same passes, each started by the host. It is a `Decoder` of the engine."""

    def __init__(self, model: Transformer):
        self.model = model
        self.device = next(model.parameters()).device
        self.places: dict[tuple[int, int], Place] = {}

    @torch.inference_mode()
    def __call__(self, ids: Tensor, pages: Pages, texts: int) -> Tensor:
        """ids (texts): the last token of rows 0 … texts - 1 of the pages -> logits (texts, vocabulary)."""
        place = self.place(pages, texts)
        place.fill(ids, pages, texts)
        return self.passed(pages, place)[:texts]

    def place(self, pages: Pages, texts: int) -> Place:
        """The one for so many texts, the longest of them as long as the pages know."""
        rows, columns = pages.table.shape
        needed = pages_for(pages.longest + 1)
        if needed > columns:
            raise Problem(
                f"a text has {pages.longest} tokens, and {columns * PAGE} have room: shorten it, or give a larger context"
            )
        size = bucket(texts, rows), bucket(needed, columns, FEWEST)
        if size not in self.places:
            self.places[size] = Place.of(*size, self.device)
        return self.places[size]

    def passed(self, pages: Pages, place: Place) -> Tensor:
        """Logits (all rows of the place, vocabulary)."""
        return run(self.model, pages, place)

    def several(self, ids: Tensor, positions: Tensor, view) -> Tensor:
        """Some tokens of each text that a view shows: by the model itself, for their number changes from pass to pass."""
        return self.model(ids, positions, view)

    def prompt(self, ids: Tensor, positions: Tensor, view, last: Tensor) -> Tensor:
        """Next tokens of each text, to the logits of the one at `last`: by the model itself, for the same reason."""
        return self.model(ids, positions, view, last=last)
