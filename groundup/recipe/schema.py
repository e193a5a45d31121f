"""JSON schemas of recipes and of every kind of stage, from the same settings that check them."""

import json
from pathlib import Path
from typing import Any

from groundup import config
from groundup.recipe.file import Written
from groundup.run import write_atomically
from groundup.stages import STAGES, load


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema: one for each kind of stage, and `recipe.json`, which refers to them."""
    made = {}
    for kind in STAGES:
        told = config.schema(load(kind).Settings)
        told["title"] = kind
        told["properties"] = {"kind": {"const": kind, "description": "the kind of stage"}} | told["properties"]
        told["required"] = ["kind", *told.get("required", [])]
        made[f"{kind}.json"] = told
    recipe = config.schema(Written)
    recipe["properties"]["stages"]["additionalProperties"] = {"oneOf": [{"$ref": name} for name in made]}
    return made | {"recipe.json": recipe}


def write(into: Path) -> list[Path]:
    """Write all schemas into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, told in schemas().items():
        write_atomically(into / name, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        paths.append(into / name)
    return paths
