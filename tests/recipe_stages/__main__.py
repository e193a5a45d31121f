"""So that `python -m tests.recipe_stages` makes a recipe in a process of its own."""

import sys

from tests.recipe_stages import main

sys.exit(main(*sys.argv[1:]))
