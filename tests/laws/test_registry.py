"""Registry: groups are found in the folder, joined once, and a clash is named."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import thrifty.laws
from thrifty.laws import LAWS
from thrifty.laws.registry import gather


def test_every_file_of_the_room_is_gathered():
    """Each module beside the registry holds LAWS, and each of its groups is in the registry."""
    files = Path(thrifty.laws.__file__).parent.glob("[!_]*.py")
    names = {path.stem for path in files} - {"registry"}
    groups = {}
    for name in names:
        module = sys.modules[f"thrifty.laws.{name}"]
        assert module.LAWS
        groups |= module.LAWS
    assert groups == LAWS


@pytest.mark.parametrize("group", sorted(LAWS))
def test_a_group_is_a_tuple_of_documented_functions(group):
    """A group is never empty, and each law says in words what it holds."""
    assert isinstance(LAWS[group], tuple)
    assert LAWS[group]
    for law in LAWS[group]:
        assert callable(law)
        assert law.__doc__


def test_groups_of_two_modules_are_joined():
    """Joining keeps the laws and their order."""
    one, two = SimpleNamespace(LAWS={"a": (len,)}), SimpleNamespace(LAWS={"b": (max, min)})
    assert gather({"one": one, "two": two}) == {"a": (len,), "b": (max, min)}


def test_a_group_in_two_modules_is_refused():
    """The second module and the group are named."""
    twin = SimpleNamespace(LAWS={"b": (), "a": ()})
    with pytest.raises(ValueError, match=r"^laws of two must be new groups, got a, b$"):
        gather({"one": twin, "two": twin})


def test_without_hypothesis_the_install_line_is_shown():
    """Where a law file needs the extra and it is absent, the error says what to install."""
    code = (
        "import sys, types, importlib; sys.modules['hypothesis'] = None\n"
        "import thrifty.laws.registry as registry\n"
        "def fail(name): raise ModuleNotFoundError('x', name='hypothesis')\n"
        "registry.importlib = types.SimpleNamespace(import_module=fail)\n"
        "registry._load('any')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "ModuleNotFoundError: the laws need hypothesis: pip install 'thrifty[laws]'\n"
    )
