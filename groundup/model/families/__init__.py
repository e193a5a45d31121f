"""Every family of models, by name: one line here, one table in a file beside this one.

The order is that of the help texts: decoders first.
"""

from groundup.model.families.bert import BERT, ROBERTA
from groundup.model.families.deepseek import DEEPSEEK_V2, DEEPSEEK_V3
from groundup.model.families.experts import MIXTRAL
from groundup.model.families.family import Family
from groundup.model.families.gemma import GEMMA2, GEMMA3
from groundup.model.families.gpt2 import GPT2
from groundup.model.families.gpt_neox import GPT_NEOX
from groundup.model.families.lfm2 import LFM2
from groundup.model.families.llama import LLAMA, MISTRAL, QWEN2, QWEN3
from groundup.model.families.mamba import MAMBA
from groundup.model.families.marian import MARIAN, TRANSFORMER2017
from groundup.model.families.olmo2 import OLMO2
from groundup.model.families.phi3 import PHI3
from groundup.model.families.recurrent import GRU, LSTM, MINGRU, RNN, TRANSFORMER_XL
from groundup.model.families.t5 import T5

FAMILIES: dict[str, Family] = {
    "qwen3": QWEN3,
    "qwen2": QWEN2,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "gemma2": GEMMA2,
    "gemma3": GEMMA3,
    "olmo2": OLMO2,
    "phi3": PHI3,
    "mixtral": MIXTRAL,
    "deepseek_v3": DEEPSEEK_V3,
    "deepseek_v2": DEEPSEEK_V2,
    "lfm2": LFM2,
    "gpt2": GPT2,
    "gpt_neox": GPT_NEOX,
    "bert": BERT,
    "roberta": ROBERTA,
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
