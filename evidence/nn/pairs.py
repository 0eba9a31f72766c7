"""Evidence: pairs looked up beat concatenated words at equal products in a model of language."""

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.codec._language_model import CONTEXT, PIECES, tokens, windows
from thrifty.nn import PairConnect

DIM, WINDOW, STEPS, BATCH, SLOTS = 96, 8, 150, 32, 4_000_000
SETTINGS = (
    f"next of {PIECES:,} pieces of novels, width {DIM}, {STEPS} steps of {BATCH} windows of "
    f"{CONTEXT}; perplexity of two authors held out; the better of two rates for each"
)
EVIDENCE = (
    Evidence(
        id="pairs-concatenated",
        says="a lower perplexity than a layer on the concatenated words, at no more products",
        against=f"embeddings of {WINDOW} words side by side, then the same layers; {SETTINGS}",
        at_most=1.0,
        cost="long",
    ),
    Evidence(
        id="pairs-attention",
        says="at most the perplexity of attention (published: comparable quality, less compute)",
        against=f"one layer of attention over the same words, then the same layers; {SETTINGS}",
        at_most=1.0,
        cost="long",
    ),
)


class Concatenated(nn.Module):
    """The words before, side by side, through one map."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(PIECES, DIM)
        self.map = nn.Linear(DIM * (WINDOW + 1), DIM)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Vectors of all words."""
        held = nn.functional.pad(self.words(ids), (0, 0, WINDOW, 0))
        return self.map(held.unfold(1, WINDOW + 1, 1).transpose(2, 3).flatten(2))


class Attention(nn.Module):
    """One layer of attention of four heads to the words before."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(PIECES, DIM), nn.Embedding(CONTEXT, DIM)
        self.three, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Vectors of all words."""
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        n, t, _ = x.shape
        q, k, v = self.three(x).view(n, t, 3, 4, -1).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return x + self.out(seen.transpose(1, 2).reshape(n, t, DIM))


class Model(nn.Module):
    """A way to look at the words before, two layers, and scores of the next."""

    def __init__(self, look: nn.Module) -> None:
        super().__init__()
        self.look, self.before = look, nn.LayerNorm(DIM)
        self.wide = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM))
        self.last, self.scores = nn.LayerNorm(DIM), nn.Linear(DIM, PIECES)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Scores (n, t, pieces)."""
        x = self.look(ids)
        return self.scores(self.last(x + self.wide(self.before(x))))


def perplexity(make: Any, rate: float) -> float:
    """Of held-out novels, after training."""
    torch.manual_seed(0)
    model, pieces, rng = Model(make()), tokens(), np.random.default_rng(0)
    descent = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.95), weight_decay=0.01)
    fall = torch.optim.lr_scheduler.LinearLR(descent, 1, 0.02, STEPS)
    for _ in range(STEPS):
        rows = windows(pieces, rng.integers(0, len(pieces) - CONTEXT - 1, BATCH))
        found = model(rows[:, :-1]).flatten(0, 1)
        descent.zero_grad()
        nn.functional.cross_entropy(found, rows[:, 1:].flatten()).backward()
        descent.step()
        fall.step()
    held, total = tokens(held_out=True), 0.0
    rows = windows(held, np.linspace(0, len(held) - CONTEXT - 1, 100).astype(np.int64))
    with torch.no_grad():
        for some in rows.split(25):
            found = model.eval()(some[:, :-1]).flatten(0, 1)
            wanted = some[:, 1:].flatten()
            total += nn.functional.cross_entropy(found, wanted, reduction="sum").item()
    return math.exp(total / (100 * CONTEXT))


def main() -> int:
    """Train all three; products a word are counted of what looks at the words before."""
    torch.set_num_threads(1)
    kinds = {
        "pairs": lambda: PairConnect(PIECES, DIM, window=WINDOW, slots=SLOTS),
        "concatenated": Concatenated,
        "attention": Attention,
    }
    found = {
        name: {str(rate): perplexity(kind, rate) for rate in (1e-3, 4e-3)}
        for name, kind in kinds.items()
    }
    products = {"pairs": 0, "concatenated": DIM * DIM * (WINDOW + 1)}
    products["attention"] = 4 * DIM * DIM + CONTEXT * DIM
    told = {"perplexity": found, "products a word": products, "bytes of pairs": 4 * SLOTS}
    least = {name: min(mine.values()) for name, mine in found.items()}
    held = [
        run(EVIDENCE[0], lambda: (least["pairs"] / least["concatenated"], told)),
        run(EVIDENCE[1], lambda: (least["pairs"] / least["attention"], told)),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
