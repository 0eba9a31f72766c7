"""Documents: peers on 20 Newsgroups and Reuters-21578. Run `python -m evidence.peers.documents`."""

import sys
from collections.abc import Iterator
from typing import Any

from evidence.peers.harness import grid, measure


def blocks(columns: list[str]) -> dict[str, list[dict[str, Any]]]:
    """TF-IDF variants by name."""
    words = {"columns": columns, "stop_words": "english"}
    plain = {"columns": columns}
    letters = {"columns": columns, "analyzer": "char_wb", "ngrams": [3, 5], "min_df": 3}
    return {
        "1-gram": [plain | {"ngrams": [1, 1], "min_df": 1}],
        "1-2 min1": [plain | {"ngrams": [1, 2], "min_df": 1}],
        "1-2 min2": [plain | {"ngrams": [1, 2], "min_df": 2}],
        "1-2 min3": [plain | {"ngrams": [1, 2], "min_df": 3}],
        "stop 1-2 min2": [words | {"ngrams": [1, 2], "min_df": 2}],
        "1-2 min2 + letters": [plain | {"ngrams": [1, 2], "min_df": 2}, letters],
        "each column": [
            {"columns": [column], "ngrams": [1, 2], "min_df": 2 if column in columns[1:] else 1}
            for column in columns
        ],
    }


def newsgroups() -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings for 20 Newsgroups."""
    columns = ["subject", "text"]
    kinds = blocks(columns)
    yield from grid("linear_svc", blocks=list(kinds.values()), C=[1.0])
    yield from grid("linear_svc", blocks=[kinds["1-2 min1"], kinds["each column"]], C=[0.3, 3.0])
    common = {"columns": [columns], "bucket": [1_000_000]}
    yield from grid("fasttext", **common, lr=[0.5], epoch=[25], dim=[16])
    yield from online_oaa(columns, "oaa", ["--passes 10", "--passes 20 -l 1"], bits=24)
    yield from online_oaa(columns, "oaa", ["--passes 20"], bits=27)
    yield from grid("sgd", blocks=[kinds["1-2 min1"]], alpha=[1e-5, 5e-5])
    yield from grid("fasttext", **common, lr=[1.0], epoch=[50], dim=[16])


def reuters() -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings for Reuters-21578."""
    columns = ["title", "body"]
    kinds = blocks(columns)
    yield from grid("linear_svc", blocks=[kinds["1-2 min2"], kinds["1-gram"]], C=[1.0])
    yield from grid("linear_svc", blocks=[kinds["each column"]], C=[1.0])
    common = {"columns": [columns], "bucket": [1_000_000], "loss": ["ova"]}
    yield from grid("fasttext", **common, lr=[0.5], epoch=[50], dim=[16])
    yield from online_oaa(columns, "multilabel_oaa", ["--passes 10"], bits=27)
    yield from grid("linear_svc", blocks=[kinds["1-gram"]], C=[0.5, 2.0])
    yield from grid("sgd", blocks=[kinds["1-gram"]], alpha=[1e-5, 5e-5])
    wide = "-b 27 --loss_function logistic --passes 20"
    yield "vowpalwabbit", {"columns": columns, "mode": "multilabel_oaa", "options": wide}


def online_oaa(
    columns: list[str], mode: str, passes: list[str], *, bits: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Settings of vowpalwabbit with one linear model a class."""
    fixed = f"--ngram 2 -b {bits} --loss_function logistic"
    options = [f"{fixed} {one}" for one in passes]
    return grid("vowpalwabbit", columns=[columns], mode=[mode], options=options)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["newsgroups", "reuters"]:
        measure(name, {"newsgroups": newsgroups, "reuters": reuters}[name]())
