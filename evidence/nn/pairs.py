"""Evidence: pairs looked up beat concatenated words at equal products in a model of language."""

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.codec._language_model import CONTEXT, PIECES, tokens, windows
from thrifty.nn import PairConnect

DIM, WINDOW, STEPS, SHORT, WARM, BATCH, SLOTS = 96, 8, 1000, 150, 50, 32, 16_000_000
RATES, OF_PAIRS, JUDGED = (3e-3, 1e-2), 4e-3, 100
SETTINGS = (
    f"next of {PIECES:,} pieces of novels, width {DIM}, {STEPS:,} steps of {BATCH} windows of "
    f"{CONTEXT}; perplexity of two authors held out; of two rates for each the better after "
    f"{SHORT} steps"
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


def trained(make: Any, rate: float, steps: int) -> nn.Module:
    """A model by AdamW, after a short rise of the rate; the table of pairs has a rate of its own.

    All words begin as small numbers, with which all three learn faster than with those of size 1.
    """
    torch.manual_seed(0)
    model, pieces, rng = Model(make()), tokens(), np.random.default_rng(0)
    for part in model.modules():
        if isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=0.02)
    table = [p for name, p in model.named_parameters() if "pairs" in name]
    rest = [p for name, p in model.named_parameters() if "pairs" not in name]
    groups = [{"params": rest, "lr": rate}] + [{"params": p, "lr": OF_PAIRS} for p in table]
    descent = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    fall = torch.optim.lr_scheduler.LambdaLR(
        descent, lambda i: min((i + 1) / WARM, 1) * max(1 - i / steps, 0.02)
    )
    for _ in range(steps):
        rows = windows(pieces, rng.integers(0, len(pieces) - CONTEXT - 1, BATCH))
        descent.zero_grad()
        surprise(model, rows).mean().backward()
        descent.step()
        fall.step()
    return model.eval()


def surprise(model: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Of each piece of windows; products in bfloat16."""
    with torch.autocast("cpu", torch.bfloat16):
        found = model(rows[:, :-1]).flatten(0, 1)
    return nn.functional.cross_entropy(found.float(), rows[:, 1:].flatten(), reduction="none")


@torch.no_grad()
def perplexity(model: nn.Module, held_out: bool) -> float:
    """Over windows spread evenly through novels held out, or through those learned from."""
    held = tokens(held_out=held_out)
    rows = windows(held, np.linspace(0, len(held) - CONTEXT - 1, JUDGED).astype(np.int64))
    return math.exp(float(torch.cat([surprise(model, some) for some in rows.split(25)]).mean()))


def measured(make: Any) -> dict[str, Any]:
    """Perplexity after short runs at both rates, and after the long one at the better."""
    short = {rate: trained(make, rate, SHORT) for rate in RATES}
    own = {rate: perplexity(model, False) for rate, model in short.items()}
    rate = min(own, key=own.__getitem__)
    found = {str(rate): perplexity(model, True) for rate, model in short.items()}
    model = trained(make, rate, STEPS)
    told = {f"after {SHORT} steps": found, "rate": rate, "held out": perplexity(model, True)}
    print(told, flush=True)
    return told | {"novels learned from": perplexity(model, False)}


def main() -> int:
    """Train all three; products a word are counted of what looks at the words before."""
    torch.set_num_threads(1)
    kinds = {
        "pairs": lambda: PairConnect(PIECES, DIM, window=WINDOW, slots=SLOTS),
        "concatenated": Concatenated,
        "attention": Attention,
    }
    found = {name: measured(kind) for name, kind in kinds.items()}
    products = {"pairs": 0, "concatenated": DIM * DIM * (WINDOW + 1)}
    products["attention"] = 4 * DIM * DIM + CONTEXT * DIM
    told = {"perplexity": found, "products a word": products, "bytes of pairs": 4 * SLOTS}
    least = {name: mine["held out"] for name, mine in found.items()}
    held = [
        run(EVIDENCE[0], lambda: (least["pairs"] / least["concatenated"], told)),
        run(EVIDENCE[1], lambda: (least["pairs"] / least["attention"], told)),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
