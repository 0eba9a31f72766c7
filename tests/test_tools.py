"""Tools: the pages follow the code, and a tool that finds nothing says so."""

import pytest

from tools import changelog, evidence, gallery, tree


def test_the_gallery_has_a_row_for_every_method():
    """Each object with a record stands in the page, with its memory and its source."""
    page = gallery.page()
    found = [(n, r) for path in tree.room_files() for n, _, r in tree.methods_of(path)]
    assert found
    for name, record in found:
        rows = [line for line in page.splitlines() if f".{name}` |" in line]
        assert len(rows) == 1
        assert record.source.replace("|", "\\|") in rows[0]


def test_the_gallery_notices_a_stale_page(tmp_path, monkeypatch, capsys):
    """With --check an absent or altered page fails and a fresh one passes."""
    monkeypatch.setattr(gallery, "PAGE", tmp_path / "methods.md")
    assert gallery.main(["--check"]) == 1
    assert gallery.main([]) == 0
    assert gallery.main(["--check"]) == 0
    gallery.PAGE.write_text(gallery.PAGE.read_text() + "x")
    assert gallery.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("is stale: run make docs")


def test_evidence_is_chosen_by_cost_and_words():
    """Short is the default; a word chooses by path; nothing found is an error."""
    short = evidence.wanted("short", [])
    assert set(short) <= set(tree.evidence_files())
    assert evidence.wanted("short", [short[0].name]) == [
        path for path in short if short[0].name in str(path)
    ]
    with pytest.raises(ValueError, match=r"^no evidence of cost 'short' matches \['attic'\]$"):
        evidence.wanted("short", ["attic"])
    with pytest.raises(ValueError, match=r"^cost must be one of short, long, gpu, got 'shrt'$"):
        evidence.wanted("shrt", [])


def test_fragments_become_a_section(tmp_path):
    """Fragments are sorted by kind, then by name, one line each."""
    (tmp_path / "b.added.md").write_text("Second\nline.\n")
    (tmp_path / "a.added.md").write_text("First.")
    (tmp_path / "c.fixed.md").write_text("Third.")
    assert changelog.section(tmp_path) == (
        "### Added\n\n- First.\n- Second line.\n\n### Fixed\n\n- Third.\n"
    )
    assert changelog.section(tree.ROOT / "changelog.d").startswith("### Added\n\n- ")


def test_a_misnamed_fragment_is_named(tmp_path):
    """A fragment that would be lost stops the tool."""
    (tmp_path / "a.new.md").write_text("First.")
    with pytest.raises(ValueError, match=r"^fragment must be .+, got 'a\.new\.md'$"):
        changelog.section(tmp_path)
