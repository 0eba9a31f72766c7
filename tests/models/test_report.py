"""Report: what it shows, that nothing in the data becomes markup, and that it stands alone."""

import copy
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from thrifty.core import SaveError
from thrifty.models.report import MEASURES, html_page, terminal, write_html

EVIL = "<script>alert('x')</script>\" onload=\"alert(1)"
EPOCHS = [
    {"epoch": 0, "loss": 3.5, "quality": 0.25, "seconds": 4.0, "rows_per_second": 12_000.0},
    {"epoch": 1, "loss": 2.5, "quality": 0.5, "seconds": 4.0, "rows_per_second": 12_500.0},
]
FIRST = {
    "recall_of_top": 0.9,
    "gradient_cosine": 0.875,
    "sampled_share": 0.125,
    "speedup": 1.25,
    "pays": False,
}
FACTS = {
    "target": "module",
    "task": "one",
    "rows": 59_032,
    "classes": 2_046,
    "files": ["a/functions.jsonl", "b.jsonl"],
    "metrics": {"rows": 5903, "accuracy": 0.5625, "logloss": 1.75},
    "baseline": {"accuracy": 0.03125},
    "plan": {
        "memory": 300_000_000,
        "base": 180_000_000,
        "peak": 402_000_000,
        "parts": {"hidden table": 120_000_000, "nothing": 0},
    },
    "history": {
        "epochs": EPOCHS,
        "quality_name": "accuracy",
        "best": 1,
        "probe": [
            {"loss": "softmax", "rate": 0.01, "quality": 0.34375, "chosen": False},
            {"loss": "softmax", "rate": 0.1, "quality": 0.375, "chosen": True},
        ],
        "stopped": "no gain",
        "audit": {"first": FIRST, "fell_back": True},
    },
    "confusions": [{"truth": "socket", "predicted": "ssl", "count": 1234}],
    "skipped": {"ragged rows": {"count": 12, "examples": ["line 3: 2 fields"]}},
    "schema": {"columns": [{"name": "doc", "kind": "text", "reason": "about 12 words"}]},
    "settings": {"hidden": 128},
    "seconds": 38.25,
    "model_bytes": 31_000_000,
    "notices": ["one column is constant"],
}


class Elements(HTMLParser):
    """Collects elements, attributes and text of a page, and checks that all are closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.attributes, self.text, self._open = [], [], "", []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        """Keep an element and its attributes."""
        self.found.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        """An element must be the last that was opened."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Keep the text."""
        self.text += data


def evil(value):
    """The same facts with every text, names included, replaced by one that attacks."""
    if isinstance(value, dict):
        fixed = {"target", "task", "count", "truth", "predicted", "examples", "name", "kind"}
        fixed |= {*FACTS, *FACTS["plan"], *FACTS["history"], *EPOCHS[0], *MEASURES, *FIRST}
        fixed |= {"reason", "rate", "chosen", "first", "last", "fell_back"}
        return {key if key in fixed else EVIL: evil(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [evil(entry) for entry in value]
    return EVIL if isinstance(value, str) else value


def shown(facts, width=120):
    """What the terminal shows, as plain text."""
    console = Console(width=width)
    with console.capture() as capture:
        console.print(terminal(facts))
    return capture.get()


# exact


@pytest.mark.parametrize(
    "text",
    [
        "Predicting module", "held-out quality no longer rose",
        "59,032 rows, 2,046 classes, from functions.jsonl and 1 more",
        "0.5625", "0.03125", MEASURES["accuracy"], "12.5% of the outputs", "0.875",
        "socket", "ssl", "1,234", "ragged rows", "line 3: 2 fields", "one column is constant",
        "120 MB", "402 MB",
    ],
)  # fmt: skip
def test_both_reports_show_it(text):
    """What is known of the run stands in the page and in the terminal."""
    assert text in Elements(html_page(FACTS)).text
    assert text in shown(FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "38.2 s",
        "31 MB",
        "about 12 words",
        "hidden",
        "0.01",
        "0.3438",
        "12,500",
        "of 480 MB",
        "kept",
    ],
)
def test_the_page_shows_more(text):
    """Time, model size, columns, settings, probe and every epoch are in the page."""
    assert text in Elements(html_page(FACTS)).text


def test_a_broken_budget_is_said():
    """A peak above budget and base is not called kept."""
    plan = {**FACTS["plan"], "peak": 481_000_000}
    assert "481 MB at its peak: not kept" in Elements(html_page({"plan": plan})).text


def test_parts_of_the_memory_bar():
    """Every part of the budget that is not empty has its box and its line in the legend."""
    page = Elements(html_page(FACTS))
    boxes = [value for name, value in page.attributes if name == "class" and "part" in value]
    assert boxes == ["part0", "part1", "part0", "part1"]  # the base and one part, and their lines
    assert "nothing" not in page.text


@pytest.mark.parametrize(
    ("audit", "text"),
    [
        ({}, "Nothing was sampled: every step used all outputs."),
        ({"first": FIRST}, "After the first epoch a step used 12.5% of the outputs."),
        ({"last": FIRST}, "At the end a step used 12.5% of the outputs."),
        ({"first": FIRST, "fell_back": True}, "That did not pay"),
    ],
)
def test_audit_in_words(audit, text):
    """The outcomes of the audit are told apart."""
    assert text in shown({"history": {"audit": audit}}, width=400)
    assert ("did not pay" in shown({"history": {"audit": audit}}, 400)) == ("fell_back" in audit)


# safety


def test_data_never_becomes_markup():
    """A class, file, column or message named like a script is shown, and nothing of it runs."""
    page = Elements(html_page(evil(FACTS)))
    assert "script" not in page.found
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count(EVIL) >= 11
    assert EVIL in shown(evil(FACTS), width=400)


def test_terminal_markup_in_data_is_text():
    """Square brackets of the data are no commands to the terminal."""
    assert "[red]x[/red]" in shown({"target": "[red]x[/red]"})
    pair = {"truth": "[b]", "predicted": "[/b]", "count": 1}
    assert "[/b]" in shown({"confusions": [pair]})


def test_the_page_stands_alone():
    """Nothing is loaded: no address, no source, no style sheet, no script of any kind."""
    text = html_page(FACTS)
    page = Elements(text)
    assert set(page.found).isdisjoint({"script", "link", "img", "iframe", "object", "base"})
    assert "src" not in {name for name, _ in page.attributes}
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert not re.search(r"https?:|url\((?!#)|@import", text)


def test_the_page_is_accessible():
    """One h1, sections under h2, a language, a viewport, named images and headed tables."""
    page = Elements(html_page(FACTS))
    assert page.found.count("h1") == 1
    assert page.found.count("h2") == page.found.count("section") == 8
    assert ("lang", "en") in page.attributes
    assert ("name", "viewport") in page.attributes
    assert page.attributes.count(("role", "img")) == page.found.count("svg") == 3
    assert page.found.count("caption") == page.found.count("table")


# edges and refusals


@pytest.mark.parametrize("facts", [{}, {"history": {}}, {"metrics": None}, {"skipped": {}}])
def test_missing_parts_are_left_out(facts):
    """A run of which little is known still makes a page and a terminal report."""
    assert Elements(html_page(facts)).found.count("h1") == 1
    assert "A run" in shown(facts)


def test_numbers_that_are_not_finite():
    """NaN and infinite losses and measures are shown as missing, and break no picture."""
    facts = copy.deepcopy(FACTS)
    facts["history"]["epochs"][0]["loss"] = float("nan")
    facts["metrics"]["logloss"] = float("inf")
    page = html_page(facts)
    assert page.count("<svg") == 3
    assert "inf" not in page.partition("<main>")[2]
    assert "NaN" not in page


def test_writing_is_whole_or_not_at_all(tmp_path):
    """The file holds the page; where it cannot be written the reason is named."""
    path = write_html(FACTS, tmp_path / "report.html")
    assert path.read_text() == html_page(FACTS)
    with pytest.raises(
        SaveError, match=r"cannot write .*missing/report\.html: No such file or directory$"
    ):
        write_html(FACTS, tmp_path / "missing" / "report.html")
