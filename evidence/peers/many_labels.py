"""Many labels: peers on WordNet glosses and git commits.

Run `python -m evidence.peers.many_labels`.
"""

import sys
from collections.abc import Iterator
from typing import Any

from evidence.peers.harness import grid, measure

PECOS = [
    {"train": {"threshold": 0.01}},
    {"train": {"threshold": 0.01}, "trees": 3},
    {"index": {"nr_splits": 4, "max_leaf_size": 20}, "train": {"threshold": 0.01}},
    {"train": {"threshold": 0.01, "Cp": 0.5, "Cn": 0.5}},
    {"train": {"threshold": 0.01, "Cp": 2.0, "Cn": 2.0}},
    {"train": {"threshold": 0.01, "negative_sampling_scheme": "tfn+man"}, "beam": 50},
]


def wordnet_blocks() -> dict[str, list[dict[str, Any]]]:
    """TF-IDF variants of the WordNet rows."""
    columns = ["lemmas", "gloss", "examples"]
    letters = {"columns": ["lemmas"], "analyzer": "char_wb", "ngrams": [3, 6], "min_df": 2}
    apart = [{"columns": ["lemmas"], "min_df": 2}, {"columns": ["gloss"], "ngrams": [1, 2]}]
    return {
        "words": [{"columns": columns}],
        "1-2": [{"columns": columns, "ngrams": [1, 2]}],
        "apart": [*apart, {"columns": ["examples"]}],
        "apart + letters": [*apart, {"columns": ["examples"]}, letters],
    }


def git_blocks() -> dict[str, list[dict[str, Any]]]:
    """TF-IDF variants of the commits."""
    raw = r"(?u)\b\w[\w./-]*\w\b"
    both = ["subject", "body"]
    apart = [
        {"columns": ["subject"], "ngrams": [1, 2]},
        {"columns": ["body"], "ngrams": [1, 2], "min_df": 2},
    ]
    paths = {"columns": both, "token_pattern": raw}
    return {
        "1-2": [{"columns": both, "ngrams": [1, 2], "min_df": 2}],
        "1-2 author": [{"columns": [*both, "author"], "ngrams": [1, 2], "min_df": 2}],
        "apart + author": [*apart, {"columns": ["author"]}],
        "apart + author + paths": [*apart, {"columns": ["author"]}, paths],
    }


def online(columns: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings of fastText and vowpalwabbit."""
    common = {"columns": [columns], "bucket": [1_000_000]}
    yield from grid("fasttext", **common, loss=["hs"], lr=[0.5], epoch=[50], dim=[100])
    options = ["--ngram 2 -b 26 --passes 3 --kary_tree 16 -l 0.5 --loss_function logistic"]
    yield from grid("vowpalwabbit", columns=[columns], mode=["plt"], options=options)


def trials(
    kinds: dict[str, list[dict[str, Any]]], best: str, columns: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every kind of features at default settings, then settings on the best kind."""
    yield from grid("pecos", blocks=list(kinds.values()))
    for settings in PECOS[:2]:
        yield "pecos", {"blocks": kinds[best]} | settings
    yield from online(columns)
    yield "napkinxc_plt", {"blocks": kinds[best], "loss": "l2", "liblinear_c": 1.0}
    yield "napkinxc_plt", {"blocks": kinds[best]}


def wordnet() -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings for WordNet glosses."""
    kinds = wordnet_blocks()
    yield from trials(kinds, "apart", ["lemmas", "gloss", "examples"])
    yield "pecos", {"blocks": kinds["apart + letters"]} | PECOS[0]


def git() -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings for git commits."""
    columns = ["subject", "body", "author"]
    kinds = git_blocks()
    yield from trials(kinds, "apart + author + paths", columns)
    common = {"columns": [columns], "bucket": [1_000_000]}
    yield from grid("fasttext", **common, loss=["ova"], lr=[0.3], epoch=[8], dim=[32])
    yield (
        "napkinxc_br",
        {"blocks": kinds["apart + author + paths"], "loss": "l2", "liblinear_c": 1.0},
    )
    for settings in PECOS[2:]:
        yield "pecos", {"blocks": kinds["apart + author + paths"]} | settings


if __name__ == "__main__":
    for name in sys.argv[1:] or ["wordnet", "git"]:
        measure(name, {"wordnet": wordnet, "git": git}[name]())
