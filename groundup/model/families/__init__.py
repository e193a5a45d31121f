"""Every family of models, by name: one line here, one table in a file beside this one.

The order is that of the help texts: decoders first.
"""

from groundup.model.families.family import Family
from groundup.model.families.gemma import GEMMA2, GEMMA3
from groundup.model.families.gpt2 import GPT2
from groundup.model.families.gpt_neox import GPT_NEOX
from groundup.model.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3
from groundup.model.families.olmo2 import OLMO2
from groundup.model.families.phi3 import PHI3

FAMILIES: dict[str, Family] = {
    "qwen3": QWEN3,
    "qwen2": QWEN2,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "gemma2": GEMMA2,
    "gemma3": GEMMA3,
    "olmo2": OLMO2,
    "phi3": PHI3,
    "gpt2": GPT2,
    "gpt_neox": GPT_NEOX,
}
