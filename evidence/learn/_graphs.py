"""Graphs of the evidence: edges of nodes 0..n - 1, each pair once."""

import gzip

import numpy as np

from evidence.datasets import data_folder

__all__ = ["FILES", "edges_of"]

FILES = {
    "cora": "graph_cora/cora.edges.tsv.gz",
    "facebook": "graph_musae/facebook.edges.csv.gz",
    "twitch": "graph_musae/ENGB.edges.csv.gz",
    "chameleon": "graph_musae/chameleon.edges.csv.gz",
}


def edges_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the edges of an undirected graph, without repeats and loops."""
    path = FILES[name]
    with gzip.open(data_folder() / path, "rt") as file:
        rows = [line.replace(",", " ").split() for line in file]
    table = np.array([row for row in rows if row and row[0].isdigit()], np.int64)
    pairs = np.unique(np.sort(table, axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs[:, 0].copy(), pairs[:, 1].copy()
