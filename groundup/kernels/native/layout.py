"""What Python hands to `decode.cpp`: the same structures as there, field by field."""

from ctypes import POINTER, Structure, c_float, c_int32, c_void_p

KINDS = {
    "f32": 0,
    "bf16": 1,
    "f16": 2,
    "int8": 3,
    "int8_groups": 4,
    "int4_groups": 5,
    "levels": 6,
}  # how numbers are written
CURVES = {"silu": 0, "gelu": 1, "relu": 2, "relu2": 3, "gelu_exact": 4}
ROTATIONS = ("full", "window")  # kinds of layers that may turn by rates of their own
GROUP, BLOCK, PAGE = 32, 16, 32  # columns that share a scale, rows that lie side by side, tokens in a page of the cache
LEVEL_GROUP = 64  # columns that share a scale where weights are levels


class Matrix(Structure):
    """weights (rows, columns) in one of KINDS; scales only of integers; bias f32 (rows) or none."""

    _fields_ = [
        ("weights", c_void_p),
        ("scales", c_void_p),
        ("bias", c_void_p),
        ("kind", c_int32),
        ("rows", c_int32),
        ("columns", c_int32),
    ]


class Norm(Structure):
    """f32 gains, and biases where the mean is taken away; without gains vectors stay as they are."""

    _fields_ = [("gain", c_void_p), ("bias", c_void_p)]


class Expert(Structure):
    """One feed-forward of a mixture."""

    _fields_ = [("gate", Matrix), ("up", Matrix), ("down", Matrix)]


MATRICES = ("query", "key", "value", "output", "gate", "up", "down", "router")
NORMS = ("before_attention", "before_feedforward", "after_attention", "after_feedforward",
         "queries", "keys", "all_queries", "all_keys")  # fmt: skip


class Layer(Structure):
    """One layer; `gate` has no rows where nothing is gated, `experts` is none where there is but one feed-forward, `window` is 0
    where all is seen; `rotation` is the place in ROTATIONS."""

    _fields_ = [
        *((name, Matrix) for name in MATRICES),
        *((name, Norm) for name in NORMS),
        ("experts", POINTER(Expert)),
        ("correction", c_void_p),
        ("window", c_int32),
        ("rotation", c_int32),
    ]


class Rotation(Structure):
    """Radians a token of each pair, f32, and the factor on what was turned."""

    _fields_ = [("rates", c_void_p), ("factor", c_float)]


class Routing(Structure):
    """How texts choose among experts; `shared` and the last two are 0 or 1."""

    _fields_ = [
        *((name, c_int32) for name in ("count", "chosen", "shared", "groups", "chosen_groups", "alone", "normalise")),
        ("scale", c_float),
    ]


SIZES = ("depth", "width", "heads", "kv_heads", "head_width", "hidden", "vocabulary", "turned", "curve", "parallel")
FACTORS = ("eps", "scale", "embedding_scale", "attention_cap", "logit_cap")


class Model(Structure):
    """A whole model: sizes, factors, and where its tables lie."""

    _fields_ = [
        *((name, c_int32) for name in SIZES),
        *((name, c_float) for name in FACTORS),
        ("rotations", Rotation * len(ROTATIONS)),
        ("routing", Routing),
        ("positions", c_void_p),
        ("table", Matrix),
        ("head", Matrix),
        ("last", Norm),
        ("layers", POINTER(Layer)),
    ]


class Asked(Structure):
    """One step: the texts' last tokens, where they stand, their pages (with what stretches their numbers, if these are whole),
    and where the logits go; of how many of them `together` are one text."""

    _fields_ = [
        ("texts", c_int32),
        ("pages_a_text", c_int32),
        ("cache_kind", c_int32),
        ("together", c_int32),
        ("tokens", c_void_p),
        ("lengths", c_void_p),
        ("table", c_void_p),
        ("keys", c_void_p),
        ("values", c_void_p),
        ("key_stretches", c_void_p),
        ("value_stretches", c_void_p),
        ("logits", c_void_p),
    ]


class Passage(Structure):
    """Prompts or parts of them: the tokens of all texts one after the other, where each text's begin and how many they are,
    the texts' pages, and where the logits of each one's last token go."""

    _fields_ = [
        ("texts", c_int32),
        ("pages_a_text", c_int32),
        ("cache_kind", c_int32),
        ("tokens", c_void_p),
        ("starts", c_void_p),
        ("counts", c_void_p),
        ("table", c_void_p),
        ("keys", c_void_p),
        ("values", c_void_p),
        ("logits", c_void_p),
    ]
