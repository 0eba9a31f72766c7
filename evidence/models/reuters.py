"""Evidence: topics of Reuters-21578 beside tuned linear models, fastText and vowpalwabbit."""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all

EVIDENCE = (
    Evidence(
        id="reuters-micro-f1",
        says="on Reuters-21578 (1,166 valid rows, later than the train rows) the micro F1, for "
        "both at the one cut that is best on these rows, is at least that of the best tuned peer; "
        f"{SETTINGS}",
        against=against("reuters", "micro_f1"),
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="reuters-ndcg",
        says="on the same rows nDCG@5 is at least that of the best tuned peer",
        against=against("reuters", "ndcg@5"),
        at_least=1.0,
        cost="long",
    ),
)


def main() -> int:
    """Measure both."""
    return measure_all("reuters", dict(zip(("micro_f1", "ndcg@5"), EVIDENCE, strict=True)))


if __name__ == "__main__":
    raise SystemExit(main())
