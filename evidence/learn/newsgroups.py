"""Evidence: accuracy on 20 Newsgroups beside tuned linear models, fastText and vowpalwabbit."""

from evidence import Evidence
from evidence.models._files import SETTINGS, against, measure_all

EVIDENCE = (
    Evidence(
        id="newsgroups-accuracy",
        says="on 20 Newsgroups (1,131 valid rows) the accuracy is at least that of the best tuned "
        f"peer; {SETTINGS}",
        against=against("newsgroups", "accuracy"),
        at_least=1.0,
        cost="long",
    ),
)


def main() -> int:
    """Measure it."""
    return measure_all("newsgroups", {"accuracy": EVIDENCE[0]})


if __name__ == "__main__":
    raise SystemExit(main())
