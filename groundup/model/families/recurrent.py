"""Families that are ours alone: RNN, GRU, LSTM, minGRU and Transformer-XL. No other program has a word for their files.

What they have no part for (patterns of attention, rotary positions, …) keeps its default and may not be changed.
"""

from groundup.model.families.family import Family

STATEFUL = {"norm": "rms", "positions": "none", "qk_norm": False, "biases": False, "eps": 1e-5}
ONE = STATEFUL | {"heads": 1}  # where nothing is divided among heads

RNN = GRU = LSTM = Family(parts=ONE, architecture="stateful")
MINGRU = Family(parts=ONE, architecture="stateful", free=frozenset({"norm", "feedforward", "biases"}))
TRANSFORMER_XL = Family(
    parts=STATEFUL
    | {"norm": "layer", "feedforward": "relu", "biases": True, "norm_place": "post", "transformer_xl": {}},
    architecture="stateful",
    free=frozenset({"norm", "feedforward", "biases", "transformer_xl"}),
)
