"""Evidence: two plain tables beside gradient boosting, which is made for them."""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all

EVIDENCE = (
    Evidence(
        id="adult-auc",
        says="on Adult (6,512 valid rows) the AUC is at least that of the best tuned gradient "
        f"boosting; {SETTINGS}",
        against=against("adult", "auc"),
        at_least=1.0,
        cost="long",
    ),
    Evidence(
        id="california-rmse",
        says="on California housing (4,128 valid rows) the RMSE is at most that of the best tuned "
        f"gradient boosting; {SETTINGS}",
        against=against("california", "rmse"),
        at_most=1.0,
        cost="long",
    ),
)


def main() -> int:
    """Measure both."""
    short = measure_all("adult", {"auc": EVIDENCE[0]})
    return short + measure_all("california", {"rmse": EVIDENCE[1]})


if __name__ == "__main__":
    raise SystemExit(main())
