"""In what an attempt differs from the one that was interrupted before it: settings by their dotted names, inputs by file."""

from collections.abc import Iterator, Mapping
from typing import Any

Identity = Mapping[str, Any]  # what stage.json says of an attempt


def differences(before: Identity, now: Identity) -> list[str]:
    """Each in a few words, as `training.steps 100 -> 200`."""
    return [*_settings(before, now), *_inputs(before.get("inputs", {}), now["inputs"])]


def _settings(before: Identity, now: Identity) -> Iterator[str]:
    old, new = dict(_flat(before.get("settings", {}))), dict(_flat(now["settings"]))
    old["seed"], new["seed"] = before.get("seed"), now.get("seed")
    versions = before.get("groundup", {}), now["groundup"]
    old["version of the stage"], new["version of the stage"] = (told.get("version") for told in versions)
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name, "unset") != new.get(name, "unset"):
            yield f"{name} {_shown(old.get(name, 'unset'))} -> {_shown(new.get(name, 'unset'))}"


def _inputs(before: Identity, now: Identity) -> Iterator[str]:
    for name in now:
        if name in before and before[name].get("fingerprint") != now[name]["fingerprint"]:
            old, new = before[name].get("files", {}), now[name].get("files", {})
            files = [path for path in sorted(old.keys() | new.keys()) if _hash(old, path) != _hash(new, path)]
            yield f"{name} was changed since" + (f" ({', '.join(path for path in files[:3])})" if files else "")


def _hash(files: Identity, path: str) -> str | None:
    return files[path]["sha256"] if path in files else None


def _flat(values: Identity, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
