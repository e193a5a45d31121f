"""Which projections add a bias, as files say it: attention_bias for q, k, v and the way back, mlp_bias for the feed-forward."""

from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

ATTENTION, FEEDFORWARD = "attention_bias", "mlp_bias"
OURS = {(True, True): True, (True, False): "attention", (False, True): "feedforward", (False, False): False}


def read_biases(config: Config, where: str, usual: bool = False, feedforward: bool | None = None) -> dict[str, Any]:
    """`usual` is meant where the file is silent; `feedforward` is given where the family's has no choice."""
    told = []
    for key in (ATTENTION, FEEDFORWARD):
        value = config.get(key, usual)
        if not isinstance(value, bool):
            raise Problem(f"{where}: {key} is {value!r}; expected true or false.")
        told.append(value)
    return {"biases": OURS[told[0], told[1] if feedforward is None else feedforward]}


def write_biases(settings: "ModelSettings") -> dict[str, Any]:
    """Both keys, from ours."""
    return {ATTENTION: settings.has_bias("output"), FEEDFORWARD: settings.has_bias("feedforward")}


def biased_otherwise(settings: "ModelSettings", feedforward: bool | None = None) -> list[str]:
    """Biases that the two keys cannot say."""
    alike = settings.has_bias("qkv") == settings.has_bias("output")
    if alike and feedforward in (None, settings.has_bias("feedforward")):
        return []
    return [f"biases = {settings.biases}"]
