"""Evidence: the phrases of an author are found in a twentieth of the memory of exact counts."""

import gzip
from collections.abc import Iterator

from evidence import Evidence, run
from evidence.datasets import data_folder
from thrifty.models.phrases import phrases

AUTHORS = ("Stevenson", "Dickens", "Hardy", "Woolf")
SHARE = 17

EVIDENCE = (
    Evidence(
        id="phrases-overlap",
        says="of the 100 phrases that mark each of Stevenson, Dickens, Hardy and Woolf among 64 "
        "novels, at least 90 are found with at most a twentieth of the memory, least of the four",
        against="thrifty's exact counts of the same novels (sorted arrays)",
        at_least=0.9,
        cost="long",
    ),
    Evidence(
        id="phrases-memory",
        says="the memory of exact counts is at least 20 times that of the sketched ones, least of "
        "the four",
        against="nbytes of both",
        at_least=20,
        cost="long",
    ),
)


def corpus(author: str, *, his: bool) -> Iterator[list[str]]:
    """Paragraphs of each novel, of the author or of all others."""
    for path in sorted((data_folder() / "text_novels").glob("*.txt.gz")):
        if path.name.startswith(author) == his:
            text = gzip.decompress(path.read_bytes()).decode()
            yield [" ".join(part.split()) for part in text.split("\n\n")]


def measure() -> dict[str, tuple[float, dict]]:
    """Overlap and memory, by author."""
    overlap, memory, first = {}, {}, {}
    for author in AUTHORS:
        fore, back = list(corpus(author, his=True)), list(corpus(author, his=False))
        exact = phrases(fore, back)
        sketch = phrases(fore, back, memory=exact.nbytes // SHARE)
        top = [row.phrase for row in exact.rows[:100]]
        overlap[author] = len(set(top) & {row.phrase for row in sketch.rows[:100]}) / 100
        memory[author] = exact.nbytes / sketch.nbytes
        first[author] = top[:10]
    return {
        "phrases-overlap": (min(overlap.values()), overlap | {"first ten": first}),
        "phrases-memory": (min(memory.values()), memory),
    }


def main() -> int:
    """Measure both."""
    found = measure()
    held = [run(e, lambda e=e: found[e.id]) for e in EVIDENCE]
    return int(not all(held))


if __name__ == "__main__":
    raise SystemExit(main())
