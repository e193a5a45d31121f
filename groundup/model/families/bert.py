"""BERT and RoBERTa: post norm, learned positions, a norm on what comes in; under heads that read both ways.

RoBERTa keeps two rows of its positions for padding, knows one kind of text and no next sentence.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.families.family import Config, Family, Named

if TYPE_CHECKING:
    from groundup.model.settings import ModelSettings

PARTS = {
    "norm": "layer", "norm_place": "post", "positions": "learned", "feedforward": "gelu_exact", "qk_norm": False,
    "biases": True, "embedding_norm": True, "eps": 1e-12,
}  # fmt: skip
KEYS = {
    "depth": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "vocabulary": "vocab_size",
    "token_types": "type_vocab_size",
    "tied": "tie_word_embeddings",
    "eps": "layer_norm_eps",
}
CONTEXT = "max_position_embeddings"
MEANT = {
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
}
IGNORED = frozenset(
    {"hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "pooler_fc_size", "directionality",
     "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"}
)  # fmt: skip

# What every program counts for itself, and what the first upload of BERT brings beside the head that it says it has.
SPARE = (
    "embeddings.position_ids", "bert.pooler.dense.weight", "bert.pooler.dense.bias", "cls.seq_relationship.weight",
    "cls.seq_relationship.bias", "roberta.pooler.dense.weight", "roberta.pooler.dense.bias",
)  # fmt: skip
OLDER = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def names(root: str) -> dict[str, str]:
    """Stems of the layers and of what goes into them; `root` is what transformers calls the model without its head."""
    layer = f"{root}.encoder.layer.{{}}."
    return {
        "model.embed_tokens": f"{root}.embeddings.word_embeddings",
        "model.positions.table": f"{root}.embeddings.position_embeddings",
        "model.token_types": f"{root}.embeddings.token_type_embeddings",
        "model.embedding_norm": f"{root}.embeddings.LayerNorm",
        "self_attn.q_proj": f"{layer}attention.self.query",
        "self_attn.k_proj": f"{layer}attention.self.key",
        "self_attn.v_proj": f"{layer}attention.self.value",
        "self_attn.o_proj": f"{layer}attention.output.dense",
        "input_layernorm": f"{layer}attention.output.LayerNorm",
        "mlp.up_proj": f"{layer}intermediate.dense",
        "mlp.down_proj": f"{layer}output.dense",
        "post_attention_layernorm": f"{layer}output.LayerNorm",
    }


def of_masked(ours: str) -> dict[str, str]:
    """BERT's head for words."""
    transform = "cls.predictions.transform."
    return {f"{ours}.dense": f"{transform}dense", f"{ours}.norm": f"{transform}LayerNorm", ours: "cls.predictions"}


ORDER = {"readout.pooler": "bert.pooler.dense", "readout.classes": "cls.seq_relationship"}


def lacks(settings: "ModelSettings") -> list[str]:
    """Each head has a key of its own, all together are as wide as the model, and words are read out by the table."""
    wrong = []
    if settings.kv_heads != settings.heads:
        wrong.append(f"kv_heads = {settings.kv_heads}")
    if settings.heads * settings.head_width != settings.width:
        wrong.append(f"head_width = {settings.head_width}")
    return wrong if settings.tied else [*wrong, "tied = False"]


def read_bert(config: Config, where: str) -> dict[str, Any]:
    """The table of words must be the head's as well."""
    _tied(config, where)
    return {"context": config[CONTEXT]} if config.get(CONTEXT) is not None else {}


def write_bert(settings: "ModelSettings") -> dict[str, Any]:
    return {CONTEXT: settings.context}


def read_roberta(config: Config, where: str) -> dict[str, Any]:
    """Positions begin after the row of padding, whose number is that of the padding token."""
    _tied(config, where)
    padding, rows = config.get("pad_token_id", 1), config.get(CONTEXT, 512)
    if not isinstance(padding, int) or not isinstance(rows, int) or rows <= padding + 1:
        raise Problem(f"{where}: {CONTEXT} is {rows!r} and pad_token_id {padding!r}; positions begin one after it.")
    return {"context": rows - padding - 1, "position_offset": padding + 1}


def write_roberta(settings: "ModelSettings") -> dict[str, Any]:
    offset = settings.position_offset
    return {CONTEXT: settings.context + offset, "pad_token_id": offset - 1}


def lacks_roberta(settings: "ModelSettings") -> list[str]:
    """Its positions cannot begin with the first row."""
    return lacks(settings) if settings.position_offset else ["position_offset = 0", *lacks(settings)]


def _tied(config: Config, where: str) -> None:
    if not config.get("tie_word_embeddings", True):
        raise Problem(f"{where}: tie_word_embeddings is false; here the table of words is also the head's.")


def copies(root: str, head: str) -> Mapping[str, str]:
    """What older files write twice."""
    return {
        f"{head}.decoder.weight": f"{root}.embeddings.word_embeddings.weight",
        f"{head}.decoder.bias": f"{head}.bias",
    }


BERT = Family(
    parts=PARTS | {"token_types": 2, "head": {"kind": "pretraining"}},
    model_type="bert",
    class_name="BertForPreTraining",
    keys=KEYS,
    unsaid={"tied": True, "eps": 1e-12, "context": 512, "token_types": 2},
    meant=MEANT,
    ignored=IGNORED,
    free=frozenset({"token_types"}),
    reads=frozenset({CONTEXT}),
    read=read_bert,
    write=write_bert,
    lacks=lacks,
    names=names("bert"),
    heads={
        "masked": Named("BertForMaskedLM", of_masked("readout")),
        "next_sentence": Named("BertForNextSentencePrediction", ORDER),
        "pretraining": Named("BertForPreTraining", ORDER | of_masked("readout.masked")),
        "classify_first": Named(
            "BertForSequenceClassification",
            {"readout.pooler": "bert.pooler.dense", "readout.classes": "classifier"},
        ),
    },
    copies=copies("bert", "cls.predictions"),
    spare=SPARE,
    older=OLDER,
    architecture="encoder",
)
ROBERTA = Family(
    parts=PARTS | {"token_types": 1, "position_offset": 2, "head": {"kind": "masked"}, "eps": 1e-5},
    model_type="roberta",
    class_name="RobertaForMaskedLM",
    keys=KEYS,
    unsaid={"tied": True, "eps": 1e-12, "token_types": 2},
    meant=MEANT,
    ignored=IGNORED,
    free=frozenset({"token_types", "position_offset"}),
    reads=frozenset({CONTEXT}),
    read=read_roberta,
    write=write_roberta,
    lacks=lacks_roberta,
    names=names("roberta"),
    heads={
        "masked": Named(
            "RobertaForMaskedLM",
            {"readout.dense": "lm_head.dense", "readout.norm": "lm_head.layer_norm", "readout": "lm_head"},
        ),
        "classify_first": Named(
            "RobertaForSequenceClassification",
            {"readout.pooler": "classifier.dense", "readout.classes": "classifier.out_proj"},
        ),
    },
    copies=copies("roberta", "lm_head"),
    spare=SPARE,
    older=OLDER,
    architecture="encoder",
)
