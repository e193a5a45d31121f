"""From a recipe to finished folders, like make: which stages there are, what each reads, what is already made.

`file` reads and checks YAML, `graph` orders it, `planning` says what it would cost, `making` makes it while `console`
shows how far it is; `byhand` makes one stage alone.
"""

from groundup.recipe.byhand import make_stage, train
from groundup.recipe.file import Recipe, find, known, read
from groundup.recipe.making import make, make_recipe

__all__ = ["Recipe", "find", "known", "make", "make_recipe", "make_stage", "read", "train"]
