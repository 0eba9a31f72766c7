"""Data sets of the evidence: loaders, fixed train and valid parts, and the files they become."""

import csv
import gzip
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["SPLITS", "Row", "Split", "data_folder", "histories", "load", "write_jsonl"]

Row = dict[str, Any]

MONTHS = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
ADULT = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
)
ADULT_NUMBERS = {
    "age",
    "fnlwgt",
    "education_num",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
}


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge by, the same for every method.

    Args:
        name: the data set.
        task: "multiclass", "multilabel", "next item", "binary" or "regression".
        target: the column to predict.
        columns: the columns to predict from, in the order a text is joined from them.
        train: rows to learn from; for "next item" one row an interaction (user, item, weight).
        valid: rows to judge by; for "next item" one row a user (user, history, item).
    """

    name: str
    task: str
    target: str
    columns: tuple[str, ...]
    train: list[Row]
    valid: list[Row]


def data_folder() -> Path:
    """The folder of real data: THRIFTY_DATA, else shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("THRIFTY_DATA") or beside)
    if not folder.is_dir():
        raise FileNotFoundError(f"no data folder at {folder}: set THRIFTY_DATA to the folder")
    return folder


def newsgroups() -> Split:
    """20 Newsgroups: subject and text to one of 20 groups; valid is a random tenth."""
    rows = [
        {"subject": row["subject"], "text": row["text"], "group": row["group"]}
        for row in _json_rows("text_newsgroups20/train.jsonl.gz")
    ]
    train, valid = _random_parts(rows, share=0.1, seed=20)
    return Split("newsgroups", "multiclass", "group", ("subject", "text"), train, valid)


def reuters() -> Split:
    """Reuters-21578, ModApte train with a topic: topics; valid is the last 15% in time."""
    rows = [
        {
            "title": row["title"],
            "body": row["body"],
            "topics": list(dict.fromkeys(row["topics"])),
            "date": row["date"],
        }
        for row in _json_rows("text_reuters21578/docs_train_unused.jsonl.gz")
        if row["lewissplit"] == "TRAIN" and row["topics_attr"] == "YES" and row["topics"]
    ]
    rows.sort(key=lambda row: _reuters_time(row["date"]))
    rows = [{name: row[name] for name in ("title", "body", "topics")} for row in rows]
    cut = round(len(rows) * 0.85)
    return Split("reuters", "multilabel", "topics", ("title", "body"), rows[:cut], rows[cut:])


def wordnet() -> Split:
    """WordNet glosses: lemmas, gloss and examples to all hypernym ancestors; parts as published."""

    def rows(part: str) -> list[Row]:
        return [
            {
                "lemmas": "; ".join(row["lemmas"]),
                "gloss": row["gloss"],
                "examples": "; ".join(row["examples"]),
                "labels": [str(label) for label in row["labels"]],
            }
            for row in _json_rows(f"xml_wordnet_gloss/{part}.jsonl.gz")
            if row["labels"]
        ]

    columns = ("lemmas", "gloss", "examples")
    return Split("wordnet", "multilabel", "labels", columns, rows("train"), rows("valid"))


def git() -> Split:
    """Commits of git until 2017: subject, body and author to paths; valid is the last tenth."""
    with _open("log_git_history/git_until2017.paths.txt.gz") as lines:
        paths = [line.rstrip("\n") for line in lines]
    commits = list(_json_rows("log_git_history/git_until2017.commits.jsonl.gz"))
    commits.sort(key=lambda commit: commit["ts"])
    rows = [
        {
            "subject": commit["subject"],
            "body": commit["body"],
            "author": f"author{commit['author']}",
            "paths": [paths[path] for path in commit["paths"]],
        }
        for commit in commits
        if commit["paths"]
    ]
    cut = round(len(rows) * 0.9)
    columns = ("subject", "body", "author")
    return Split("git", "multilabel", "paths", columns, rows[:cut], rows[cut:])


def movielens() -> Split:
    """MovieLens-small: every rating an interaction; valid is the last movie of each user."""
    with _open("rec_movielens_small/ratings.csv.gz") as lines:
        rows = [
            (int(row["timestamp"]), row["userId"], row["movieId"], float(row["rating"]))
            for row in csv.DictReader(lines)
        ]
    rows.sort(key=lambda row: row[0])
    return _leave_one_out("movielens", [row[1:] for row in rows], seed=None)


def lastfm() -> Split:
    """Last.fm: artists a user played; valid is one random artist of each user."""
    rows = []
    for part in ("part1", "part2"):
        with _open(f"rec_lastfm_hetrec/interactions_{part}.tsv.gz") as lines:
            rows += [tuple(line.split()) for line in lines if line.strip()]
    plays = [(user, artist, float(count)) for user, artist, count in rows]
    return _leave_one_out("lastfm", plays, seed=21)


def retailrocket() -> Split:
    """Retailrocket: items a visitor viewed; valid is one random item of each visitor."""
    views: dict[tuple[str, str], int] = defaultdict(int)
    with _open("rec_retailrocket/view.tsv.gz") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            views[row["visitorid"], row["itemid"]] += 1
    rows = [(visitor, item, float(count)) for (visitor, item), count in views.items()]
    return _leave_one_out("retailrocket", rows, seed=22)


def adult() -> Split:
    """Adult census: income above 50K or not; valid is a random fifth."""
    with _open("table_uci/adult-train.csv.gz") as lines:
        rows = [
            {name: _cell(name, value) for name, value in zip(ADULT, cells, strict=True)}
            for cells in csv.reader(lines, skipinitialspace=True)
            if cells
        ]
    train, valid = _random_parts(rows, share=0.2, seed=23)
    return Split("adult", "binary", "income", tuple(ADULT[:-1]), train, valid)


def california() -> Split:
    """California housing: the median house value of a block; valid is a random fifth."""
    with _open("table_uci/california_housing.csv.gz") as lines:
        rows = [
            {
                name: value if name == "ocean_proximity" else float(value) if value else None
                for name, value in row.items()
            }
            for row in csv.DictReader(lines)
        ]
    columns = tuple(name for name in rows[0] if name != "median_house_value")
    train, valid = _random_parts(rows, share=0.2, seed=24)
    return Split("california", "regression", "median_house_value", columns, train, valid)


MAKERS = (newsgroups, reuters, wordnet, git, movielens, lastfm, retailrocket, adult, california)
SPLITS = {make.__name__: make for make in MAKERS}


def load(name: str) -> Split:
    """The split of a data set by name, the same rows in the same order on every call."""
    if name not in SPLITS:
        raise ValueError(f"name must be one of {', '.join(SPLITS)}, got {name!r}")
    return SPLITS[name]()


def histories(split: Split) -> Iterator[Row]:
    """One row a user: the items of the train interactions, which are all that peers see too."""
    items: dict[str, list[str]] = defaultdict(list)
    for row in split.train:
        items[row["user"]].append(row["item"])
    for user, seen in items.items():
        yield {"user": user, "history": seen}


def write_jsonl(split: Split, folder: str | Path) -> tuple[Path, Path]:
    """Write train.jsonl and valid.jsonl into a folder; returns both paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train = histories(split) if split.task == "next item" else split.train
    for name, rows in (("train", train), ("valid", split.valid)):
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in rows)
    return folder / "train.jsonl", folder / "valid.jsonl"


def _open(path: str) -> io.TextIOWrapper:
    """A gzipped text file of the data folder."""
    return gzip.open(data_folder() / path, "rt", encoding="utf-8", newline="")


def _json_rows(path: str) -> Iterator[Row]:
    with _open(path) as lines:
        yield from map(json.loads, lines)


def _cell(name: str, value: str) -> float | str | None:
    """A cell of the census: a number, a word, or nothing where it says ?."""
    return None if value == "?" else float(value) if name in ADULT_NUMBERS else value


def _random_parts(rows: list[Row], *, share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Train and valid rows by one seeded shuffle; each part keeps the file's order."""
    order = np.random.default_rng(seed).permutation(len(rows))
    held = set(order[: round(len(rows) * share)].tolist())
    train = [row for place, row in enumerate(rows) if place not in held]
    return train, [rows[place] for place in sorted(held)]


def _reuters_time(date: str) -> tuple[int, int, int, str]:
    """A sortable key of '26-FEB-1987 15:01:01.79'."""
    day, clock = date.split()[:2]
    number, month, year = day.split("-")
    return int(year), MONTHS.index(month), int(number), clock


def _leave_one_out(
    name: str, interactions: list[tuple[str, str, float]], *, seed: int | None
) -> Split:
    """Hold out one item of each user with 5 or more: the last, or with a seed a random one."""
    users: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for user, item, weight in interactions:
        users[user].append((item, weight))
    rng = np.random.default_rng(seed)
    train: list[Row] = []
    valid: list[Row] = []
    for user in sorted(users, key=int):
        seen = users[user]
        if len(seen) >= 5:
            item, _ = seen.pop(-1 if seed is None else int(rng.integers(len(seen))))
            history = [kept for kept, _ in seen]
            valid.append({"user": user, "history": history, "item": item})
        train += [{"user": user, "item": kept, "weight": weight} for kept, weight in seen]
    return Split(name, "next item", "item", ("history",), train, valid)
