"""Evidence: the next item from a history, beside ALS, BPR, item-kNN and EASE.

One row an interaction: the rest of the user's items tell the item. The ranking is over all items
that the user has not had, as for the peers.
"""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all

OPTIONS = ("--task", "one", "--types", "user=ignore")
FEWER = ("--epochs", "2")


def sentence(dataset: str, users: str, settings: str) -> Evidence:
    """What is said of one data set."""
    return Evidence(
        id=f"items-{dataset}",
        says=f"on {dataset} (one item of each of {users} users left out) nDCG@10 is at least that "
        f"of the best tuned peer; {SETTINGS}, {settings}, the user's number ignored",
        against=against(dataset, "ndcg@10"),
        at_least=1.0,
        cost="long",
    )


EVIDENCE = (
    sentence("lastfm", "1,863", "--task one"),
    sentence("retailrocket", "3,370", "but --task one, --epochs 2"),
)


def main() -> int:
    """Measure both."""
    short = measure_all("lastfm", {"ndcg@10": EVIDENCE[0]}, *OPTIONS)
    return short + measure_all("retailrocket", {"ndcg@10": EVIDENCE[1]}, *OPTIONS, *FEWER)


if __name__ == "__main__":
    raise SystemExit(main())
