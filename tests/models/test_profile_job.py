"""Profile job: files and saved profiles, merged, compared, kept, written."""

import numpy as np
import pytest

from thrifty.core import DataError, FormatError, IncompatibleError, SaveError
from thrifty.models.profile_job import told, write_page

ASKED = {
    "memory": "8 MB", "types": None, "by": None, "distinct": None, "time": None, "window": None,
    "threads": 1, "seed": 0, "strict": False,
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """Three files: two alike, and one with other cities."""
    paths = []
    for i, cities in enumerate((["Rome", "Oslo"], ["Rome", "Oslo"], ["Lima", "Oslo"])):
        rng = np.random.default_rng(i)
        rows = [f"{rng.choice(cities)},{rng.normal():.4f}" for _ in range(1_000)]
        paths.append(tmp_path / f"{i}.csv")
        paths[-1].write_text("\n".join(["city,x", *rows]))
    return [str(path) for path in paths]


def test_saved_profiles_merge_to_that_of_all_files(files, tmp_path):
    """Two profiles kept and joined say what one pass over both files says."""
    kept = [tmp_path / "a.profile", tmp_path / "b.profile"]
    for path, save in zip(files, kept, strict=False):
        told([path], save=save, **ASKED)
    merged = told([str(path) for path in kept], merge=True, **ASKED)
    whole = told(files[:2], **ASKED)
    assert merged["rows"] == whole["rows"] == 2_000
    for name in ("city", "x"):
        assert merged["columns"][name]["distinct"] == whole["columns"][name]["distinct"]
        assert merged["columns"][name]["missing"] == whole["columns"][name]["missing"]
    assert "skipped" not in merged
    assert whole["skipped"] == {}


@pytest.mark.parametrize("saved", [False, True])
def test_comparing_with_a_file_or_a_saved_profile(files, tmp_path, saved):
    """What changed is told; with itself nothing is."""
    before = files[0]
    if saved:
        before = str(tmp_path / "a.profile")
        told([files[0]], save=before, **ASKED)
    changes = told([files[2]], compare=before, **ASKED)["changes"]
    assert {c["column"] for c in changes["found"]} == {"city"}
    assert changes["sentence"] == "1,000 rows before, 1,000 after; 1 of 2 columns differ."
    assert told([files[0]], compare=before, **ASKED)["changes"]["found"] == []


def test_texts_are_compared_by_their_phrases(tmp_path):
    """A phrase that is new in a column of texts is told."""
    paths = []
    for i, words in enumerate(("old town hall", "new rail way")):
        rng = np.random.default_rng(i)
        rows = [
            f"the {words} number {rng.integers(10**6)} is in the news of week {rng.integers(50)}"
            for _ in range(300)
        ]
        paths.append(tmp_path / f"{i}.csv")
        paths[-1].write_text("\n".join(["note,n", *(f"{row},{i}" for i, row in enumerate(rows))]))
    told_of = told([str(paths[1])], compare=str(paths[0]), **ASKED)["changes"]["phrases"]
    assert {"new rail", "rail way"} <= {row["phrase"] for row in told_of["note"]}
    assert "old town" not in {row["phrase"] for row in told_of["note"]}


def test_the_page_is_written(files, tmp_path):
    """Whole or not at all."""
    facts = told([files[0]], **ASKED)
    assert write_page(facts, tmp_path / "p.html").read_text().startswith("<!doctype html>")
    with pytest.raises(SaveError):
        write_page(facts, tmp_path / "none" / "p.html")


def test_refusals(files, tmp_path):
    """No file, a damaged profile, and profiles that do not fit together."""
    with pytest.raises(ValueError, match=r"^files must name at least one file, got none$"):
        told([], **ASKED)
    damaged = tmp_path / "d.profile"
    damaged.write_bytes(b"none")
    with pytest.raises(FormatError, match=r"d\.profile"):
        told([str(damaged)], merge=True, **ASKED)
    with pytest.raises(FormatError, match=r"d\.profile"):
        told([files[0]], compare=str(damaged), **ASKED)
    with pytest.raises(DataError):
        told([files[0]], compare=str(tmp_path / "none.csv"), **ASKED)
    kept = [tmp_path / "a.profile", tmp_path / "b.profile"]
    told([files[0]], save=kept[0], **ASKED)
    told([files[1]], save=kept[1], **{**ASKED, "seed": 1})
    with pytest.raises(
        IncompatibleError, match=r"^cannot merge .*a\.profile with .*b\.profile: columns, kinds"
    ):
        told([str(path) for path in kept], merge=True, **ASKED)
