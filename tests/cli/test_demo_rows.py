"""Demo rows: who is learned from, who is judged by, and that the two never meet."""

import json

import pytest

from thrifty.cli.demo_rows import write_rows
from thrifty.data.pysource import installed_files


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of forty made-up modules, one of them too small."""
    folder = tmp_path_factory.mktemp("sources")
    for number in range(40):
        functions = [
            f'def f{i}(x{i}):\n    "Does {number} {i}."\n    return g{i}(x{i})\ndef _{i}(): 0\n'
            for i in range(2 if number == 7 else 20)
        ]
        (folder / f"m{number:02}.py").write_text("".join(functions))
    out, seen = tmp_path_factory.mktemp("rows"), []
    counts = write_rows(out, seen.append, installed_files([folder]), processes=1, seed=3)
    names = ("functions", "validation", "heldout", "named", "described")
    texts = {name: (out / f"{name}.jsonl").read_text() for name in names}
    files = {name: [json.loads(line) for line in text.splitlines()] for name, text in texts.items()}
    return counts, files, seen


def test_counts(written):
    """The small module is left out, all others are counted whole, and progress ends at one."""
    counts, files, seen = written
    assert (counts.rows, counts.modules) == (39 * 40, 39)
    assert str(counts) == "1,560 functions and classes of 39 modules"
    assert counts.held_out == len(files["heldout"])
    assert seen[-1] == {"phase": "parsing", "fraction": 1.0}
    assert "m07" not in {row["module"] for rows in files.values() for row in rows}


def test_the_shares(written):
    """About a tenth is held out: within four standard errors of a binomial."""
    counts, _, _ = written
    spread = (counts.rows * 0.1 * 0.9) ** 0.5
    assert abs(counts.held_out - 0.1 * counts.rows) < 4 * spread


def test_judged_rows_are_never_learned(written):
    """No held-out function stands in the files that are learned from, in any form."""
    _, files, _ = written
    held = {(row["module"], row["name"]) for row in files["heldout"]}
    docs = {row["doc"] for row in files["heldout"] if row["doc"]}
    learned = files["functions"] + files["validation"]
    assert held.isdisjoint((row["module"], row["name"]) for row in learned)
    assert docs.isdisjoint(row["doc"] for row in learned)


def test_the_forms_of_a_row(written):
    """Held-out rows come whole, without body, and as docstring alone; learned ones in two forms."""
    _, files, _ = written
    assert [dict(row, body="") for row in files["heldout"]] == files["named"]
    blank = [dict(row, name="", body="") for row in files["heldout"] if row["doc"]]
    assert blank == files["described"]
    whole = [row for row in files["functions"] if row["name"]]
    alone = [row for row in files["functions"] if not row["name"]]
    assert [row["doc"] for row in whole if row["doc"]] == [row["doc"] for row in alone]
    assert any(not row["doc"] for row in whole)


def test_the_baseline(written):
    """The baseline is what the most frequent modules of the learned rows get right."""
    counts, files, _ = written
    best = [name for name, _ in counts.trained.most_common(5)]
    truth = [row["module"] for row in files["heldout"]]
    one, five = counts.baseline
    assert one == pytest.approx(truth.count(best[0]) / len(truth))
    assert five == pytest.approx(sum(map(truth.count, best)) / len(truth))
