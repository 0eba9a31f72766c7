"""Evidence: SOLAR on WordNet glosses and commits of git, beside the wide learner's exact top k."""

from typing import Any

import numpy as np

from evidence import Evidence, run
from evidence.datasets import data_folder
from evidence.learn._labels import NAMES, SIZE, held_by, job, precisions, solar

EVIDENCE = (
    Evidence(
        id="solar-precision",
        says="SOLAR's P@1, P@3 and P@5 are at least those of the wide learner that scores every "
        f"label, the least ratio of both data sets; {SIZE}, 16 repetitions, no linear path",
        against="WideClassifier of the same hidden layer, exact top 5",
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="solar-candidates",
        says="SOLAR scores at most a tenth of the labels and loses at most 1 % of the P@5 that it "
        "has when it scores all, the larger share of both data sets; the same models",
        against="its own answers from all buckets",
        at_most=0.1,
        cost="long",
    ),
)


def measure_precision() -> tuple[float, dict[str, Any]]:
    """The least ratio of precisions, and all of them."""
    beside, ratios = {}, []
    for name in NAMES:
        told, (model, seconds) = job(name), solar(name)
        wide = precisions(told, told.wide.classes_[told.best])
        ours = precisions(told, model.top_k(told.valid, 5, probes=model.hash_.size)[0])
        ratios += (np.array(ours) / np.array(wide)).tolist()
        beside[name] = {
            "labels": len(model.classes_), "buckets": model.hash_.size, "p@1,3,5": ours,
            "wide p@1,3,5": wide, "train cpu seconds": seconds, "wide seconds": told.seconds,
            "bytes": model.nbytes, "wide bytes": told.wide.nbytes,
        }  # fmt: skip
    return min(ratios), beside


def measure_candidates() -> tuple[float, dict[str, Any]]:
    """The larger share of labels that keeps 99 % of P@5, and what each setting gives."""
    beside, shares = {}, []
    for name in NAMES:
        told, (model, _) = job(name), solar(name)
        every = precisions(told, model.top_k(told.valid, 5, probes=model.hash_.size)[0])
        reached = []
        for least in (1, 2):
            for probes in (1, 2, 4, 8, 16, 32):
                own = precisions(told, model.top_k(told.valid, 5, probes=probes, least=least)[0])
                count, held, ranked = held_by(told, model, probes, least)
                beside[f"{name}, {probes} probes, met {least}"] = {
                    "candidates": count, "p@1,3,5": own, "of the wide learner's best": held,
                    "ranked by the wide learner": ranked,
                }  # fmt: skip
                if own[2] >= 0.99 * every[2]:
                    reached.append(count)
        shares.append(min(reached) / len(model.classes_))
    return max(shares), beside


def main() -> int:
    """Measure both."""
    try:
        data_folder()
    except FileNotFoundError as error:
        print(f"SKIPPED {', '.join(said.id for said in EVIDENCE)}: {error}")
        return 0
    measures = (measure_precision, measure_candidates)
    held = [run(said, measure) for said, measure in zip(EVIDENCE, measures, strict=True)]
    return held.count(False)


if __name__ == "__main__":
    raise SystemExit(main())
