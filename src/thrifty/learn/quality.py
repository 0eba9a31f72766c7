"""Quality: how good a wide network is on held-out rows, and the mix of paths that is best there."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from thrifty.learn.network import Wide
from thrifty.learn.tile import Labels
from thrifty.learn.top import top_more

__all__ = ["area_under_curve", "calibrate", "choose_mix", "quality_name"]

MIXES = ((0.8, 0.2), (2 / 3, 1 / 3), (0.5, 0.5), (1 / 3, 2 / 3), (0.2, 0.8), (1.0, 0.0), (0.0, 1.0))
SCORES = 2_000_000  # scores that a calibration looks at
FEW, DEEP = 50, 20  # above so many classes the first place alone is too rare to compare by
WORK = 30e9  # multiply-adds that one evaluation may cost


def quality_name(wide: Wide) -> str:
    """Which number is compared between epochs: larger is better."""
    if wide.settings.task == "number":
        return "-rmse"
    if wide.settings.task == "many":
        return f"ndcg@{_depth(wide)}"
    if wide.settings.num_outputs == 2:
        return "auc"
    return "accuracy" if wide.settings.num_outputs <= FEW else f"mrr@{DEEP}"


def _depth(wide: Wide) -> int:
    if wide.settings.task == "many":
        return DEEP if wide.settings.complete else 5
    return 1 if wide.settings.num_outputs <= FEW else DEEP


def choose_mix(wide: Wide, rows: csr_array, labels: Labels) -> tuple[float, NDArray]:
    """Best quality over a grid of mixes of the two paths, and that mix.

    One path alone is taken where the best mix is not better than it by a standard error of the
    paired difference: what two paths agree on by chance is rarely worth it on new rows.

    Args:
        wide: the network; its own mix is not changed.
        rows, labels: held-out examples; as many as a fixed amount of work allows are used.
    """
    rows, labels = _affordable(wide, rows, labels)
    mixes = [np.array(mix) for mix in MIXES]
    if wide.hidden is None or wide.linear is None:
        mixes = [wide.mix]
    collected: list[list[NDArray]] = [[] for _ in mixes]
    for tile in wide.tiles(rows, whole=False):
        places = [_Places(wide, tile.num_rows) for _ in mixes]
        for start, parts in wide.blocks(tile):
            for mix, place in zip(mixes, places, strict=True):
                place.see(start, wide.combine([parts[0].copy(), *parts[1:]], mix))
        for kept, place in zip(collected, places, strict=True):
            kept.append(place.kept)
    scored = [_score(wide, np.concatenate(kept), labels) for kept in collected]
    quality = [float(np.mean(score)) for score in scored]
    best = int(np.argmax(quality))
    alone = [n for n, mix in enumerate(mixes) if not mix.all()]
    for simple in sorted(alone, key=lambda n: -quality[n]):
        if _as_good(scored[simple], scored[best]):
            return quality[simple], mixes[simple]
    return quality[best], mixes[best]


def _as_good(simple: NDArray, best: NDArray) -> bool:
    gain = np.atleast_1d(best - simple)
    return gain.size > 1 and gain.mean() <= gain.std() / np.sqrt(gain.size)


def _affordable(wide: Wide, rows: csr_array, labels: Labels) -> tuple[csr_array, Labels]:
    count = int(WORK / (wide.settings.num_outputs * max(wide.settings.hidden, 16)))
    if count >= rows.shape[0]:
        return rows, labels
    if isinstance(labels, tuple):
        return rows[:count], (labels[0][: count + 1], labels[1][: labels[0][count]])
    return rows[:count], labels[:count]


class _Places:
    """Of each row of a tile what its quality is judged by: its best outputs, or its one number."""

    def __init__(self, wide: Wide, num_rows: int) -> None:
        outputs, self.task = wide.settings.num_outputs, wide.settings.task
        k = min(_depth(wide), outputs)
        self.kept = np.empty((num_rows, k), np.int32)
        self._best = np.empty((num_rows, k), np.float32)
        self._two = outputs == 2

    def see(self, start: int, scores: NDArray) -> None:
        """Take note of the scores of the outputs from start on."""
        if self.task == "number":
            self.kept = scores[:, 0]
        elif self._two:
            self.kept = scores[:, 1] - scores[:, 0]
        else:
            top_more(scores, start, self.kept, self._best)


def _score(wide: Wide, found: NDArray, labels: Labels) -> NDArray:
    """Quality row by row where it is a mean over rows, else as one number."""
    if not isinstance(labels, tuple):
        return np.array(-np.sqrt(np.mean((found - labels) ** 2)))
    offsets, ids = labels
    if wide.settings.task == "many":
        return _ndcg(found, offsets, ids)
    truth = ids[offsets[:-1]]
    if wide.settings.num_outputs == 2:
        return np.array(area_under_curve(found, truth == 1))
    return (found == truth[:, None]) @ (1.0 / np.arange(1, found.shape[1] + 1))


def _ndcg(top: NDArray, offsets: NDArray, ids: NDArray) -> NDArray:
    discount = 1.0 / np.log2(np.arange(2, top.shape[1] + 2))
    gains = [
        np.isin(top[i], ids[offsets[i] : offsets[i + 1]]) @ discount
        / discount[: offsets[i + 1] - offsets[i]].sum()
        for i in range(len(top))
        if offsets[i + 1] > offsets[i]
    ]  # fmt: skip
    return np.array(gains or [0.0])


def area_under_curve(scores: NDArray, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted half; 0.5 where only one class is there.

    Example:
        >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]))
        0.875
    """
    found, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    del found
    middle = np.cumsum(counts) - (counts - 1) / 2
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return 0.5
    return float((middle[inverse][positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def calibrate(wide: Wide, rows: csr_array, labels: Labels) -> None:
    """Fit the slope (and for many labels the shift) that turns scores into probabilities.

    Minimises log loss on held-out rows by a coarse, then a fine grid: nothing to diverge.
    """
    if wide.settings.task == "number":
        return
    rows, labels = _affordable(wide, rows[:2000], (labels[0][:2001], labels[1]))
    count = min(rows.shape[0], max(16, SCORES // wide.settings.num_outputs))
    scores = wide.scores(rows[:count])
    offsets, ids = labels
    truth = np.repeat(np.arange(count), np.diff(offsets[: count + 1])), ids[: offsets[count]]
    if not truth[1].size:
        return
    wide.slope, wide.shift = 1.0, 0.0
    shifts = np.linspace(-4, 4, 17) if wide.settings.task == "many" else (0.0,)
    for spread in (4.0, 1.3):
        grid = wide.slope * np.geomspace(1 / spread, spread, 9)
        tried = [(_log_loss(wide, scores, truth, s, t), s, t) for s in grid for t in shifts]
        _, wide.slope, wide.shift = min(tried)
        shifts = wide.shift + np.linspace(-0.4, 0.4, 5) if wide.settings.task == "many" else (0.0,)


def _log_loss(wide: Wide, scores: NDArray, truth: tuple, slope: float, shift: float) -> float:
    """Summed over rows, some at a time so that the copies stay small."""
    total = 0.0
    step = max(1, SCORES // 8 // scores.shape[1])
    for start in range(0, len(scores), step):
        logits = scores[start : start + step] * np.float32(slope) + np.float32(shift)
        inside = (truth[0] >= start) & (truth[0] < start + step)
        places = truth[0][inside] - start, truth[1][inside]
        if wide.settings.task == "many":
            np.clip(logits, -30, 30, out=logits)
            right = logits[places]
            total += float(np.log1p(np.exp(logits, out=logits), out=logits).sum(dtype=np.float64))
        else:
            logits -= logits.max(axis=1, keepdims=True)
            right = logits[places]
            total += float(np.log(np.exp(logits, out=logits).sum(axis=1))[places[0]].sum())
        total -= float(right.sum())
    return total
