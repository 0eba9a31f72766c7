"""Graph building: near neighbours from a few random trees, then links that point many ways.

No distance of all pairs is ever taken. A tree halves the rows again and again by the middle of
their products with the difference of two of them, which is a locality-sensitive hash whose buckets
are of equal size; within a leaf all pairs are compared. What one tree parts another joins.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thrifty.core.kernels import njit
from thrifty.index._scoring import frozen

__all__ = ["linked", "near_neighbours", "tree_order"]

Rows = NDArray[np.float32]
FAST = {"reassoc", "contract", "nsz"}
LEAF = 256  # rows that are compared with each other, at most
SLACK = 1.2  # squared: how much nearer to another link than to the row a row must be


@njit(error_model="numpy", fastmath=FAST)
def _squared(a, b):
    total = np.float32(0)
    for t in range(a.size):
        gap = a[t] - b[t]
        total += gap * gap
    return total


@njit(error_model="numpy", fastmath=FAST)
def _product(a, b):
    total = np.float32(0)
    for t in range(a.size):
        total += a[t] * b[t]
    return total


@njit(error_model="numpy")
def _halve(keys, order, middle):
    """Put the rows of the least keys before `middle`, by Hoare's selection."""
    low, high = 0, keys.size - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i, j = i + 1, j - 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit(nogil=True, cache=True, error_model="numpy")
def _halve_all(rows, order, ends, draws):
    """Halve each segment of the order; `draws` are two numbers in [0, 1) for each."""
    keys, way = np.empty(order.size, np.float32), np.empty(rows.shape[1], np.float32)
    for s in range(ends.size - 1):
        start, stop = ends[s], ends[s + 1]
        mine, size = order[start:stop], stop - start
        if size < 2:
            continue
        a, b = mine[int(draws[s, 0] * size)], mine[int(draws[s, 1] * size)]
        for t in range(way.size):
            way[t] = rows[a, t] - rows[b, t]
        for i in range(size):
            keys[i] = _product(rows[mine[i]], way)
        _halve(keys[:size], mine, size // 2)


def tree_order(
    rows: Rows, rng: np.random.Generator, leaf: int = LEAF
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rows in the order of the leaves of a random tree, and where the leaves begin and end.

    Args:
        rows: (n, d) float32.
        rng: what the tree is drawn by.
        leaf: rows of a leaf at most, at least 2.
    """
    order, ends = np.arange(len(rows), dtype=np.int32), np.array([0, len(rows)])
    while np.diff(ends).max(initial=0) > leaf:
        _halve_all(rows, order, ends, rng.random((ends.size - 1, 2)))
        middles = ends[:-1] + np.diff(ends) // 2
        ends = np.sort(np.concatenate([ends, middles]))
    return order, ends


@njit(error_model="numpy")
def _place(far, other, gaps, near):
    """Put a row among the nearest unless it is there."""
    there = False
    for row in near:
        there |= row == other
    if there:
        return
    place = gaps.size - 1
    while place > 0 and gaps[place - 1] > far:
        place -= 1
    for i in range(gaps.size - 1, place, -1):
        gaps[i], near[i] = gaps[i - 1], near[i - 1]
    gaps[place], near[place] = far, other


@njit(nogil=True, cache=True, error_model="numpy")
def _offer_leaf(products, halves, members, gaps, near):
    """Offer all rows of a leaf to each other; products are symmetric, so both see one distance."""
    for i in range(members.size):
        mine, row = products[i], members[i]
        mine_gaps, mine_near, last = gaps[row], near[row], gaps.shape[1] - 1
        for j in range(members.size):
            far = halves[i] + halves[j] - mine[j]
            if far < mine_gaps[last] and j != i:
                _place(far, members[j], mine_gaps, mine_near)


@njit(nogil=True, cache=True, error_model="numpy")
def _measure(rows, near, gaps):
    """Distances anew, one way for all, and rows in their order; -1 stands last."""
    for i in range(near.shape[0]):
        mine, far = near[i], gaps[i]
        for j in range(mine.size):
            far[j] = _squared(rows[i], rows[mine[j]]) if mine[j] >= 0 else np.float32(np.inf)
        for j in range(1, mine.size):
            k, row, gap = j, mine[j], far[j]
            while k > 0 and (far[k - 1] > gap or (far[k - 1] == gap and mine[k - 1] > row)):
                far[k], mine[k] = far[k - 1], mine[k - 1]
                k -= 1
            far[k], mine[k] = gap, row


def near_neighbours(
    rows: Rows, k: int, trees: int, rng: np.random.Generator, leaf: int = LEAF
) -> tuple[NDArray[np.int32], Rows]:
    """The nearest of the rows that share a leaf with each in one of a few trees.

    Args:
        rows: (n, d) float32.
        k: neighbours of a row.
        trees: how many, at least 1; more find more of the true neighbours.
        rng: what trees are drawn by.
        leaf: rows of a leaf at most.

    Returns:
        Neighbours (n, k) int32, nearest first, -1 where there are fewer, and squared distances.
    """
    gaps = np.full((len(rows), k), np.inf, np.float32)
    near = np.full((len(rows), k), -1, np.int32)
    for _ in range(trees):
        order, ends = tree_order(rows, rng, leaf)
        for start, stop in pairwise(ends.tolist()):
            members = order[start:stop]
            block = rows[members]
            halves = 0.5 * np.einsum("ij,ij->i", block, block)
            _offer_leaf(block @ block.T, halves, members, gaps, near)
    _measure(rows, near, gaps)
    return near, gaps


@njit(error_model="numpy")
def _choose(rows, here, candidates, gaps, count, links, slack):
    """Links of a row: the nearest first, but none that is nearer to a link already chosen."""
    taken = 0
    for c in range(count):
        row, fits = candidates[c], True
        if row == here or (c > 0 and candidates[c - 1] == row):
            continue
        for other in links[:taken]:
            if slack * _squared(rows[row], rows[other]) <= gaps[c]:
                fits = False
                break
        if fits:
            links[taken] = row
            taken += 1
            if taken == links.size:
                break
    return taken


@njit(error_model="numpy")
def _sort(gaps, rows):
    """Insertion sort by distance, then by row."""
    for j in range(1, gaps.size):
        i, gap, row = j, gaps[j], rows[j]
        while i > 0 and (gaps[i - 1] > gap or (gaps[i - 1] == gap and rows[i - 1] > row)):
            gaps[i], rows[i] = gaps[i - 1], rows[i - 1]
            i -= 1
        gaps[i], rows[i] = gap, row


@njit(nogil=True, cache=True, error_model="numpy")
def _reversed(near, gaps, starts, backs, back_gaps):
    """Who has each row among the nearest: from `starts` (n + 1,) on, by counting."""
    n, k = near.shape
    for i in range(n):
        for j in range(k):
            if near[i, j] >= 0:
                starts[near[i, j] + 1] += 1
    for i in range(n):
        starts[i + 1] += starts[i]
    places = starts[:-1].copy()
    for i in range(n):
        for j in range(k):
            if near[i, j] >= 0:
                place = places[near[i, j]]
                backs[place], back_gaps[place] = i, gaps[i, j]
                places[near[i, j]] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _link(rows, near, gaps, starts, backs, back_gaps, links, slack):
    """Links of each row among its neighbours and those whose neighbour it is."""
    k, most = near.shape[1], 4 * near.shape[1]
    candidates, fars = np.empty(most, np.int32), np.empty(most, np.float32)
    for i in range(near.shape[0]):
        count = 0
        for j in range(k):
            if near[i, j] >= 0:
                candidates[count], fars[count] = near[i, j], gaps[i, j]
                count += 1
        for b in range(starts[i], min(starts[i + 1], starts[i] + most - count)):
            candidates[count], fars[count] = backs[b], back_gaps[b]
            count += 1
        _sort(fars[:count], candidates[:count])
        _choose(rows, i, candidates, fars, count, links[i], slack)


@njit(nogil=True, cache=True, error_model="numpy")
def _link_back(links):
    """Let links lead back where there is room."""
    n, degree = links.shape
    held = np.zeros(n, np.int32)
    for i in range(n):
        while held[i] < degree and links[i, held[i]] >= 0:
            held[i] += 1
    for i in range(n):
        for j in range(degree):
            other = links[i, j]
            if other < 0:
                break
            there = False
            for back in links[other]:
                there = there or back == i
            if not there and held[other] < degree:
                links[other, held[other]] = i
                held[other] += 1


def linked(
    rows: Rows, near: NDArray[np.int32], gaps: Rows, degree: int, slack: float = SLACK
) -> NDArray[np.int32]:
    """Links of each row: near ones that lie in different directions, and links that lead back.

    Args:
        rows: (n, d) float32. near, gaps: as `near_neighbours` gives them.
        degree: links of a row at most.
        slack: at most 1 keeps what no chosen link is nearer to; larger keeps more.

    Returns:
        (n, degree) int32, -1 where there are fewer.
    """
    n = len(rows)
    starts, total = np.zeros(n + 1, np.int64), int(np.count_nonzero(near >= 0))
    backs, back_gaps = np.empty(total, np.int32), np.empty(total, np.float32)
    _reversed(near, gaps, starts, backs, back_gaps)
    links = np.full((n, degree), -1, np.int32)
    _link(frozen(rows), near, gaps, starts, backs, back_gaps, links, np.float32(slack))
    _link_back(links)
    return links
