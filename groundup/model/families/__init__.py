"""Every family of models, by name: one line here, one table in a file beside this one.

The order is that of the help texts: decoders first.
"""

from groundup.model.families.family import Family
from groundup.model.families.gpt2 import GPT2
from groundup.model.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3
from groundup.model.families.mamba import MAMBA
from groundup.model.families.marian import MARIAN, TRANSFORMER2017
from groundup.model.families.recurrent import GRU, LSTM, MINGRU, RNN, TRANSFORMER_XL
from groundup.model.families.t5 import T5

FAMILIES: dict[str, Family] = {
    "qwen3": QWEN3,
    "qwen2": QWEN2,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "gpt2": GPT2,
    "rnn": RNN,
    "gru": GRU,
    "lstm": LSTM,
    "mingru": MINGRU,
    "mamba": MAMBA,
    "transformer_xl": TRANSFORMER_XL,
    "t5": T5,
    "marian": MARIAN,
    "transformer2017": TRANSFORMER2017,
}
