"""Every family of models, by name: one line here, one table in a file beside this one.

The order is that of the help texts: decoders first.
"""

from groundup.model.families.bert import BERT, ROBERTA
from groundup.model.families.family import Family
from groundup.model.families.gpt2 import GPT2
from groundup.model.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3

FAMILIES: dict[str, Family] = {
    "qwen3": QWEN3,
    "qwen2": QWEN2,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "gpt2": GPT2,
    "bert": BERT,
    "roberta": ROBERTA,
}
