"""Equal to llama.cpp: it loads the file, continues with the same tokens and cuts text into the same ids."""

import json
import subprocess
import sys
import urllib.request
import weakref

import pytest
import torch

from groundup.errors import Problem
from groundup.model import gguf
from groundup.model.families import FAMILIES
from groundup.model.gguf_words import SPLITS
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.split import PATTERNS
from tests.model_example import EVERY, TEXT, ids, model, tokenizer
from tests.published_example import written

TEXTS = [
    TEXT,
    "спасибо 12 1234567 ",
    "\r\n\r\n tabs\t\tand   spaces\n",
    "日本語テキスト, naïve café!",
    "I'LL we've DON'T",
]
# What llama.cpp computes otherwise than a family's name means, and stretches of rotary positions.
SAID = {
    "gemma2": {"attention_scale": 0.0},
    "gpt_neox": {"feedforward": "gelu"},
    "gpt_neox in turn": {"feedforward": "gelu", "biases": True, "tied": False},
    "mistral": {"pattern": ["full"], "window": 0},
    "phi3 windows": {"pattern": ["full"], "window": 0},
}
LONG = {"kind": "longrope", "factor": 4.0, "short": [1.0, 1.5, 2.0, 2.5], "long": [2.0, 3.0, 4.0, 8.0]}
STRETCHED = {
    "llama, linear": ("llama", {"kind": "linear", "factor": 3.0}),
    "llama, llama3": ("llama", {"kind": "llama3", "factor": 8.0, "original": 32}),
    "qwen3, yarn": ("qwen3", {"kind": "yarn", "factor": 4.0, "original": 16}),
    "qwen2, yarn told": ("qwen2", {"kind": "yarn", "factor": 4.0, "original": 16, "beta_fast": 8.0, "beta_slow": 2.0}),
    "olmo2, yarn": ("olmo2", {"kind": "yarn", "factor": 4.0, "original": 16}),
    "gpt_neox, linear": ("gpt_neox", {"kind": "linear", "factor": 3.0}),
    "gpt_neox, yarn": ("gpt_neox", {"kind": "yarn", "factor": 4.0, "original": 16}),
    "gemma2, yarn": ("gemma2", {"kind": "yarn", "factor": 4.0, "original": 16}),
    "gemma3, linear": ("gemma3", {"kind": "linear", "factor": 3.0}),
    "phi3, short": ("phi3", LONG | {"original": 1000}),
    "phi3, long": ("phi3", LONG | {"original": 6}),
}
LARGEST = {"attention_scale": 0.25, "pattern": ["window", "full"]}
LATENT = {"kv_rank": 16, "rope": 8, "plain": 12}
UNGROUPED = {"count": 6, "chosen": 2, "hidden": 40, "shared": 80, "router": "sigmoid", "correction": True, "scale": 1.5,
             "normalise": False}  # fmt: skip
SOFT = {"count": 6, "chosen": 2, "hidden": 40, "shared": 40, "normalise": False}
MORE = {  # the pattern that a family means, and the models whose scale llama.cpp knows by their depth
    "gemma3, six layers": ("gemma3", {"depth": 7, "pattern": ["window"] * 5 + ["full"]}),
    "gemma2, 46 layers": ("gemma2", LARGEST | {"depth": 46}),
    "gemma3, 62 layers": ("gemma3", LARGEST | {"depth": 62, "head_width": 8}),
    "deepseek v3, queries of whole vectors": ("deepseek v3", {"latent": LATENT | {"value": 16}}),
    "deepseek v2": ("deepseek v3", {"family": "deepseek_v2", "latent": LATENT, "experts": SOFT}),
    "deepseek v3, no groups": ("deepseek v3", {"latent": LATENT | {"query_rank": 24}, "experts": UNGROUPED}),
}
SPOKEN = [shape for shape, given in EVERY.items() if FAMILIES[given.get("family", "mamba")].gguf]


def said(name, **changed):
    """A model of the shape, or one of the others above, as GGUF can say it."""
    shape, scaling = STRETCHED.get(name, (name, None))
    shape, more = MORE.get(shape, (shape, {}))
    return model(shape, **SAID.get(shape, {}) | {"rope_scaling": scaling} | more | changed)


TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who sat?"}]


SERVER = """
import os, sys, xllamacpp
asked = xllamacpp.CommonParams()
asked.model.path = sys.argv[1]
asked.n_ctx, asked.n_parallel, asked.n_gpu_layers, asked.warmup = 128, 1, 0, False
asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
asked.fit_params, asked.verbosity, asked.use_jinja = False, -1, True
asked.cache_type_k = asked.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # not rounded to f16
asked.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(asked)
print("listening at", server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
"""


class LlamaCpp:
    """llama.cpp in a process of its own, which ends with this object: its end has been seen to wait for ever in ours."""

    def __init__(self, path):
        command = [sys.executable, "-c", SERVER, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lines = iter(self.process.stdout.readline, "")
        self.address = next(line.split()[-1] for line in lines if line.startswith("listening at"))
        weakref.finalize(self, self.process.kill)

    def post(self, path, **body):
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def greedy(self, prompt, tokens):
        body = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "return_tokens": True, "ignore_eos": False}
        return self.post("/completion", samplers=["temperature"], n_probs=1, **body)

    def ids(self, text):
        return self.post("/tokenize", content=text, add_special=False, parse_special=False)["tokens"]


@pytest.fixture(scope="module")
def words():
    return tokenizer()


def ours_greedy(made, prompt, tokens):
    text, chances = torch.tensor([prompt]), []
    with torch.inference_mode():
        for _ in range(tokens):
            logits = made(text, last=torch.tensor([text.shape[1] - 1]))
            chances.append(logits.float().log_softmax(-1).max().item())
            text = torch.cat((text, logits.argmax(-1)[:, None]), 1)
    return text[0, len(prompt) :].tolist(), chances


def silence(made, words):
    """So that it never ends, and says no half characters, whose probabilities llama.cpp adds up."""
    silent = [
        token for token in range(words.vocabulary) if token >= words.size or not words.token_bytes(token).isascii()
    ]
    (made.model.embed_tokens if made.settings.tied else made.lm_head).weight.data[silent] = 0


@pytest.mark.parametrize("shape", [*SPOKEN, *STRETCHED, *MORE])
def test_llama_cpp_continues_with_the_same_tokens(shape, tmp_path, words):
    made = said(shape, vocabulary=words.vocabulary)
    silence(made, words)
    gguf.write(tmp_path / "model.gguf", made, words, "f32", "plain")
    prompt = ids(1, 8, words.size)[0].tolist()
    expected, chances = ours_greedy(made, prompt, 64)
    told = LlamaCpp(tmp_path / "model.gguf").greedy(prompt, 64)
    assert told["tokens"] == expected
    theirs = [token["logprob"] for token in told["completion_probabilities"]]
    off = 1e-3 if made.settings.depth < 9 else 4e-3  # its GELU is a table in f16
    torch.testing.assert_close(torch.tensor(theirs), torch.tensor(chances), atol=off, rtol=off)


NAMED = [pattern for pattern in PATTERNS if (pattern, None) in SPLITS.values()]


@pytest.mark.parametrize("pattern", NAMED)
def test_llama_cpp_cuts_text_into_the_same_ids(pattern, tmp_path):
    words = Tokenizer.train(" ".join(TEXTS) * 10, 340, pattern=pattern, specials=chat.specials("plain"))
    gguf.write(tmp_path / "model.gguf", model(vocabulary=words.vocabulary), words, "f32", "plain")
    theirs = LlamaCpp(tmp_path / "model.gguf")
    for text in TEXTS:
        assert theirs.ids(text) == words.encode(text).tolist()


@pytest.mark.parametrize("name", ["digits", "rank file"])
def test_llama_cpp_cuts_text_as_published_tokenizers_do(name, tmp_path):
    """Digits set apart and specials first; added text; ids with others between."""
    if name == "digits":
        _, file = written("digits", tmp_path)
        told = json.loads(file.read_text())
        for token, content in enumerate(["<think>", "  x  "], len(told["model"]["vocab"])):
            flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
            told["added_tokens"].append({"id": token, "content": content} | flags)
        file.write_text(json.dumps(told))
        words = Tokenizer.load(file)
    else:
        Tokenizer.train(" ".join(TEXTS) * 10, 340).save(tmp_path / "x.tiktoken")
        words = Tokenizer.load(tmp_path / "x.tiktoken", specials={"<|end|>": 345})
    gguf.write(tmp_path / "model.gguf", model(vocabulary=words.vocabulary + 3), words)
    theirs, (found, _) = LlamaCpp(tmp_path / "model.gguf"), gguf.tokenizer_of(gguf.GGUF(tmp_path / "model.gguf"))
    assert found.specials == words.specials
    for text in [*TEXTS, "a  1 22 <think>y</think>  x  z"]:
        assert theirs.ids(text) == words.encode(text).tolist() == found.encode(text).tolist()


@pytest.mark.parametrize("name", ["qwen", "neox", "blank_before", "runs_of_digits"])
def test_what_llama_cpp_would_do_otherwise_is_refused(name, tmp_path):
    words = Tokenizer.load(written(name, tmp_path)[1])
    with pytest.raises(Problem, match="GGUF has no word for|llama.cpp has no name for"):
        gguf.speak(words, words.vocabulary, None)


def test_a_tokenizer_that_is_cut_otherwise_is_not_taken_for_ours(tmp_path, words):
    gguf.write(tmp_path / "model.gguf", model(vocabulary=words.vocabulary), words)
    data = (tmp_path / "model.gguf").read_bytes()
    (tmp_path / "model.gguf").write_bytes(data.replace(b"dbrx", b"dbry"))
    assert gguf.tokenizer_of(gguf.GGUF(tmp_path / "model.gguf")) == (None, None)


@pytest.mark.parametrize("template", chat.TEMPLATES)
def test_llama_cpp_writes_a_conversation_the_same_way(template, tmp_path):
    words = Tokenizer.train(TEXT * 10, 300, specials=chat.specials(template))
    gguf.write(tmp_path / "model.gguf", model(vocabulary=words.vocabulary), words, "f32", template)
    theirs = LlamaCpp(tmp_path / "model.gguf")
    prompt = theirs.post("/apply-template", messages=TALK)["prompt"]
    found = theirs.post("/tokenize", content=prompt, add_special=False, parse_special=True)["tokens"]
    assert found == chat.render(words, TALK, template, reply=True).ids.tolist()


@pytest.mark.parametrize("type", ["f16", "bf16"])
def test_llama_cpp_loads_narrow_weights(type, tmp_path, words):
    made = model(vocabulary=words.vocabulary)
    made.model.embed_tokens.weight.data[words.size :] = 0
    gguf.write(tmp_path / "model.gguf", made, words, type, "plain")
    prompt = ids(1, 8, words.size)[0].tolist()
    expected, _ = ours_greedy(gguf.read(tmp_path / "model.gguf", "f32"), prompt, 1)
    assert LlamaCpp(tmp_path / "model.gguf").greedy(prompt, 1)["tokens"] == expected


@pytest.mark.parametrize("type", ["q8_0", "q6_k", "q4_k", "q4_0"])
@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_llama_cpp_means_the_same_numbers_by_our_blocks(shape, type, tmp_path, words):
    """It rounds activations to 8 bits as well, so its chances are near ours and not equal."""
    made = model(shape, vocabulary=words.vocabulary, width=256, hidden=512, depth=1)
    silence(made, words)
    otherwise = gguf.write(tmp_path / "model.gguf", made, words, type, "plain")
    assert otherwise.get("token_embd.weight") == {"q4_0": "q6_k", "q4_k": "q6_k"}.get(type)
    back, theirs = gguf.read(tmp_path / "model.gguf", "f32"), LlamaCpp(tmp_path / "model.gguf")
    off = []
    for seed in range(4):
        prompt = ids(1, 8, words.size, seed)[0].tolist()
        told = theirs.greedy(prompt, 8)
        with torch.inference_mode():
            ours = back(torch.tensor([prompt + told["tokens"]]))[0, len(prompt) - 1 : -1].log_softmax(-1)
        chances = ours[torch.arange(8), torch.tensor(told["tokens"])]
        off.append(chances - torch.tensor([token["logprob"] for token in told["completion_probabilities"]]))
        assert (ours.max(-1).values - chances).max() < 0.2  # it took one of the likeliest
    assert torch.cat(off).abs().max() < 0.3 and torch.cat(off).abs().mean() < 0.08


def test_rows_that_do_not_fill_blocks_of_256_are_loaded_too(tmp_path, words):
    made = model("llama", vocabulary=words.vocabulary, width=96, heads=4, kv_heads=2, hidden=256)
    made.model.embed_tokens.weight.data[words.size :] = 0
    otherwise = gguf.write(tmp_path / "model.gguf", made, words, "q4_k", "plain")
    types = {name: entry.type for name, entry in gguf.GGUF(tmp_path / "model.gguf").entries.items()}
    assert types["blk.0.ffn_down.weight"] == "q4_k" and types["blk.0.attn_norm.weight"] == "f32"
    assert types["token_embd.weight"] == otherwise["token_embd.weight"] == "q8_0"
    assert types["blk.1.attn_q.weight"] == otherwise["blk.1.attn_q.weight"] == "q5_0"
    prompt = ids(1, 8, words.size)[0].tolist()
    expected, _ = ours_greedy(gguf.read(tmp_path / "model.gguf"), prompt, 1)
    assert LlamaCpp(tmp_path / "model.gguf").greedy(prompt, 1)["tokens"] == expected


@pytest.mark.parametrize("type", ["f32", "f16", "bf16", "q8_0"])
@pytest.mark.parametrize("shape", SPOKEN)
def test_what_was_written_is_read_back(shape, type, tmp_path, words):
    made = said(shape, vocabulary=words.vocabulary)
    gguf.write(tmp_path / "model.gguf", made, words, type, "plain")
    back = gguf.read(tmp_path / "model.gguf")
    other = {"family": "llama"} if shape == "mistral" else {}  # the same model, by another name
    assert back.settings == made.settings.model_copy(update=other)
    with torch.inference_mode():
        before, after = made(ids()), back.float()(ids())
    exact = 1e-6 if made.settings.norm == "rms_one" else 0.0  # llama.cpp's gains have the one in them
    off = {"f32": exact, "f16": 5e-3, "bf16": 4e-2, "q8_0": 6e-2}[type]
    near = (before - after).abs().amax(-1) <= off * before.abs().max()
    routed = made.settings.experts is not None and type != "f32"  # a rounded token may choose another expert
    assert near.float().mean() > 0.8 if routed else near.all()
    found, template = gguf.tokenizer_of(gguf.GGUF(tmp_path / "model.gguf"))
    assert template == "plain" and found.specials == words.specials
    assert found.encode(TEXT).tolist() == words.encode(TEXT).tolist()


@pytest.mark.parametrize("name", [*STRETCHED, *MORE])
def test_what_can_be_said_in_several_ways_comes_back_as_the_same_numbers(name, tmp_path):
    made = said(name)
    gguf.write(tmp_path / "model.gguf", made)
    back = gguf.read(tmp_path / "model.gguf")
    with torch.inference_mode():
        for time in (5, 40):
            torch.testing.assert_close(back(ids(2, time)), made(ids(2, time)), atol=1e-4, rtol=1e-4)
    gguf.write(tmp_path / "again.gguf", back)
    assert gguf.GGUF(tmp_path / "again.gguf").facts == gguf.GGUF(tmp_path / "model.gguf").facts
    again = gguf.read(tmp_path / "again.gguf").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in back.state_dict().items())


@pytest.mark.parametrize(
    ("shape", "changed", "told"),
    [
        ("mistral", {}, "pattern"),
        ("phi3 windows", {}, "pattern"),
        ("gpt_neox", {}, "feedforward = gelu_exact"),
        ("gpt_neox", {"feedforward": "gelu", "tied": True}, "tied"),
        ("gpt_neox", {"feedforward": "gelu", "biases": "feedforward"}, "biases"),
        ("gemma2", {}, "attention_scale"),
        ("gemma2", {"attention_scale": 0.0, "attention_cap": 0.0}, "attention_cap"),
        ("gemma2", {"attention_scale": 0.0, "depth": 4, "pattern": ["full", "window"]}, "pattern"),
        ("gemma3", {"logit_cap": 3.0}, "logit_cap"),
        ("olmo2", {"biases": "attention"}, "biases"),
        ("qwen3", {"rope_scaling": {"kind": "dynamic", "factor": 2.0}}, "rope_scaling = dynamic"),
        ("qwen3", {"rope_scaling": {"kind": "llama3", "factor": 2.0}}, "rope_scaling = llama3"),
        ("qwen3", {"rope_scaling": {"kind": "yarn", "factor": 2.0, "attention": 0.7}}, "rope_scaling"),
        ("deepseek v3", {}, "rope_scaling = yarn"),
        ("deepseek v3", {"rope_scaling": None, "latent": LATENT | {"neighbours": False}}, "latent"),
        ("lfm2", {"rope_scaling": {"kind": "dynamic", "factor": 2.0}}, "rope_scaling = dynamic"),
        ("mixtral", {"pattern": ["window"], "window": 7}, "pattern"),
        ("llama", {"rope_scaling": LONG | {"short": LONG["short"] * 2, "long": LONG["long"] * 2}}, "rope_scaling"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(shape, changed, told, tmp_path):
    with pytest.raises(Problem, match=f"GGUF has no word for .*{told}"):
        gguf.write(tmp_path / "model.gguf", model(shape, **changed))
    assert not (tmp_path / "model.gguf").exists()
