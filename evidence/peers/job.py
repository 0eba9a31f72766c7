"""One peer, one setting, one process: train, predict, and say what it took.

Run as `python -m evidence.peers.job '{"dataset": ..., "peer": ..., "settings": {...}}'`; writes
one JSON object as the last line of stdout.
"""

import importlib
import importlib.metadata
import json
import resource
import sys
import time
from typing import Any

import numpy as np

from evidence.datasets import Split, load
from evidence.peers import metrics

PEERS = {
    "linear_svc": ("linear", "LinearSVCPeer", "scikit-learn"),
    "sgd": ("linear", "SGDPeer", "scikit-learn"),
    "fasttext": ("online", "FastTextPeer", "fasttext-wheel"),
    "vowpalwabbit": ("online", "VowpalWabbitPeer", "vowpalwabbit"),
    "pecos": ("trees", "XRLinearPeer", "libpecos"),
    "napkinxc_plt": ("trees", "NapkinPLTPeer", "napkinxc"),
    "napkinxc_br": ("trees", "NapkinBRPeer", "napkinxc"),
    "als": ("items", "ALSPeer", "implicit"),
    "bpr": ("items", "BPRPeer", "implicit"),
    "item_knn": ("items", "ItemKNNPeer", "implicit"),
    "ease": ("items", "EASEPeer", "numpy"),
    "popular": ("items", "PopularPeer", "numpy"),
    "lightgbm": ("cells", "LightGBMPeer", "lightgbm"),
    "hist_gradient_boosting": ("cells", "HistGradientBoostingPeer", "scikit-learn"),
    "linear_model": ("cells", "LinearModelPeer", "scikit-learn"),
}


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Train and judge one peer; returns the record of it."""
    module, name, package = PEERS[spec["peer"]]
    split = load(spec["dataset"])
    make = getattr(importlib.import_module(f"evidence.peers.{module}"), name)
    peer = make(**spec["settings"])
    start = _cpu_seconds()
    peer.fit(split)
    trained = _cpu_seconds()
    wall = time.perf_counter()
    answers = peer.predict(split)
    done = _cpu_seconds()
    wall = time.perf_counter() - wall
    memory = _peak_mb()
    return {
        "peer": spec["peer"],
        "version": f"{package} {importlib.metadata.version(package)}",
        "settings": spec["settings"],
        "metrics": judge(split, answers),
        "train_cpu_seconds": round(trained - start, 2),
        "predict_ms_per_row": round((done - trained) * 1000 / len(split.valid), 4),
        "predict_wall_ms_per_row": round(wall * 1000 / len(split.valid), 4),
        "peak_memory_mb": round(memory, 1),
        "model_bytes": int(peer.nbytes()),
    }


def judge(split: Split, answers: Any) -> dict[str, float]:
    """The metrics of a task from a peer's answers on the valid rows."""
    target = [row[split.target] for row in split.valid]
    if split.task == "multiclass":
        truth = np.array(target)
        guess = np.array(answers)
        return {
            "accuracy": metrics.accuracy(truth, guess),
            "macro_f1": metrics.macro_f1(truth, guess),
        }
    if split.task == "multilabel":
        return _judge_labels(split, target, *answers)
    if split.task == "next item":
        return metrics.hit_rate(np.array(target), np.array(answers))
    if split.task == "binary":
        truth = np.array([label == ">50K" for label in target], dtype=float)
        sure = np.clip(answers, 1e-12, 1 - 1e-12)
        loss = -np.mean(truth * np.log(sure) + (1 - truth) * np.log(1 - sure))
        right = metrics.accuracy(truth, np.asarray(answers) > 0.5)
        return {"auc": metrics.auc(truth, sure), "logloss": float(loss), "accuracy": right}
    return {"rmse": metrics.rmse(np.array(target), np.asarray(answers))}


def _judge_labels(
    split: Split, target: list[list[str]], names: list[list[str]], scores: np.ndarray
) -> dict[str, float]:
    """Ranking metrics, and F1 at the best cut where the ranking is 20 deep."""
    ids: dict[str, int] = {}
    noted = [ids.setdefault(name, len(ids)) for row in split.train for name in row[split.target]]
    truth = [[ids.setdefault(name, len(ids)) for name in labels] for labels in target]
    counts = np.bincount(noted, minlength=len(ids))
    deep = max(map(len, names))
    ranked = np.full((len(names), deep), -1)
    for row, labels in zip(ranked, names, strict=True):
        row[: len(labels)] = [ids[name] for name in labels]
    propensity = metrics.propensities(counts, len(split.train))
    found = metrics.many_label_metrics(truth, ranked, propensity)
    return found | (metrics.best_cut_f1(truth, ranked, scores) if deep >= 20 else {})


def _cpu_seconds() -> float:
    """CPU seconds of this process and the ones it has waited for, all threads."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_mb() -> float:
    """Largest resident memory of this process or a child, in MB."""
    whos = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whos) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
