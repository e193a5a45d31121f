"""Equal to llama.cpp: it loads the file, continues with the same tokens and cuts text into the same ids."""

import json
import urllib.request

import pytest
import torch
import xllamacpp

from groundup.errors import Problem
from groundup.model import gguf
from groundup.model.families import FAMILIES
from groundup.model.gguf_words import SPLITS
from groundup.tokenizer import Tokenizer, chat
from groundup.tokenizer.split import PATTERNS
from tests.model_example import SHAPES, TEXT, ids, model, tokenizer
from tests.published_example import written

TEXTS = [
    TEXT,
    "спасибо 12 1234567 ",
    "\r\n\r\n tabs\t\tand   spaces\n",
    "日本語テキスト, naïve café!",
    "I'LL we've DON'T",
]
SPOKEN = [shape for shape in SHAPES if FAMILIES[SHAPES[shape]["family"]].gguf]
TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who sat?"}]


class LlamaCpp:
    """llama.cpp in this process, asked through its own local address."""

    def __init__(self, path):
        asked = xllamacpp.CommonParams()
        asked.model.path = str(path)
        asked.n_ctx, asked.n_parallel, asked.n_gpu_layers, asked.warmup = 128, 1, 0, False
        asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 1
        asked.fit_params, asked.verbosity, asked.use_jinja = False, -1, True
        asked.cache_type_k = asked.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32  # not rounded to f16
        asked.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(asked)

    def post(self, path, **body):
        request = urllib.request.Request(
            self.server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
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


@pytest.mark.parametrize("shape", SPOKEN)
def test_llama_cpp_continues_with_the_same_tokens(shape, tmp_path, words):
    made = model(shape, vocabulary=words.vocabulary)
    # So that it never ends, and says no half characters, whose probabilities llama.cpp adds up.
    silent = [
        token for token in range(words.vocabulary) if token >= words.size or not words.token_bytes(token).isascii()
    ]
    (made.model.embed_tokens if made.settings.tied else made.lm_head).weight.data[silent] = 0
    gguf.write(tmp_path / "model.gguf", made, words, "f32", "plain")
    prompt = ids(1, 8, words.size)[0].tolist()
    expected, chances = ours_greedy(made, prompt, 64)
    told = LlamaCpp(tmp_path / "model.gguf").greedy(prompt, 64)
    assert told["tokens"] == expected
    theirs = [token["logprob"] for token in told["completion_probabilities"]]
    torch.testing.assert_close(
        torch.tensor(theirs), torch.tensor(chances), atol=1e-3, rtol=1e-3
    )  # its GELU is a table in f16


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


@pytest.mark.parametrize("type", ["f16", "bf16", "q8_0"])
def test_llama_cpp_loads_narrow_weights(type, tmp_path, words):
    made = model(vocabulary=words.vocabulary)
    made.model.embed_tokens.weight.data[words.size :] = 0
    gguf.write(tmp_path / "model.gguf", made, words, type, "plain")
    prompt = ids(1, 8, words.size)[0].tolist()
    expected, _ = ours_greedy(gguf.read(tmp_path / "model.gguf", "f32"), prompt, 1)
    assert LlamaCpp(tmp_path / "model.gguf").greedy(prompt, 1)["tokens"] == expected


@pytest.mark.parametrize("type", ["f32", "f16", "bf16", "q8_0"])
@pytest.mark.parametrize("shape", SPOKEN)
def test_what_was_written_is_read_back(shape, type, tmp_path, words):
    made = model(shape, vocabulary=words.vocabulary)
    gguf.write(tmp_path / "model.gguf", made, words, type, "plain")
    back = gguf.read(tmp_path / "model.gguf")
    assert back.settings == made.settings
    with torch.inference_mode():
        before, after = made(ids()), back.float()(ids())
    off = {"f32": 0.0, "f16": 5e-3, "bf16": 4e-2, "q8_0": 6e-2}[type]
    assert (before - after).abs().max() <= off * before.abs().max()
    found, template = gguf.tokenizer_of(gguf.GGUF(tmp_path / "model.gguf"))
    assert template == "plain" and found.specials == words.specials
    assert found.encode(TEXT).tolist() == words.encode(TEXT).tolist()
