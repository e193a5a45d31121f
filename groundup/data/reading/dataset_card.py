"""A folder of a Hugging Face data set: its card says which files belong to which configuration and split.

Of the splits only the one for training is read (what others measure with must not be learnt from), and of several
configurations the default one; without a card the names of the files tell, as the Hub itself does it.
"""

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

CARD, INFOS, STATE = "README.md", ("dataset_infos.json", "dataset_dict.json"), "state.json"
SHORT = 1 << 20  # bytes of a card
FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.S)
TOLD = (
    "configs",
    "dataset_info",
    "task_categories",
    "task_ids",
    "size_categories",
    "source_datasets",
    "annotations_creators",
)
DATA = {
    ".parquet",
    ".arrow",
    ".jsonl",
    ".json",
    ".ndjson",
    ".csv",
    ".tsv",
    ".txt",
    ".gz",
    ".zst",
    ".bz2",
    ".xz",
    ".zip",
    ".tar",
}
ABOUT = {*INFOS, "dataset_info.json", STATE, "dataset_dict.json"}
OTHER = re.compile(r"(?:^|[-._ /0-9])(?:test|testing|eval|evaluation|valid|validation|val|dev)(?:$|[-._ /0-9])", re.I)
TRAIN = re.compile(r"(?:^|[-._ /0-9])train(?:ing)?(?:$|[-._ /0-9])", re.I)


@dataclass(frozen=True)
class DataSet:
    """What a card says: its licence, and the patterns of the files to read (none: told by their names)."""

    license: str
    patterns: tuple[str, ...]

    def left_out(self, path: str) -> str:
        """Why a file of the folder is not read; nothing where it is."""
        name = path.rpartition("/")[2]
        if name in ABOUT or path == CARD:
            return "data set: about the data"
        if self.patterns:
            if any(fnmatchcase(path, pattern) for pattern in self.patterns):
                return ""
            return "data set: another split or configuration"
        if Path(name).suffix.lower() not in DATA:
            return "data set: no data"
        if OTHER.search(path) and not TRAIN.search(path):
            return "data set: another split or configuration"
        return ""


def data_set(folder: Path) -> DataSet | None:
    """The data set that a folder is, or nothing."""
    front = _front(folder / CARD)
    marked = any(os.path.isfile(folder / name) for name in (*INFOS, STATE))
    if not marked and not any(key in front for key in TOLD):
        return None
    license = front.get("license")
    named = license[0] if isinstance(license, list) and license else license
    return DataSet(_spdx(named) if isinstance(named, str) else "", tuple(_patterns(front)))


def _front(card: Path) -> dict[str, Any]:
    """The YAML at the head of a card; nothing where there is none, or it is none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        with open(card, encoding="utf-8", errors="replace") as file:
            found = FRONT.match(file.read(SHORT))
        read = YAML(typ="safe", pure=True).load(found[1]) if found else None
    except (OSError, YAMLError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _patterns(front: dict[str, Any]) -> list[str]:
    """The files of the default configuration's split for training."""
    listed = front.get("configs")
    configs = [config for config in listed if isinstance(config, dict)] if isinstance(listed, list) else []
    if not configs:
        return []
    chosen = next((c for c in configs if c.get("default") is True or c.get("config_name") == "default"), configs[0])
    files = chosen.get("data_files")
    entries = files if isinstance(files, list) else [{"split": "train", "path": files}] if files else []
    splits: dict[str, list[str]] = {}
    for entry in entries:
        split, path = (entry.get("split", "train"), entry.get("path")) if isinstance(entry, dict) else ("train", entry)
        paths = path if isinstance(path, list) else [path]
        splits.setdefault(str(split), []).extend(each.removeprefix("./") for each in paths if isinstance(each, str))
    train = splits.get("train") or next((paths for split, paths in splits.items() if not OTHER.search(split)), [])
    folder = chosen.get("data_dir")
    return train or ([f"{folder.strip('/')}/*"] if isinstance(folder, str) and folder else [])


def _spdx(written: str) -> str:
    """The Hub's name of a licence as the SPDX list writes it."""
    known = {"mit": "MIT", "apache-2.0": "Apache-2.0", "unlicense": "Unlicense", "isc": "ISC", "odc-by": "ODC-By-1.0",
             "pddl": "PDDL-1.0", "bsd": "BSD-3-Clause", "gfdl": "GFDL-1.3"}  # fmt: skip
    return known.get(
        written.lower(),
        written.upper() if written.lower().startswith(("cc", "gpl", "lgpl", "agpl", "mpl")) else written,
    )
