"""Fakes: an index that answers like `thrifty.models.SearchIndex`, and is slow or broken at will."""

import json
import re
import time
from pathlib import Path

from thrifty.models import Model
from thrifty.serve.shelf import FILE

WORD = re.compile(r"\w+")
DOCUMENTS = [
    {"id": "a", "title": "Wings in a stream", "text": "The wing of a plane.", "year": 1950},
    {"id": "b", "title": "Heat", "text": "Heat of a wing, and <b>of</b> a body.", "year": 1960},
    {"id": "c", "title": "Shells", "text": "Shells under pressure buckle.", "year": 1970},
]


class FakeIndex:
    """Counts words; "sleep 50" takes 50 ms, "break" fails, "nan" scores NaN."""

    opened = 0

    def __init__(self, path):
        self.documents = json.loads((Path(path) / "manifest.json").read_text())
        type(self).opened += 1

    @classmethod
    def open(cls, path):
        """As the real one."""
        return cls(path)

    def describe(self):
        """As the real one."""
        columns = [key for key in self.documents[0] if key != "id"]
        fields = ["title", "text"]
        return {"documents": len(self.documents), "fields": fields, "columns": columns}

    def search(self, text, k=10, *, filter=None, explain=False, highlight=True):
        """As the real one."""
        words = WORD.findall(text.lower()) or ["-"]
        if words[0] == "sleep":
            time.sleep(float(words[1]) / 1000)
        if words[0] == "break":
            raise KeyError("secret inside")
        if filter is not None and not filter.startswith("year"):
            raise ValueError(f"filter has an unknown column in {filter!r}")
        least = int(filter.rpartition(">")[2]) if filter else 0
        scored = [(score_of(words, one), one) for one in self.documents if one["year"] > least]
        found = sorted(scored, key=lambda pair: (-pair[0], pair[1]["id"]))
        return [hit(words, score, one, explain) for score, one in found[:k] if score]


def hit(words, score, one, explain):
    """One result, as the real index gives it."""
    text = one["text"]
    parts = [
        {
            "term": word,
            "field": "text",
            "tf": text.lower().count(word),
            "df": 2,
            "idf": 1.5,
            "weight": 1.0,
            "score": 1.5 * text.lower().count(word),
        }
        for word in words
    ]
    spans = [list(found.span()) for found in re.finditer("|".join(words), text.lower())]
    snippet = {"text": text, "spans": spans, "before": False, "after": False}
    fields = {key: value for key, value in one.items() if key != "id"}
    shown = float("nan") if words[0] == "nan" else score
    told = {"id": one["id"], "score": shown, "fields": fields, "snippets": {"text": snippet}}
    return told | ({"explain": parts} if explain else {})


def score_of(words, one):
    """How often the words are in a document."""
    text = f"{one['title']} {one['text']}".lower()
    return 1.0 if words[0] in ("sleep", "nan") else float(sum(text.count(word) for word in words))


def opener(path):
    """As `open_thing`, with fake indexes."""
    return ("model", Model.load(path)) if (path / FILE).is_file() else ("index", FakeIndex(path))


def write_index(path, documents=None):
    """A folder with a fake index."""
    path.mkdir(exist_ok=True)
    beside = path / "next.json"
    beside.write_text(json.dumps(DOCUMENTS if documents is None else documents))
    beside.replace(path / "manifest.json")
    return path
