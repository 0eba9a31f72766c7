"""Linear kernels: one example at a time through a dense or a sparse table of weights."""

import numpy as np

from thrifty.core.kernels import njit
from thrifty.learn.rows import kernel, narrow, widen

__all__ = [
    "MODES", "admit", "count_marks", "dense_scores", "dense_step", "mark_pairs", "sparse_scores",
    "sparse_step", "squeeze",
]  # fmt: skip

SOFTMAX, HINGE, SQUARED = 0, 1, 2
MODES = {"softmax": SOFTMAX, "hinge": HINGE, "squared": SQUARED}
PROBES = 32


@kernel
def _softmax(scores, ids):
    """Scores of one example to the gradient of softmax cross-entropy; returns the loss."""
    top, total, loss = scores[0], np.float32(0.0), np.float32(0.0)
    for c in range(scores.size):
        top = max(top, scores[c])
    for c in range(scores.size):
        scores[c] = np.exp(scores[c] - top)
        total += scores[c]
    for c in range(scores.size):
        scores[c] /= total
    for label in ids:
        loss -= np.log(max(scores[label], np.float32(1e-30)))
        scores[label] -= np.float32(1.0) / np.float32(ids.size)
    return loss


@kernel
def _hinge(scores, ids):
    """Scores of one example to the gradient of one squared hinge a label; returns the loss."""
    loss = np.float32(0.0)
    true = np.empty(ids.size, np.float32)
    for i in range(ids.size):
        true[i] = max(np.float32(0.0), 1 - scores[ids[i]])
        scores[ids[i]] = -1.0
    for c in range(scores.size):
        gap = max(np.float32(0.0), 1 + scores[c])
        loss += gap * gap
        scores[c] = 2 * gap
    for i in range(ids.size):
        loss += true[i] * true[i]
        scores[ids[i]] = -2 * true[i]
    return loss


@kernel
def _gradient(scores, ids, target, mode):
    if mode == SOFTMAX:
        return _softmax(scores, ids)
    if mode == HINGE:
        return _hinge(scores, ids)
    scores[0] -= target
    return scores[0] * scores[0] / 2


@kernel
def _step_bias(bias, squares, at, g, rate):
    squares[at] += g * g
    bias[at] -= np.float32(0.1) * rate * g / np.sqrt(squares[at])


@kernel
def dense_scores(indptr, codes, values, table, bias, out):
    """out[b] = bias + sum of values * table rows of example b."""
    for b in range(indptr.size - 1):
        row = out[b]
        for c in range(row.size):
            row[c] = bias[c]
        for i in range(indptr[b], indptr[b + 1]):
            value, weights = values[i], table[codes[i]]
            for c in range(row.size):
                row[c] += value * weights[c]


@kernel
def dense_step(example, labels, table, squares, bias, bias_squares, rate, mode):
    """Train a dense table on a tile, example by example; returns the summed loss.

    Args:
        example: (indptr, codes, values) of the tile. labels: (offsets, ids, target).
        table: (R, C) float32. squares: (R,) one Adagrad sum a row.
        bias, bias_squares: (C,) float32. rate: learning rate. mode: of `MODES`.
    """
    indptr, codes, values = example
    offsets, ids, target = labels
    scores = np.empty((1, bias.size), np.float32)
    row, loss = scores[0], 0.0
    for b in range(indptr.size - 1):
        mine = ids[offsets[b] : offsets[b + 1]]
        first, last = indptr[b], indptr[b + 1]
        if mode == SOFTMAX and mine.size == 0:
            continue
        bounds = indptr[b : b + 2] - first
        dense_scores(bounds, codes[first:last], values[first:last], table, bias, scores)
        loss += _gradient(row, mine, target[b] if mode == SQUARED else np.float32(0.0), mode)
        total = np.float32(0.0)
        for c in range(row.size):
            total += row[c] * row[c]
            _step_bias(bias, bias_squares, c, row[c], rate)
        for i in range(first, last):
            value, weights = values[i], table[codes[i]]
            squares[codes[i]] += value * value * total * np.float32(4.0) / np.float32(row.size)
            scale = rate * value / np.sqrt(squares[codes[i]])
            for c in range(row.size):
                weights[c] -= scale * row[c]
    return loss


@kernel
def admit(codes, ids, starts, pairs, own):
    """Give every (column, label) pair of one example a slot, where its column has room.

    A slot holds the label + 1, or 0 while it is free. A column that stands for an output itself
    (own, (R,) int32 or empty) gets no pair with it.
    """
    for code in codes:
        room = starts[code + 1] - starts[code]
        for label in ids:
            if own.size and own[code] == label:
                continue
            place = _place(label)
            for _ in range(min(room, PROBES)):
                at = starts[code] + np.int64(place % np.uint64(room))
                if pairs[at] == label + 1:
                    break
                if pairs[at] == 0:
                    pairs[at] = label + 1
                    break
                place += np.uint64(1)


@njit(error_model="numpy", forceinline=True)
def _place(label):
    return (np.uint64(label) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)


@kernel
def mark_pairs(indptr, codes, offsets, ids, starts, bits):
    """Set a bit for every (column, label) pair of some examples; pairs may share one.

    Args:
        indptr, codes: the examples. offsets, ids: their labels.
        starts: (R + 1,) int64 bounds of each column's bits. bits: uint8, eight a byte.
    """
    for b in range(indptr.size - 1):
        for i in range(indptr[b], indptr[b + 1]):
            first = starts[codes[i]]
            room = starts[codes[i] + 1] - first
            if room > 0:
                for label in ids[offsets[b] : offsets[b + 1]]:
                    at = first + np.int64(_place(label) % np.uint64(room))
                    bits[at >> 3] |= np.uint8(1 << (at & 7))


@kernel
def count_marks(starts, bits, out):
    """Pairs of each column, from how many of its bits are set (linear counting)."""
    for column in range(out.size):
        first, last = starts[column], starts[column + 1]
        marked = 0
        for at in range(first, last):
            marked += (bits[at >> 3] >> (at & 7)) & 1
        size = np.float64(last - first)
        free = max(size - marked, 0.5)
        out[column] = np.ceil(size * np.log(size / free)) if marked else 0.0


@kernel
def sparse_scores(
    codes, values, starts, pairs, weights, bias, scores, touched, marks, stamp, known
):
    """Add up one example over the pairs of its columns; returns how many labels were touched.

    Args:
        weights: float32, or bfloat16 as uint16.
        scores: (C,) float32, valid at touched labels afterwards. touched: (C,) int32 out.
        marks: (C,) int32 scratch. stamp: a number new to marks.
        known: labels already in touched (their scores set), that many of them.
    """
    count = known
    for i in range(codes.size):
        value = values[i]
        for s in range(starts[codes[i]], starts[codes[i] + 1]):
            label = np.int64(pairs[s]) - 1
            if label < 0:
                continue
            if marks[label] != stamp:
                marks[label] = stamp
                touched[count] = label
                scores[label] = bias[label]
                count += 1
            scores[label] += value * widen(weights[s])
    return count


@kernel
def sparse_step(example, labels, model, scratch, stamp, rate, itself):
    """Train the sparse table on a tile by squared hinge; returns the summed loss.

    Labels that share no column with an example keep their score, the bias, which starts at the
    edge of the hinge, so leaving them out is exact until a bias rises above -1.

    Args:
        example: (indptr, codes, values). labels: (offsets, ids).
        model: (starts, pairs, weights, squares, bias, bias_squares).
        scratch: (scores, touched, marks), each (C,). stamp: first of the tile's fresh numbers.
        itself: as own of `admit`.
    """
    indptr, codes, values = example
    offsets, ids = labels
    starts, pairs, weights, squares, bias, bias_squares = model
    scores, touched, marks = scratch
    loss = 0.0
    for b in range(indptr.size - 1):
        mine = ids[offsets[b] : offsets[b + 1]]
        own, amounts = codes[indptr[b] : indptr[b + 1]], values[indptr[b] : indptr[b + 1]]
        admit(own, mine, starts, pairs, itself)
        now = stamp + np.int32(b)
        for i in range(mine.size):
            marks[mine[i]] = now
            touched[i] = mine[i]
            scores[mine[i]] = bias[mine[i]]
        count = sparse_scores(
            own, amounts, starts, pairs, weights, bias, scores, touched, marks, now, mine.size
        )
        total = np.float32(0.0)
        for i in range(count):
            score = scores[touched[i]]
            wrong = i >= mine.size
            g = max(np.float32(0.0), 1 + score) if wrong else -max(np.float32(0.0), 1 - score)
            loss += g * g
            scores[touched[i]] = 2 * g
            total += 4 * g * g
            _step_bias(bias, bias_squares, touched[i], 2 * g, rate)
        for i in range(own.size):
            first, last = starts[own[i]], starts[own[i] + 1]
            squares[own[i]] += amounts[i] * amounts[i] * total / np.float32(last - first + 1)
            scale = rate * amounts[i] / np.sqrt(squares[own[i]])
            noise = np.uint64(np.float64(squares[own[i]]) * 1048576.0)  # new at each step
            for s in range(first, last):
                label = np.int64(pairs[s]) - 1  # another thread may have put it after the scores
                if label >= 0 and marks[label] == now:
                    word = (noise + np.uint64(s)) * np.uint64(0xD1B54A32D192ED03)
                    weight = widen(weights[s]) - scale * scores[label]
                    weights[s] = narrow(weight, word >> np.uint64(40), weights[s])
    return loss


@kernel
def squeeze(starts, pairs, weights):
    """Move the filled slots to the front, in place and in order; returns how many there are."""
    used, first = np.int64(0), np.int64(0)
    for column in range(starts.size - 1):
        last = starts[column + 1]
        for s in range(first, last):
            if pairs[s] != 0:
                pairs[used], weights[used] = pairs[s], weights[s]
                used += 1
        first = last
        starts[column + 1] = used
    return used
