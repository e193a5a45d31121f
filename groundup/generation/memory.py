"""What an engine remembers of its texts, and how much of it: which store keeps keys and values, and who gets its pages.

The engine says which row a text has; here it is given pages, begins with those of others where it may, and gives them back.
"""

from collections import Counter

from groundup.errors import Problem, did_you_mean
from groundup.generation.desk import Desk
from groundup.generation.int8_pages import Int8Pages
from groundup.generation.ledger import Ledger
from groundup.generation.pages import PAGE, Pages, pages_for
from groundup.generation.prefixes import lengthen
from groundup.generation.room import bytes_per_page, pages_allowed, pages_asked
from groundup.generation.scheduler import Row
from groundup.model.transformer import Transformer

STORES = {"rows": Pages, "pages": Pages, "int8": Int8Pages}  # "rows": side by side, pages only for what is shared


class Memory:
    """`piece` is 0, or the length of the parts in which prompts are read: then only whole parts are shared."""

    def __init__(
        self,
        model: Transformer,
        slots: int,
        context: int,
        store: str | None,
        tokens: int | None,
        share: bool,
        piece: int = 0,
        gathered: bool = False,
    ):
        """gathered: whether everything must lie in pages, so that `rows` will not do."""
        if store is not None and store not in STORES:
            raise Problem(f"store={store} is not known; {did_you_mean(store, STORES)}")
        if store == "rows" and gathered:
            raise Problem(
                "store=rows cannot be used for exact or compiled steps, which read from pages: say store=pages"
            )
        device = next(model.parameters()).device
        whole = slots * pages_for(context)  # every text as long as it may get
        asked = None if tokens is None else pages_asked(tokens, context)
        wanted, least = whole * (2 if share else 1), pages_for(context)
        pages = asked or pages_allowed(wanted, least, bytes_per_page(model, store or "rows", share), device)
        if store is None and (gathered or pages < whole):
            store = "pages"
            pages = asked or pages_allowed(wanted, least, bytes_per_page(model, store, share), device)
        store = store or "rows"
        kept = STORES[store](slots, pages + 1, context, device)
        self.cache: Pages | Desk = Desk(kept) if store == "rows" else kept
        self.store, self.share, self.piece, self.ledger = store, share, piece, Ledger(pages)
        self.asked: Counter[str] = Counter()
        self.shared: Counter[str] = Counter()

    def sharable(self, row: Row) -> int:
        """With how many pages of others a text may begin: one token at least is left to be read."""
        known = len(row.known) - 1
        return self._whole(min(known, len(row.request.ids))) if self.piece else known // PAGE

    def _whole(self, tokens: int) -> int:
        """The pages of the whole pieces among the first tokens of a prompt."""
        return tokens // self.piece * self.piece // PAGE

    def begun(self, row: Row) -> list[int]:
        """The pages of others with which a text can begin now."""
        if not self.share:
            return []
        lengthen(row.keys, row.known, row.request.salt)
        found = self.ledger.prefixes.find(row.keys[: self.sharable(row)])
        return found[: self._whole(len(found) * PAGE)] if self.piece else found

    def price(self, row: Row) -> int:
        """How many of the available pages it takes to begin a text now."""
        held = sum(self.ledger.holders[page] > 0 for page in self.begun(row))
        return pages_for(len(row.known)) - held

    def begin(self, row: Row) -> bool:
        """Pages for all that a text has to say, at its place; False if there are not so many."""
        found = self.begun(row)
        self.ledger.share(found)
        taken = self.ledger.take(pages_for(len(row.known)) - len(found))
        if taken is None:
            self.ledger.give_back(found)
            return False
        row.pages, row.length, row.settled = found + taken, len(found) * PAGE, len(found)
        self.cache.begin(row.at, found)
        self.cache.assign(row.at, len(found), taken)
        self.asked[row.request.salt] += len(row.known)
        self.shared[row.request.salt] += row.length
        return True

    def grow(self, row: Row) -> bool:
        """One more page for a text; False if there is none."""
        taken = self.ledger.take(1)
        if taken is None:
            return False
        self.cache.assign(row.at, len(row.pages), taken)
        row.pages += taken
        return True

    def settle(self, row: Row) -> None:
        """Let others find the pages that are full."""
        if not self.share:
            return
        full = row.length // PAGE
        if self.piece:
            full = min(full, self._whole(len(row.request.ids)))
        if row.settled >= full:
            return
        lengthen(row.keys, row.known, row.request.salt)
        for column in range(row.settled, full):
            if self.ledger.prefixes.learn(row.keys[column], row.pages[column]):
                self.cache.settle(row.at, column, row.pages[column])
        row.settled = full

    def leave(self, row: Row) -> None:
        """A text gives all its pages back."""
        self.ledger.give_back(row.pages)
        row.length, row.settled, row.pages = 0, 0, []
