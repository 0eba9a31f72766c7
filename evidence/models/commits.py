"""Evidence: paths that a commit of git touches, from its message, beside tuned label trees.

The valid rows are the last tenth in time. Some of their paths never occur in train: no method
can answer them, and they count as missed for all.
"""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all

EVIDENCE = (
    Evidence(
        id="commits-ndcg",
        says="on commits of git (3,740 valid rows, later than the train rows) nDCG@5 is at least "
        f"that of the best tuned peer; {SETTINGS}",
        against=against("git", "ndcg@5"),
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="commits-precision",
        says="on the same rows precision at 5 is at least that of the best tuned peer",
        against=against("git", "p@5"),
        at_least=1.0,
        cost="long",
    ),
)


def main() -> int:
    """Measure both."""
    return measure_all("git", dict(zip(("ndcg@5", "p@5"), EVIDENCE, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())
