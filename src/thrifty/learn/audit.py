"""Audit: what sampling the outputs cost, measured against the full computation."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from thrifty.learn.network import Wide
from thrifty.learn.tile import Labels, Tile, cut
from thrifty.learn.top import top_of

__all__ = ["Audit", "audit_sampling"]

TILES = 4
WORK = 40e9
GATHERED = 1.3  # work of an output whose row is gathered and scattered, to one in place


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Sampled against full, on held-out tiles.

    Args:
        recall_of_top: share of the true 10 largest logits that were in the active set.
        gradient_cosine: cosine between sampled and full gradient at the hidden layer, the mean.
        sampled_share: active outputs over all outputs.
        speedup: work of a full tile over work of a sampled one: outputs over active outputs, each
            of which is also gathered; counted, not timed, so that a seed gives one model.
        pays: speedup * gradient_cosine**2 > 1: progress of a step falls with the squared cosine.
    """

    recall_of_top: float
    gradient_cosine: float
    sampled_share: float
    speedup: float
    pays: bool

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able values."""
        return asdict(self)


def audit_sampling(wide: Wide, rows: csr_array, labels: Labels, *, seed: int = 0) -> Audit | None:
    """Compare the sampler's active sets with all outputs on a few held-out tiles.

    Args:
        wide: a network with a hidden path; its weights are not changed.
        rows, labels: held-out examples; at most four tiles are used.
        seed: of the negatives drawn.

    Returns:
        None where nothing is sampled.
    """
    if wide.hidden is None or wide.hidden.selector is None:
        return None
    affordable = int(WORK / (6 * wide.settings.num_outputs * wide.settings.hidden))
    size = max(1, min(wide.settings.tile, affordable // TILES))
    found = []
    for number, tile in enumerate(cut(rows, labels, size)):
        if number == TILES:
            break
        found.append(_compare(wide, tile, np.random.default_rng([seed, 7, number])))
    recall, cosine, share = np.mean(found, axis=0).tolist()
    speedup = 1.0 / (GATHERED * share)
    return Audit(
        recall_of_top=recall,
        gradient_cosine=cosine,
        sampled_share=share,
        speedup=speedup,
        pays=speedup * cosine**2 > 1.0,
    )


def _compare(wide: Wide, tile: Tile, rng: np.random.Generator) -> tuple[float, ...]:
    path = wide.hidden
    assert path is not None
    hidden, _ = path.activate(tile, wide.scratch)
    everything = np.arange(path.bias.size, dtype=np.int32)
    active = path.active(tile, hidden, rng)
    sampled, _ = _pull(path, tile, hidden, active)
    full, scores = _pull(path, tile, hidden, everything)
    k = min(10, everything.size)
    ids, best = np.empty((tile.num_rows, k), np.int32), np.empty((tile.num_rows, k), np.float32)
    top_of(scores, ids, best)
    lengths = np.linalg.norm(sampled, axis=1) * np.linalg.norm(full, axis=1)
    cosine = (sampled * full).sum(axis=1)[lengths > 0] / lengths[lengths > 0]
    recall = float(np.isin(ids, active).mean())
    mean = float(cosine.mean()) if cosine.size else 1.0
    return recall, mean, active.size / everything.size


def _pull(path, tile, hidden, active):
    """Gradient at the hidden layer over some outputs, and their scores."""
    rows = path.rows(active)
    scores = hidden @ rows.T
    scores += path.bias[active]
    kept = scores.copy()
    path.gradient(scores, tile, active)
    back = scores @ rows
    return back, kept
