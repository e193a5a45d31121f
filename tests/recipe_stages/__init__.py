"""Two kinds of stage small enough to see through, `write` and `join`, and recipes made of them.

python -m tests.recipe_stages RECIPE DIR [name=value …]      # to be killed, stopped, and run twice at once
"""

import json
from pathlib import Path
from typing import Any

from groundup import config
from groundup.recipe import file, making

KINDS = {"write": "tests.recipe_stages.write", "join": "tests.recipe_stages.join"}

CHAIN = """\
about: three stages in a row
stages:
  pages: {kind: write, text: once upon a time}
  words: {kind: join, parts: [$pages]}
  story: {kind: join, parts: [$words/joined.txt, $pages], upper: true}
links: {story.txt: $story/joined.txt, best: $story}
"""


def written(folder: Path, text: str = CHAIN, name: str = "small") -> Path:
    """A recipe's file."""
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def read(path: Path, *words: str) -> file.Recipe:
    """A recipe of these kinds, with words of the command line."""
    return file.read(path, config.overrides(words), KINDS)


def make(path: Path, into: Path, *words: str, **how: Any) -> Path:
    """Make a recipe of these kinds."""
    return making.make_recipe(read(path, *words), into, **how)


def seconds_of(into: Path, name: str) -> tuple[str, int]:
    """Which folder a stage's link leads to, and when it was finished: equal means it was not made again."""
    folder = (into / name).resolve()
    return folder.name, (folder / "manifest.json").stat().st_mtime_ns


def manifest(into: Path, name: str) -> dict[str, Any]:
    """What a finished stage says of itself."""
    return json.loads((into / name / "manifest.json").read_text())


def main(recipe: str, into: str, *words: str) -> int:
    """Run as the command line does, with these kinds in place of the product's."""
    from groundup import stages
    from groundup.__main__ import main as groundup

    stages.STAGES.clear()
    stages.STAGES.update(KINDS)
    return groundup(["make", recipe, *words, "--into", into])
