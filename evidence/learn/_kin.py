"""Kin: toy knowledge bases, a family and countries, and questions of a few hops about them."""

import numpy as np

from thrifty.learn import NQL, Triples

__all__ = ["asked", "countries", "entailed", "facts_of", "family"]

Fact = tuple[str, str, str]


def family(seed: int = 0, couples: int = 12) -> list[Fact]:
    """Four generations of couples: parent, spouse and sibling, about 200 people."""
    rng, facts = np.random.default_rng(seed), []
    pairs = [(f"p0-{i}a", f"p0-{i}b") for i in range(couples)]
    for generation in range(1, 4):
        born = []
        for pair in pairs:
            facts += [(pair[0], "spouse", pair[1]), (pair[1], "spouse", pair[0])]
            children = [f"p{generation}-{len(born) + i}" for i in range(int(rng.integers(1, 5)))]
            facts += [(one, "parent", two) for one in children for two in pair]
            facts += [(a, "sibling", b) for a in children for b in children if a != b]
            born += children
        order = rng.permutation(len(born))
        pairs = [(born[a], born[b]) for a, b in zip(order[::2], order[1::2], strict=False)]
    return facts


def countries(seed: int = 0, cities: int = 4600) -> list[Fact]:
    """Continents, regions, 200 countries with languages, currencies and neighbours, and cities."""
    rng, facts = np.random.default_rng(seed), []
    facts += [(f"region-{i}", "in-continent", f"continent-{i % 5}") for i in range(25)]
    for country in range(200):
        name, region = f"country-{country}", country // 8
        facts.append((name, "in-region", f"region-{region}"))
        facts.append((name, "in-continent", f"continent-{region % 5}"))
        facts.append((name, "currency", f"currency-{min(region, int(rng.integers(25, 99)))}"))
        facts.append((name, "capital", f"city-{country}"))
        spoken = np.unique(rng.integers(2 * region, 2 * region + 3, 2)).tolist()
        facts += [(name, "speaks", f"language-{language}") for language in spoken]
        other = f"country-{8 * region + int(rng.integers(0, 8))}"
        if other != name:
            facts += [(name, "neighbour", other), (other, "neighbour", name)]
    home = np.concatenate([np.arange(200), rng.integers(0, 200, cities - 200)])
    for city, country in enumerate(home.tolist()):
        facts.append((f"city-{city}", "in-country", f"country-{country}"))
        facts.append((f"city-{city}", "in-region", f"region-{country // 8}"))
    return facts


def facts_of(kb: Triples) -> dict[tuple[str, str], set[str]]:
    """Objects by subject and relation."""
    near: dict[tuple[str, str], set[str]] = {}
    columns = (kb.entities[kb.subject], kb.relations[kb.relation], kb.entities[kb.object])
    for s, r, o in zip(*(column.tolist() for column in columns), strict=True):
        near.setdefault((s, r), set()).add(o)
    return near


def asked(
    kb: Triples, hops: int, count: int, rng: np.random.Generator, most: int = 50
) -> list[tuple[str, list[str], set[str]]]:
    """Start, relations and answers, by a walk: at most so many entities at every hop."""
    near = facts_of(kb)
    names, kinds, found = kb.entities.tolist(), kb.relations.tolist(), []
    while len(found) < count:
        start = names[int(rng.integers(len(names)))]
        held, path = {start}, []
        for _ in range(hops):
            choices = [r for r in kinds if any((one, r) in near for one in held)]
            if not choices:
                break
            path.append(choices[int(rng.integers(len(choices)))])
            held = set().union(*(near.get((one, path[-1]), set()) for one in held))
            if len(held) > most:
                break
        if len(path) == hops and 0 < len(held) <= most:
            found.append((start, path, held))
    return found


def entailed(nql: NQL, start: str, path: list[str]) -> set[str]:
    """What NQL answers."""
    x = nql.sets([[start]])
    for relation in path:
        x = nql.follow(x, relation)
    return set(nql.members(x)[0])
