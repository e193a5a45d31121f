from groundup.model.families.family import Config, Family
P={
        "norm": "layer", "norm_place": "post", "positions": "sinusoidal", "feedforward": "relu", "qk_norm": False,
        "biases": True, "eps": 1e-5, "encoder": {},
    }
TRANSFORMER2017 = Family(parts=P, architecture="encoder_decoder")
MARIAN = Family(parts=P|{"positions":"sinusoidal_halves"}, architecture="encoder_decoder")
