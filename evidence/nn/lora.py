"""Evidence: a change of rank 8 learns nearly what all weights learn, also beside weights in NF4."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from evidence import Evidence, run
from evidence.codec._language_model import CONTEXT, LanguageModel, tokens, trained, windows
from thrifty.nn import add_lora

STEPS, BATCH, RANK = 50, 16, 8
SETTINGS = (
    f"the model of evidence/codec/_language_model.py moved to two authors held out, {STEPS} steps "
    f"of {BATCH} windows on the first four fifths of their text, judged on the rest; the best of "
    "two rates for each"
)
EVIDENCE = (
    Evidence(
        id="lora-gain",
        says=f"changes of rank {RANK} win at least .95 of what training all weights wins",
        against=f"training all weights, surprise a piece; {SETTINGS}",
        at_least=0.95,
        cost="long",
    ),
    Evidence(
        id="lora-four-bits",
        says="beside weights in NF4 the perplexity is at most 1.01 times as high",
        against=f"the same changes beside the weights as they are; {SETTINGS}",
        at_most=1.01,
        cost="long",
    ),
)


def surprise(model: nn.Module, pieces: np.ndarray) -> float:
    """Nats a piece over windows spread evenly."""
    rows = windows(pieces, np.linspace(0, len(pieces) - CONTEXT - 1, 120).astype(np.int64))
    total = 0.0
    with torch.no_grad():
        for some in rows.split(30):
            found, wanted = model(some[:, :-1]).flatten(0, 1), some[:, 1:].flatten()
            total += nn.functional.cross_entropy(found, wanted, reduction="sum").item()
    return total / (120 * CONTEXT)


def moved(model: LanguageModel, pieces: np.ndarray, rate: float) -> LanguageModel:
    """The model after so many steps on these pieces, of what may be trained."""
    rng = np.random.default_rng(0)
    mine = [p for p in model.parameters() if p.requires_grad]
    descent = torch.optim.AdamW(mine, rate, weight_decay=0.0)
    fall = torch.optim.lr_scheduler.LinearLR(descent, 1, 0.05, STEPS)
    for _ in range(STEPS):
        rows = windows(pieces, rng.integers(0, len(pieces) - CONTEXT - 1, BATCH))
        found = model(rows[:, :-1]).flatten(0, 1)
        descent.zero_grad()
        nn.functional.cross_entropy(found, rows[:, 1:].flatten()).backward()
        descent.step()
        fall.step()
    return model


def results() -> dict[str, Any]:
    """Surprise before, and after training in three ways."""
    torch.set_num_threads(1)
    pieces = tokens(held_out=True)
    cut = len(pieces) * 4 // 5
    told: dict[str, Any] = {"before": surprise(trained(), pieces[cut:])}
    for name, rates in (("all", (3e-4, 1e-3)), ("lora", (3e-3, 1e-2))):
        for four in (False, True)[: 1 + (name == "lora")]:
            found = {}
            for rate in rates:
                torch.manual_seed(0)
                model = copy.deepcopy(trained())
                if name == "lora":
                    add_lora(model, r=RANK, alpha=2 * RANK, four_bits=four)
                found[str(rate)] = surprise(moved(model, pieces[:cut], rate), pieces[cut:])
            told[name + " in NF4" * four] = found
            count = sum(p.numel() for p in model.parameters() if p.requires_grad)
            told[name + " in NF4" * four + " trained"] = count
    return told


def main() -> int:
    """Train in all three ways."""
    told = results()
    every, plain, four = (min(told[name].values()) for name in ("all", "lora", "lora in NF4"))
    gain = (told["before"] - plain) / (told["before"] - every)
    held = [
        run(EVIDENCE[0], lambda: (gain, told)),
        run(EVIDENCE[1], lambda: (math.exp(four - plain), told)),
    ]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
