"""Method: the record is complete, attached to one object, and not inherited."""

import dataclasses

import pytest

from thrifty.core import Method, method, record_of

FIELDS = {
    "source": "Euclid, Elements VII",
    "memory": "two numbers",
    "time": "O(log n)",
    "error": "exact",
    "exact": "math.gcd",
    "laws": ("divides",),
    "evidence": ("gcd",),
}


def test_record_is_attached_and_the_thing_returned_unchanged():
    """The decorator adds the record and nothing else, to classes and functions alike."""

    def gcd():
        return 1

    assert method(**FIELDS)(gcd) is gcd
    assert record_of(gcd) == Method(**FIELDS)
    assert dataclasses.asdict(record_of(gcd)) == FIELDS


def test_a_subclass_does_not_inherit_the_record():
    """A published method has its own record; a subclass without one is a part."""
    base = method(**FIELDS)(type("Base", (), {}))
    assert record_of(base) is not None
    assert record_of(type("Child", (base,), {})) is None


@pytest.mark.parametrize("thing", [1, "text", None, len, object()])
def test_things_without_a_record_have_none(thing):
    """Any object may be asked."""
    assert record_of(thing) is None


@pytest.mark.parametrize("name", FIELDS)
def test_a_forgotten_field_is_an_error(name):
    """No field has a default, so none can be forgotten."""
    fields = {key: value for key, value in FIELDS.items() if key != name}
    with pytest.raises(TypeError, match=rf"missing 1 required keyword-only argument: '{name}'$"):
        method(**fields)


def test_a_misspelt_field_is_an_error():
    """A claim under a wrong name does not vanish."""
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'sourse'$"):
        method(**FIELDS, sourse="x")


def test_a_record_does_not_change():
    """The record is frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Method(**FIELDS).source = "another"  # type: ignore[misc]
