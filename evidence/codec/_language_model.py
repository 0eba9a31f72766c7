"""Language model: a small transformer of word pieces, trained here on novels, for evidence.

2.9 million numbers (3 layers of width 256, 2,048 pieces, context 128), trained on 60 novels by one
core in some fifteen minutes. The novels of two authors are held out whole. What was trained is kept
in `FOLDER`, and read again from there.
"""

import gzip
import math
import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional

from evidence.datasets import data_folder

__all__ = [
    "CONTEXT",
    "FOLDER",
    "LanguageModel",
    "linears",
    "perplexity",
    "tokens",
    "trained",
    "windows",
]

FOLDER = Path(
    os.environ.get("THRIFTY_TRAINED") or Path(tempfile.gettempdir()) / "thrifty-language-model"
)
HELD_OUT = ("Stevenson", "Woolf")
PIECES, WIDTH, LAYERS, HEADS, CONTEXT = 2048, 256, 3, 4, 128
STEPS, BATCH, RATE, WARM = 2400, 16, 3e-3, 100
JUDGED = 300  # windows of held-out text


class Layer(nn.Module):
    """Attention to what came before, then two maps with a bend between them."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """States (n, t, width) of the next layer."""
        n, t, _ = x.shape
        parts = self.queries_keys_values(self.before(x)).view(n, t, 3, HEADS, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(n, t, WIDTH))
        return x + self.down(functional.gelu(self.up(self.between(x))))


class LanguageModel(nn.Module):
    """Scores of the next piece; the embedding is also the last map."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces, self.places = nn.Embedding(PIECES, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                deep = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * LAYERS) if deep else 1))

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        """Scores (n, t, pieces) of what follows each piece of windows (n, t)."""
        x = self.pieces(pieces) + self.places(torch.arange(pieces.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return functional.linear(self.last(x), self.pieces.weight)


def linears(model: nn.Module) -> dict[str, nn.Linear]:
    """The maps of a model by name: what is quantised."""
    return {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear)}


def texts(held_out: bool) -> list[str]:
    """The novels to learn from, or those of the authors held out."""
    paths = sorted((data_folder() / "text_novels").glob("*.txt.gz"))
    chosen = [path for path in paths if (path.name.split("_")[0] in HELD_OUT) == held_out]
    return [gzip.decompress(path.read_bytes()).decode() for path in chosen]


@cache
def tokenizer() -> Tokenizer:
    """Pieces of bytes, merged by how often they stand together in the novels to learn from."""
    path = FOLDER / "pieces.json"
    if path.is_file():
        return Tokenizer.from_file(str(path))
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, initial_alphabet=alphabet, show_progress=False
    )  # fmt: skip
    made.train_from_iterator((text[:200_000] for text in texts(False)), trainer)
    FOLDER.mkdir(parents=True, exist_ok=True)
    made.save(str(path))
    return made


@cache
def tokens(held_out: bool = False) -> NDArray[np.uint16]:
    """Pieces of the novels to learn from, or of those held out, one after the other."""
    path = FOLDER / ("held_out.npy" if held_out else "learnt.npy")
    if not path.is_file():
        found = [tokenizer().encode(text).ids for text in texts(held_out)]
        FOLDER.mkdir(parents=True, exist_ok=True)
        np.save(path, np.concatenate(found).astype(np.uint16))
    return np.load(path, allow_pickle=False)


def windows(pieces: NDArray[np.uint16], starts: NDArray[np.int64]) -> torch.Tensor:
    """Windows of CONTEXT + 1 pieces, (n, CONTEXT + 1)."""
    rows = pieces[starts[:, None] + np.arange(CONTEXT + 1)]
    return torch.from_numpy(rows.astype(np.int64))


def trained() -> LanguageModel:
    """The model, read from `FOLDER` or trained now."""
    path, model = FOLDER / "model.safetensors", LanguageModel()
    if path.is_file():
        model.load_state_dict(load_file(path))
        return model.eval()
    model = train()
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path)
    return model


def train(steps: int = STEPS, seed: int = 0) -> LanguageModel:
    """Train anew: AdamW, the rate rises and falls as a cosine, products in bfloat16."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model, rng, pieces = LanguageModel(), np.random.default_rng(seed), tokens()
    descent = torch.optim.AdamW(
        model.parameters(), RATE, betas=(0.9, 0.95), weight_decay=0.1, foreach=True
    )  # fmt: skip
    fall = torch.optim.lr_scheduler.LambdaLR(
        descent,
        lambda i: min(1, (i + 1) / WARM) * (0.52 + 0.48 * math.cos(math.pi * i / steps)),
    )
    for step in range(steps):
        rows = windows(pieces, rng.integers(0, len(pieces) - CONTEXT - 1, BATCH))
        with torch.autocast("cpu", torch.bfloat16):
            scores = model(rows[:, :-1])
        loss = functional.cross_entropy(scores.float().flatten(0, 1), rows[:, 1:].flatten())
        descent.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        descent.step()
        fall.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.3f}", flush=True)
    return model.eval()


@torch.no_grad()
def perplexity(model: nn.Module, count: int = JUDGED) -> float:
    """Exp of the mean surprise a piece, over windows spread evenly through the held-out novels."""
    pieces = tokens(held_out=True)
    starts = np.linspace(0, len(pieces) - CONTEXT - 1, count).astype(np.int64)
    total = 0.0
    for low in range(0, count, 50):
        rows = windows(pieces, starts[low : low + 50])
        scores = model(rows[:, :-1]).flatten(0, 1)
        total += functional.cross_entropy(scores, rows[:, 1:].flatten(), reduction="sum").item()
    return math.exp(total / (count * CONTEXT))


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"perplexity of held-out novels: {perplexity(trained()):.2f}")
