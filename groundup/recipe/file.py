"""A recipe as it is written: YAML that names the stages of a text's way and what each reads of the others.

about: one line shown in lists
seed: 1
arguments: {text: {about: a folder of texts}}         # no default: must be given, `groundup make NAME text=PATH`;
                                                      # a default may be $stage/path: left out where something else is given
stages:
  corpus: {kind: corpus, files: [$text]}
  tokenizer: {kind: tokenizer, corpus: $corpus}
links: {tokenizer.json: $tokenizer/tokenizer.json}    # what DIR leads to when all is made
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from typing import Any

from pydantic import Field

from groundup import config
from groundup.config import Place, Section, inputs_of, replace_inputs
from groundup.config.written import Series
from groundup.errors import Problem, did_you_mean
from groundup.recipe.graph import Reference, order, reference, references
from groundup.stages import STAGES

NAME = re.compile(r"[A-Za-z_][\w-]*")
CALL = Place("the call")
TAKEN = {"seed", "lock"}  # words that mean something else on the command line or in a recipe's folder


class Argument(config.Settings):
    """Something that is said when the recipe is made."""

    about: str = Field(description="what to give")
    default: str | int | float | bool | None = Field(default=None, description="used when nothing is given")


class Written(config.Settings):
    """A recipe: stages, what each reads of the others, and what the finished folder offers."""

    about: str = Field(description="one line for lists")
    seed: int = Field(default=1, ge=0, description="of all that is random; `seed=N` on the command line")
    arguments: dict[str, Argument] = Field(default_factory=dict, description="what is said when it is made: name=value")
    stages: dict[str, dict[str, Any]] = Field(description="name -> {kind: …, and the settings of that kind}")
    links: dict[str, str] = Field(default_factory=dict, description="name in the folder -> $stage/path it leads to")


@dataclass(frozen=True)
class Planned:
    """One stage of a recipe with its settings checked; inputs still say `$stage`."""

    name: str
    kind: str
    module: Any
    settings: config.Settings
    needs: list[str]
    inputs: dict[str, Reference | Path]  # names as config.inputs_of gives them


@dataclass(frozen=True)
class Recipe:
    """A recipe that fits: every stage known, every setting valid, every reference leading somewhere."""

    name: str
    about: str
    seed: int
    stages: dict[str, Planned]  # in the order of work
    links: dict[str, Reference]


def known() -> dict[str, Path]:
    """The recipes that come with the package: name -> file."""
    folder = Path(str(resources.files("groundup"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(recipe: str | os.PathLike[str]) -> Path:
    """The file of a recipe, given its name or its path."""
    if isinstance(recipe, str) and recipe in known():
        return known()[recipe]
    path = Path(recipe).expanduser()
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or os.sep in str(recipe):
        raise Problem(f"there is no recipe at {recipe}: expected a YAML file, or a name: {', '.join(known())}")
    raise Problem(f"there is no recipe {recipe}; {did_you_mean(str(recipe), known())}")


def about(path: Path) -> tuple[str, dict[str, Argument]]:
    """The one line of a recipe's file and its arguments, for lists."""
    written = config.build(Written, config.read_yaml(path))
    return written.about, written.arguments


def read(recipe: str | os.PathLike[str], said: Mapping[str, Any], kinds: Mapping[str, str] = STAGES) -> Recipe:
    """The recipe with what was said laid over it (`seed`, arguments, `stage: {key: value}`), checked from end to end."""
    path = find(recipe)
    raw = config.read_yaml(path)
    written = config.build(Written, raw)
    raw_stages: Section = raw["stages"]
    _check_names(written, raw, path)
    values = _arguments(written, raw, said, path.stem)
    stages = {}
    for name, section in raw_stages.items():
        over = said.get(name, {})
        if not isinstance(over, Mapping):
            raise Problem(f"{name} is a stage of {path.stem}: expected {name}.KEY=VALUE, found {name}={over}")
        section = config.merge(section, over)
        stages[name] = _stage(name, section, raw_stages, values, kinds)
    _leave_out(stages, written, said)
    needs = {name: stage.needs for name, stage in stages.items()}
    ordered = {name: stages[name] for name in order(needs, raw_stages.places)}
    links = {link: _link(link, target, raw["links"], ordered) for link, target in written.links.items()}
    return Recipe(path.stem, written.about, _seed(written, said), ordered, links)


def _leave_out(stages: dict[str, Planned], written: Written, said: Mapping[str, Any]) -> None:
    """Take out the stages that only the defaults of arguments lead to, where something else was said instead."""
    defaults = [reference(argument.default) for name, argument in written.arguments.items() if name in said]
    wanted = {need for stage in stages.values() for need in stage.needs}
    wanted |= {found.name for target in written.links.values() if (found := reference(target))}
    for each in defaults:
        if each and each.name not in wanted:
            stages.pop(each.name, None)


def _seed(written: Written, said: Mapping[str, Any]) -> int:
    seed = said.get("seed", written.seed)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise Problem(f"seed must be a whole number, at least 0, found {seed!r}")
    return seed


def _check_names(written: Written, raw: Section, path: Path) -> None:
    if not written.stages:
        raise Problem(f"{path} has no stages: write at least one under `stages:`")
    for part in ("stages", "arguments", "links"):
        for name in getattr(written, part):
            at = raw[part].places[name]
            if name in TAKEN or (not NAME.fullmatch(name) if part != "links" else "/" in name or name.startswith(".")):
                raise Problem(f"{name} cannot be a name in `{part}` ({at}): choose another word")
    for name in set(written.stages) & (set(written.arguments) | set(written.links)):
        other = "arguments" if name in written.arguments else "links"
        raise Problem(f"{name} names a stage and one of `{other}` ({raw[other].places[name]}): rename one of them")


def _arguments(written: Written, raw: Section, said: Mapping[str, Any], recipe: str) -> Section:
    """What each argument stands for, from what was said or its default."""
    names = ["seed", *written.arguments, *written.stages]
    for word in said:
        if word not in names:
            raise Problem(f"{recipe} has no stage or argument {word}; {did_you_mean(word, names)}")
    values = Section()
    for name, argument in written.arguments.items():
        if name in said:
            values.put(name, said[name], getattr(said, "places", {}).get(name, CALL))
        elif "default" in argument.model_fields_set:
            values.put(name, argument.default, raw["arguments"].places[name])
        else:
            raise Problem(f"{recipe} needs {name}=… ({argument.about}): groundup make {recipe} {name}=VALUE")
    return values


def _stage(name: str, section: Section, names: Section, values: Section, kinds: Mapping[str, str]) -> Planned:
    place = names.places[name]
    module = import_module(kinds[_kind(name, section, place, kinds)])
    found = list(references(section, place))
    for each in found:
        if each.name not in names and each.name not in values:
            hint = did_you_mean(each.name, [*names, *values])
            raise Problem(f"{name} reads ${each.name} ({each.place}), which is neither a stage nor an argument; {hint}")
    said: dict[str, str] = {}
    filled = _filled(section, values, said, "")
    filled.pop("kind")
    settings = config.build(module.Settings, filled, name)
    inputs = {
        spot: _input(text, _place(filled, spot.split(".")) or place) for spot, text in inputs_of(settings).items()
    }
    leads = [each for each in inputs.values() if isinstance(each, Reference)]
    reads = {str(each) for each in leads}
    for each in leads:
        if each.name not in names:  # an argument led here
            raise Problem(f"{name} reads {each} ({each.place}), but {did_you_mean(each.name, names)}")
    for each in found:
        if each.name in names and str(each) not in reads:
            raise Problem(f"{name} mentions {each} where no input is expected ({each.place}): write a value there")
    settings = replace_inputs(settings, {spot: text for spot, text in said.items() if spot in inputs})
    needs = dict.fromkeys(each.name for each in [*found, *leads] if each.name in names)
    return Planned(name, section["kind"], module, settings, list(needs), inputs)


def _kind(name: str, section: Section, place: Place, kinds: Mapping[str, str]) -> str:
    kind = section.get("kind")
    if kind is None:
        raise Problem(f"{name} has no kind ({place}): expected `kind:` with one of {', '.join(kinds)}")
    if kind not in kinds:
        at = section.places.get("kind", place)
        raise Problem(f"{name}.kind: {kind} is not a kind of stage ({at}); {did_you_mean(str(kind), kinds)}")
    return kind


def _filled(value: Any, values: Section, said: dict[str, str], spot: str) -> Any:
    """The same settings with arguments put in; `said` remembers where: paths differ, what is asked for does not."""
    if isinstance(value, Mapping):
        section = Section(getattr(value, "place", None))
        for key, inner in value.items():
            place = _argument_place(inner, values) or getattr(value, "places", {}).get(key)
            section.put(key, _filled(inner, values, said, f"{spot}{key}."), place)
        return section
    if isinstance(value, list):
        series = Series()
        places = getattr(value, "places", [])
        for i, inner in enumerate(value):
            series.append(_filled(inner, values, said, f"{spot}{i}."))
            series.places.append(_argument_place(inner, values) or (places[i] if i < len(places) else CALL))
        return series
    found = reference(value)
    if found is None or found.name not in values:
        return value
    said[spot.rstrip(".")] = str(found)
    known = values[found.name]
    return f"{known}/{found.within}" if found.within else known


def _argument_place(value: Any, values: Section) -> Place | None:
    found = reference(value)
    return values.places.get(found.name) if found else None


def _input(text: str, place: Place) -> Reference | Path:
    """What an input leads to: a stage of this recipe, or a path from where it was written."""
    return reference(text, place) or Path(os.path.abspath(_folder_of(place) / Path(text).expanduser()))


def _place(value: Any, steps: list[str]) -> Place | None:
    """Where the value at the end of these steps was written."""
    place = getattr(value, "place", None)
    for step in steps:
        key: Any = int(step) if isinstance(value, list) else step
        places = getattr(value, "places", None)
        try:
            place = places[key] if places else place
            value = value[key]
        except (KeyError, IndexError, TypeError):
            break
    return place


def _folder_of(place: Place) -> Path:
    """Paths in a file count from that file, paths on the command line from where it is typed."""
    return Path(os.path.abspath(place.source)).parent if place.line else Path.cwd()


def _link(name: str, target: str, section: Section, stages: Mapping[str, Planned]) -> Reference:
    at = section.places[name]
    found = reference(target, at)
    if found is None:
        raise Problem(f"the link {name} leads to {target} ({at}): expected $stage or $stage/path")
    if found.name not in stages:
        raise Problem(f"the link {name} leads to {found} ({at}), but {did_you_mean(found.name, stages)}")
    return found
