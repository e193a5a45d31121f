"""GPT-2 whole: text to ids, ids to logits, a training loop and a way to write, in one file that needs torch alone.

    python lessons/one_file_gpt.py BOOK.txt             learn from a text, letter by letter, and write some of it
    python lessons/one_file_gpt.py BOOK.txt --steps 2000 --depth 6 --width 192

The package says the same with parts that can be exchanged; a test holds the two to equal logits, weight by weight.
Shapes are (batch, time, width); a batch is several texts, a text is a row of token ids.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Sizes:
    """How large a model is."""

    vocabulary: int
    context: int = 128  # the longest text, in tokens
    depth: int = 4  # layers
    heads: int = 4  # ways of looking back in each layer
    width: int = 128  # numbers that stand for one token


class Attention(nn.Module):
    """Each token asks all before it and takes from those whose key fits its query."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.heads = sizes.heads
        self.c_attn = nn.Linear(sizes.width, 3 * sizes.width)  # queries, keys and values in one go
        self.c_proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        # (batch, heads, time, width / heads) each
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(width, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width / self.heads)  # how well each query fits each key
        later = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(1)
        shares = scores.masked_fill(later, float("-inf")).softmax(-1)  # nobody sees what comes after
        gathered = (shares @ v).transpose(1, 2).reshape(batch, time, width)
        return self.c_proj(gathered)


class FeedForward(nn.Module):
    """Each token thinks for itself: widen, bend, narrow again."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.c_fc = nn.Linear(sizes.width, 4 * sizes.width)
        self.c_proj = nn.Linear(4 * sizes.width, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Layer(nn.Module):
    """Both add to the vector that runs through the model."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(sizes.width), Attention(sizes)
        self.ln_2, self.mlp = nn.LayerNorm(sizes.width), FeedForward(sizes)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Token ids in, for each of them the logits of what may come next."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        self.wte = nn.Embedding(sizes.vocabulary, sizes.width)  # what a token is
        self.wpe = nn.Embedding(sizes.context, sizes.width)  # where it stands
        self.h = nn.ModuleList(Layer(sizes) for _ in range(sizes.depth))
        self.ln_f = nn.LayerNorm(sizes.width)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:  # what adds to the vector starts smaller the deeper the model
                small = 0.02 / math.sqrt(2 * sizes.depth) if name.endswith("c_proj.weight") else 0.02
                nn.init.normal_(parameter, std=small)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, time) -> logits (batch, time, vocabulary)."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for layer in self.h:
            x = layer(x)
        return self.ln_f(x) @ self.wte.weight.T  # the same table reads the answer out

    @torch.no_grad()
    def write(self, ids: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """ids (batch, time) -> the same with `count` more tokens; at temperature 0 always the likeliest."""
        for _ in range(count):
            logits = self(ids[:, -self.sizes.context :])[:, -1]
            if temperature == 0:
                new = logits.argmax(-1, keepdim=True)
            else:
                new = torch.multinomial((logits / temperature).softmax(-1), 1)
            ids = torch.cat((ids, new), 1)
        return ids


def load(folder: Path) -> GPT:
    """A GPT-2 as Hugging Face keeps it. Its files hold matrices the other way round."""
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    sizes = (config[key] for key in ("vocab_size", "n_positions", "n_layer", "n_head", "n_embd"))
    model, stored = GPT(Sizes(*sizes)), load_file(folder / "model.safetensors")
    state = {name.removeprefix("transformer."): tensor for name, tensor in stored.items()}
    for name in state:
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            state[name] = state[name].T
    model.load_state_dict(state)
    return model.eval()


def train(model: GPT, ids: Tensor, steps: int, rows: int = 16, rate: float = 1e-3, told: bool = True) -> list[float]:
    """Learn to guess each next token of random pieces of ids (tokens); the loss of each step, in nats."""
    context, losses = min(model.sizes.context, len(ids) - 1), []
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(steps):
        warm, done = min(1, (step + 1) / 20), step / steps
        for group in optimizer.param_groups:  # up within twenty steps, then down as a cosine
            group["lr"] = rate * warm * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))
        start = torch.randint(len(ids) - context, (rows, 1))
        pieces = ids[start + torch.arange(context + 1)]  # (rows, context + 1)
        loss = F.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if told and step % 50 == 0:
            print(f"step {step}: {losses[-1]:.3f} nats for each letter")
    return losses


def main() -> None:
    """Learn from a book and write some of it."""
    asked = argparse.ArgumentParser(description="Learn from a text, letter by letter, and write some of it.")
    asked.add_argument("book", type=Path)
    asked.add_argument("--steps", type=int, default=500)
    asked.add_argument("--depth", type=int, default=4)
    asked.add_argument("--width", type=int, default=128)
    words = asked.parse_args()
    torch.manual_seed(0)
    text = words.book.read_text(encoding="utf-8")
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(letter) for letter in text])
    model = GPT(Sizes(len(letters), depth=words.depth, width=words.width, heads=max(1, words.width // 32)))
    print(
        f"{sum(p.numel() for p in model.parameters()):,} weights, {len(ids):,} letters, {len(letters)} different ones"
    )
    train(model, ids, words.steps)
    print("".join(letters[token] for token in model.write(ids[None, :1], 500, 0.8)[0]))


if __name__ == "__main__":
    main()
