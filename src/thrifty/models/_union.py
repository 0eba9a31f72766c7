"""Union: the kernels of union-find; the root of a group is its first row."""

from thrifty.core.kernels import njit

__all__ = ["find", "flatten", "link"]


@njit(nogil=True, cache=True, error_model="numpy")
def find(parent, i):
    """The first row of the group of row i, with paths halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True, error_model="numpy")
def link(parent, i, j):
    """Make one group of the groups of two rows; the earlier root stays root."""
    a, b = find(parent, i), find(parent, j)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@njit(nogil=True, cache=True, error_model="numpy")
def flatten(parent, sizes):
    """Point every row at its root, and count the rows of each root."""
    for i in range(parent.size):
        parent[i] = find(parent, i)
        sizes[parent[i]] += 1
