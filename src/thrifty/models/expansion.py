"""Expansion: words added to a query, where the corpus says that they can help."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from thrifty.core import in_range, method, whole

if TYPE_CHECKING:
    from thrifty.models.search import SearchIndex

__all__ = ["Expand", "Expander", "Term", "expanded", "screened"]

Weighted = Sequence[tuple[str, float]]
Expander = Callable[[str, "SearchIndex"], Weighted]


class Term(NamedTuple):
    """A term that was to be added to a query.

    Args:
        word: as it was given.
        term: as the analyzer makes it.
        df: documents it stands in.
        weight: beside words of the query, which count 1; 0 if it was left out.
        kept: whether it was added.
        reason: why it was left out, else empty.
    """

    word: str
    term: str
    df: int
    weight: float
    kept: bool
    reason: str


@method(
    source="SIRA (2026): one weighted lexical query whose terms were checked by document frequency",
    memory="what the expander takes",
    time="one look-up of a document frequency a term",
    error="weights of added terms sum to at most `weight` times the number of the query's terms, "
    "so that they cannot swamp it",
    exact="the query without the added terms, at weight 0",
    laws=("expansion",),
    evidence=("expansion",),
)
@dataclass(frozen=True)
class Expand:
    """An expander, and how far it is trusted.

    Args:
        expander: gives words or phrases with weights for a query, as expander(query, index).
        weight: of all added terms together, beside the words of the query, 0.001..10.
        share: of the documents that a term may stand in at most, above 0 and at most 1.
        terms: added at most, 1..1000, those of the largest weights.
        screen: leave out terms that no document or too many have; False trusts the expander.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> Expand(lambda query, index: [("laser", 1.0)], share=0.05).weight
        0.4
    """

    expander: Expander
    weight: float = 0.4
    share: float = 0.1
    terms: int = 20
    screen: bool = True

    def __post_init__(self) -> None:
        in_range("weight", self.weight, 0.001, 10)
        in_range("share", self.share, 1e-9, 1)
        whole("terms", self.terms, 1, 1000)

    def __call__(self, query: str, index: "SearchIndex") -> list[Term]:
        """The terms for one query, those left out among them."""
        given = self.expander(query, index)
        how = {"weight": self.weight, "share": self.share, "terms": self.terms}
        return screened(query, given, index, screen=self.screen, **how)


def expanded(expand: "Expand | Expander", query: str, index: "SearchIndex") -> list[Term]:
    """The terms that an expander adds to a query, by the usual rules unless it has its own."""
    rules = expand if isinstance(expand, Expand) else Expand(expand)
    return rules(query, index)


def screened(
    query: str,
    given: Weighted | Mapping[str, float] | Iterable[str],
    index: "SearchIndex",
    *,
    weight: float = 0.4,
    share: float = 0.1,
    terms: int = 20,
    screen: bool = True,
) -> list[Term]:
    """Check words by how many documents they stand in, and bound their weights.

    Phrases are cut into words. A term is left out that is in the query, that no document has, or
    more than `share` of them. All weights sum to `weight` times the number of terms of the query;
    what is left out keeps its share, so that a doubtful expander weighs less.

    Args:
        query: as it was asked.
        given: words or phrases, with weights above 0 or all alike.
        index: of the documents.
        weight: of all together.
        share: of the documents that a term may stand in.
        terms: added at most.
        screen: leave out by document frequency; else only terms of the query are left out.

    Returns:
        All terms, heaviest first, those that were left out with the reason.
    """
    pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
    found: dict[str, tuple[str, float]] = {}
    for pair in pairs:
        word, value = (pair, 1.0) if isinstance(pair, str) else pair
        made = index.text.analyzer.tokens(str(word))
        for term in made:
            before = found.get(term, (str(word), 0.0))
            found[term] = (before[0], before[1] + max(float(value), 0.0) / len(made))
    own = set(index.text.analyzer.tokens(query))
    ordered = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
    counts = index.text.df([term for term, _ in ordered]).tolist()
    most, kept, made, beyond = share * len(index), 0, [], set()
    for (term, (word, value)), df in zip(ordered, counts, strict=True):
        reason = _reason(term in own, df, most, screen)
        reason = reason or ("one of too many terms" if kept == terms else "")
        reason = reason or ("weight of 0" if value <= 0 else "")
        kept += not reason
        beyond |= {term} if kept == terms and reason else set()
        made.append(Term(word, term, df, 0.0 if reason else value, not reason, reason))
    total = sum(v for t, (_, v) in ordered if t not in own and t not in beyond) or 1.0
    scale = weight * max(len(own), 1) / total
    return [term._replace(weight=term.weight * scale) for term in made]


def _reason(own: bool, df: int, most: float, screen: bool) -> str:
    if own:
        return "in the query"
    if df == 0:
        return "in no document"
    return f"in more than {most:g} documents" if screen and df > most else ""
