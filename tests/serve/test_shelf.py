"""Shelf: names, what is at a path, and what happens when it changes."""

import os
import shutil

import pytest

from tests.serve.fakes import DOCUMENTS, FakeIndex, opener, write_index
from thrifty.core import DataError, FormatError
from thrifty.serve import Shelf
from thrifty.serve.shelf import marked, open_thing


@pytest.fixture
def folder(tmp_path):
    """A fake index that a test may change."""
    return write_index(tmp_path / "wings")


def test_names(folder, model):
    """The folder's name, or the one that is given; found by kind and name alone."""
    shelf = Shelf([folder, f"animals.v2={model}"], opener)
    assert [(one.kind, one.name) for one in shelf] == [("index", "wings"), ("model", "animals.v2")]
    assert shelf.names("index") == ["wings"]
    assert shelf.find("model", "wings") is None


@pytest.mark.parametrize(
    "name", ["../wings", "wings/", "..", "", "%2e%2e", "wings\0", "/etc/passwd"]
)
def test_a_name_is_never_a_path(folder, name):
    """What is not on the shelf is not found, wherever it points."""
    assert Shelf([folder], opener).find("index", name) is None


def test_names_that_cannot_be_used(folder, tmp_path):
    """Twice the same, none, or one that a path in HTTP would not carry."""
    with pytest.raises(DataError, match=r"^two indexes are named 'wings': give name=path$"):
        Shelf([folder, folder], opener)
    with pytest.raises(DataError, match=r"^give at least one index or model to serve$"):
        Shelf([], opener)
    odd = write_index(tmp_path / "a b")
    with pytest.raises(
        DataError, match=r"^a name must be letters, .+ else give name=path, got 'a b'$"
    ):
        Shelf([odd], opener)


def test_what_is_not_there(tmp_path):
    """A missing path, and a folder with something else, each say so."""
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*nothing'$"):
        Shelf([tmp_path / "nothing"])
    with pytest.raises(FormatError, match=r"^.+ is neither an index nor a model$"):
        open_thing(tmp_path)


def test_a_model_is_known_by_its_file(model):
    """A folder of a model, and the file itself."""
    kind, thing = open_thing(model)
    assert (kind, thing.task) == ("model", "one")
    assert open_thing(model / "model.safetensors")[0] == "model"


def test_a_change_is_read_again_once(folder):
    """Nothing new is nothing to do; who holds the old state keeps it."""
    shelf = Shelf([folder], opener)
    (served,) = shelf
    old = served.thing
    assert not shelf.refresh(served)
    write_index(folder, DOCUMENTS[:1])
    assert shelf.refresh(served)
    assert not shelf.refresh(served)
    assert (len(old.documents), len(served.thing.documents), served.loads) == (3, 1, 2)


def test_a_damaged_state_is_not_served(folder):
    """The old one stays, the failure is told once, and the next good state is taken."""
    shelf = Shelf([folder], opener)
    (served,) = shelf
    old = served.thing
    (folder / "manifest.json").write_text("{half")
    with pytest.raises(ValueError, match=r"^Expecting property name enclosed in double quotes"):
        shelf.refresh(served)
    assert served.thing is old
    assert served.stale.startswith("Expecting property name")
    assert not shelf.refresh(served)
    assert served.delay == 2
    write_index(folder, DOCUMENTS[:2])
    served.again = 0
    assert shelf.refresh(served)
    assert (served.stale, len(served.thing.documents)) == ("", 2)


def test_a_path_that_goes_away_and_comes_back(folder, tmp_path):
    """It is missing for a while, then it is read again."""
    shelf = Shelf([folder], opener)
    (served,) = shelf
    shutil.move(folder, tmp_path / "aside")
    with pytest.raises(OSError, match=r"No such file or directory: '.+/wings'$"):
        shelf.refresh(served)
    shutil.move(tmp_path / "aside", folder)
    os.utime(folder / "manifest.json", ns=(1, 1))
    served.again = 0
    assert shelf.refresh(served)


def test_an_index_does_not_become_a_model(folder, model):
    """What changes its kind is refused."""
    shelf = Shelf([folder], opener)
    (served,) = shelf
    shutil.copy(model / "model.safetensors", folder)
    with pytest.raises(FormatError, match=r"^.+ was an index, and is a model now$"):
        shelf.refresh(served)
    assert isinstance(served.thing, FakeIndex)


def test_marks_differ_with_the_file(folder):
    """A replaced file of the same length is a change."""
    before = marked(folder)
    write_index(folder)
    assert marked(folder) != before
    assert marked(folder / "nothing") == ()
