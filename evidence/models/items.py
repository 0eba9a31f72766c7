"""Evidence: the next item from a history, beside ALS, BPR, item-kNN and EASE.

One row a user: the list of the user's items, which is to be completed; peers learn from the same
users and items. The ranking is over all items that the user has not had, as for the peers.
"""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all


def sentence(dataset: str, users: str, left: str) -> Evidence:
    """What is said of one data set."""
    return Evidence(
        id=f"items-{dataset}",
        says=f"on {dataset} ({left} item of each of {users} users left out) nDCG@10 is at least "
        f"that of the best tuned peer; {SETTINGS}, one history a row",
        against=against(dataset, "ndcg@10"),
        at_least=1.0,
        cost="long",
    )


EVIDENCE = (
    sentence("lastfm", "1,863", "one"),
    sentence("retailrocket", "3,370", "one"),
    sentence("movielens", "610", "the last"),
)


def main() -> int:
    """Measure all three; HR@10 and bytes stand beside."""
    names = ("lastfm", "retailrocket", "movielens")
    pairs = zip(names, EVIDENCE, strict=True)
    return sum(measure_all(name, {"ndcg@10": said}) for name, said in pairs)


if __name__ == "__main__":
    raise SystemExit(main())
