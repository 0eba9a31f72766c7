"""Composite: summaries inside a summary, as one spec and one table of arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from thrifty.core.errors import FormatError
from thrifty.core.summary import Arrays, Summary

__all__ = ["packed", "unpacked"]


def packed(members: Mapping[str, Summary]) -> tuple[dict[str, Any], Arrays]:
    """Spec and arrays of named summaries together; an array is called "<name>/<its name>".

    Args:
        members: by name; a name holds no "/".

    Raises:
        ValueError: a name holds "/".
    """
    for name in members:
        if "/" in name:
            raise ValueError(f"name of a member must hold no '/', got {name!r}")
    spec = {name: {"kind": part.KIND, "spec": part.spec()} for name, part in members.items()}
    arrays = {
        f"{name}/{key}": array
        for name, part in members.items()
        for key, array in part.arrays().items()
    }
    return spec, arrays


def unpacked(
    spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray], kinds: Mapping[str, type[Summary]]
) -> dict[str, Any]:
    """Inverse of `packed`.

    Args:
        spec: as packed.
        arrays: as packed; those of no member are left alone.
        kinds: which class a kind is.

    Raises:
        FormatError: a kind is not one of these, or a member is damaged.
    """
    members: dict[str, Any] = {}
    owned: dict[str, Arrays] = {name: {} for name in spec}
    for key, array in arrays.items():
        name, _, inside = key.partition("/")
        owned.get(name, {})[inside] = array
    for name, part in spec.items():
        if part["kind"] not in kinds:
            raise FormatError(f"kind of member {name!r} is not known: {part['kind']!r}")
        members[name] = kinds[part["kind"]].restore(part["spec"], owned[name])
    return members
