"""Workplace: states of this very run come back, those of another or damaged ones do not."""

import os

import numpy as np
import pytest

from thrifty.core import FormatError, SaveError
from thrifty.models.workplace import Kept, Workplace, fingerprint, named, of


class Named:
    """A file as a source lists it."""

    def __init__(self, name, nbytes):
        self.name, self.nbytes = name, nbytes


def test_states_return(tmp_path):
    """Header and arrays come back equal, also in another object for the same run."""
    Workplace(tmp_path, "a").keep("first", {"rows": 3}, {"x": np.arange(5)})
    header, arrays = Workplace(tmp_path, "a").find("first")
    assert header == {"rows": 3}
    assert arrays["x"].tolist() == [0, 1, 2, 3, 4]


def test_states_of_others_are_not_taken(tmp_path):
    """Another run's state, a damaged one and none at all are all nothing."""
    place = Workplace(tmp_path, "a")
    place.keep("first", {}, {"x": np.arange(5)})
    assert Workplace(tmp_path, "b").find("first") is None
    data = bytearray(place.path("first").read_bytes())
    data[-3] ^= 1
    place.path("first").write_bytes(data)
    assert place.find("first") is None
    assert place.find("other") is None


def test_best_is_read_into_the_live_arrays(tmp_path):
    """The best epoch comes back in place; where it is lost, that is an error."""
    live = {"x": np.zeros(4)}
    kept = Kept(Workplace(tmp_path, "a"), lambda: live)
    kept.save({"epoch": 2}, {"x": np.arange(4.0)})
    header, arrays = kept.load()
    assert (header, live["x"].tolist()) == ({"epoch": 2}, [0, 1, 2, 3])
    assert arrays["x"] is live["x"]
    kept.place.clear()
    with pytest.raises(FormatError, match=r"best: the best epoch is lost or damaged$"):
        kept.load()


def test_nothing_is_left(tmp_path):
    """A removed workplace leaves no folder; one that cannot be written says so."""
    place = Workplace(tmp_path, "a")
    place.keep("first", {}, {})
    place.remove()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SaveError, match=r"^\[Errno 2\] cannot write .*first: No such file"):
        place.keep("first", {}, {})
    with pytest.raises(SaveError):
        Kept(place, dict).save({}, {})


def test_fingerprints_depend_on_files_and_settings(tmp_path):
    """A changed setting, size, name or time of change makes another run."""
    path = tmp_path / "x.csv"
    path.write_text("a")
    first = fingerprint([Named(str(path), 1)], {"seed": 1})
    assert first == fingerprint([Named(str(path), 1)], {"seed": 1})
    others = [
        fingerprint([Named(str(path), 1)], {"seed": 2}),
        fingerprint([Named(str(path), 2)], {"seed": 1}),
        fingerprint([Named("memory://x", 1)], {"seed": 1}),
    ]
    path.write_text("b")
    os.utime(path, ns=(1, 1))
    others.append(fingerprint([Named(str(path), 1)], {"seed": 1}))
    assert len({first, *others}) == 5


def test_named_arrays_come_back_to_their_part():
    """Each part finds its own arrays among those of others."""
    first, second = {"a": np.ones(1)}, {"a": np.zeros(2), "b": np.ones(3)}
    both = named("first", first) | named("second", second)
    assert (of("first", both), of("second", both)) == (first, second)
