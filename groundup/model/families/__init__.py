"""Every family of models, by name: one line here, one table in a file beside this one.

The order is that of the help texts: decoders first.
"""

from groundup.model.families.deepseek import DEEPSEEK_V2, DEEPSEEK_V3
from groundup.model.families.experts import MIXTRAL
from groundup.model.families.family import Family
from groundup.model.families.gpt2 import GPT2
from groundup.model.families.lfm2 import LFM2
from groundup.model.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3

FAMILIES: dict[str, Family] = {
    "qwen3": QWEN3,
    "qwen2": QWEN2,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "mixtral": MIXTRAL,
    "deepseek_v3": DEEPSEEK_V3,
    "deepseek_v2": DEEPSEEK_V2,
    "lfm2": LFM2,
    "gpt2": GPT2,
}
