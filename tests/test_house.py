"""The plan of the house, held: imports point down and never sideways, importing is light, nothing is pickled."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundup.recipe import file

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "groundup"
FLOORS = [
    {"kernels", "config", "hardware", "errors"},
    {"tokenizer", "run"},
    {"data", "model", "town"},
    {"generation", "parallel"},
    {"training", "evaluation", "serving"},
    {"objectives"},
    {"stages"},
    {"recipe"},
    {"experiments"},
    {"commands"},
    {"__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ALONE = {"kernels", "config", "hardware", "errors"}  # the ground: its parts may lean on `errors` and `config`
HEAVY = ("torch", "daft", "numba", "pyarrow", "transformers", "fastapi", "uvicorn", "plotly")
LONGEST = 400


def python_files(folder: Path = HOUSE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of everything that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ["groundup", *path.relative_to(HOUSE).parts[:-1]]
            start = above[: len(above) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (
                (node.lineno, f"{module}.{alias.name}" if module == "groundup" else module) for alias in node.names
            )


def arrows() -> Iterator[tuple[str, str, str]]:
    """(where, room, room it imports) of every arrow between rooms."""
    for path in python_files():
        room = room_of(path)
        for line, name in imports(path):
            parts = name.split(".")
            if parts[0] == "groundup" and len(parts) > 1 and parts[1] in FLOOR and parts[1] != room:
                yield f"{path.relative_to(ROOT)}:{line}", room, parts[1]


def wrong_arrows() -> list[str]:
    wrong = []
    for where, room, other in arrows():
        if room == "__init__":  # the front door names the rooms, and opens them when asked
            continue
        ground = {room, other} <= ALONE and other in ("errors", "config")
        if FLOOR[other] >= FLOOR[room] and not ground:
            way = "sideways" if FLOOR[other] == FLOOR[room] else "up"
            wrong.append(f"{where}: {room} imports {other}, which points {way}")
    return wrong


def test_every_room_has_its_floor():
    rooms = {
        path.name.removesuffix(".py")
        for path in HOUSE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} <= set(FLOOR)


def test_imports_point_down_and_never_sideways():
    assert wrong_arrows() == []
    assert len(list(arrows())) > 50, "the reader of imports finds nothing"


def test_stages_do_not_import_each_other():
    for path in python_files(HOUSE / "stages"):
        for line, name in imports(path):
            assert not name.startswith("groundup.stages."), f"{path}:{line} imports {name}"


def test_only_the_stages_that_invent_know_the_town():
    knowing = {where for where, room, other in arrows() if other == "town" and room != "town"}
    assert knowing and {where.split(":")[0] for where in knowing} == {
        f"groundup/stages/{name}.py" for name in ("invent", "exercises")
    }


def calls_and_names(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in [*names, getattr(node, "module", "") or ""])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and getattr(node.value, "value", True) is not False
        ):
            yield node.value.lineno, "allow_pickle"


def test_nothing_is_pickled():
    forbidden = {
        "pickle",
        "dill",
        "cloudpickle",
        "joblib",
        "shelve",
        "marshal",
        "torch.load",
        "torch.save",
        "allow_pickle",
    }
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in python_files()
        for line, name in calls_and_names(path)
        if name in forbidden or name.split(".")[0] in forbidden - {"torch.load", "torch.save"}
    ]
    reader = "groundup/model/legacy.py"  # of old files, in a process of its own
    assert [line for line in found if not re.fullmatch(rf"{reader}:\d+ torch.load", line)] == []
    calls = [node for node in ast.walk(ast.parse((ROOT / reader).read_text())) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "torch.load"]
    assert len(loads) == 1 and "weights_only=True" in ast.unparse(loads[0])


MUTATORS = {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "add", "discard", "popitem"}


def changed_globals(path: Path) -> list[str]:
    """Module names that functions of the module change: global statements, item assignment, mutating methods."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module_names = set()
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        module_names |= {target.id for target in targets if isinstance(target, ast.Name)}
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
        shared = module_names - own
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} global {', '.join(node.names)}")
            changed = None
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                changed = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
                changed = node.func.value
            if isinstance(changed, ast.Name) and changed.id in shared:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} changes {changed.id}")
    return found


def test_no_module_holds_state_that_changes():
    assert [line for path in python_files() for line in changed_globals(path)] == []


def test_the_reader_of_state_would_find_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "bad.py"
    path.write_text(
        "SEEN = {}\nN = 0\ndef f(x):\n    SEEN[x] = 1\n    SEEN.update(x)\ndef g():\n    global N\n    N = 1\n"
    )
    assert len(changed_globals(path)) == 3


def test_no_file_is_longer_than_a_head():
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_every_file_opens_by_saying_what_it_is():
    missing = [
        str(path.relative_to(ROOT)) for path in python_files() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [name for name in missing if (ROOT / name).stat().st_size] == []


LIGHT = ["groundup", "groundup.commands", "groundup.recipe"] + sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in python_files()
    if path.parent.name == "stages" or path.name in ("settings.py", "__init__.py")
)


def test_importing_is_light():
    program = (
        "import importlib, json, sys\n"
        f"heavy = {HEAVY!r}\nfound = {{}}\n"
        f"for name in {LIGHT!r}:\n"
        "    importlib.import_module(name)\n"
        "    for module in heavy:\n"
        "        if module in sys.modules: found.setdefault(module, name)\n"
        "print(json.dumps(found))"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "{}"


@pytest.mark.parametrize("name", sorted(file.known()))
def test_every_recipe_fits_its_stages(name, tmp_path):
    arguments = file.about(file.known()[name])[1]
    given = {argument: str(tmp_path) for argument, told in arguments.items() if "default" not in told.model_fields_set}
    recipe = file.read(name, given)
    assert "report.json" in recipe.links
    assert all(planned.module.VERSION >= 1 for planned in recipe.stages.values())


def tracked() -> list[Path]:
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = told.stdout.split("\0") if told.returncode == 0 else [str(p.relative_to(ROOT)) for p in python_files()]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_place_on_somebodys_machine():
    places = [os.sep + "work" + os.sep, os.sep + "root" + os.sep, os.sep + "Users" + os.sep, os.sep + "home" + os.sep]
    found = []
    for path in tracked():
        if path.suffix in (".npz", ".png", ".ico", ".woff2"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number}" for place in places if place in line]
    assert found == []
