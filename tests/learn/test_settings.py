"""Settings: fields are checked by name, bytes are told exactly, and they travel as a dict."""

import subprocess
import sys

import numpy as np
import pytest

from thrifty.learn import Settings, Wide

SMALL = {"task": "one", "num_columns": 50, "num_outputs": 7, "hidden": 12}
CASES = [
    {},
    {"storage": "bfloat16"},
    {"linear": "none"},
    {"linear": "sparse", "slots": 90},
    {"linear": "sparse", "slots": 90, "task": "many", "complete": True},
    {"hidden": 0},
    {"task": "number", "num_outputs": 1},
]


@pytest.mark.parametrize("fields", CASES, ids=str)
def test_memory_is_what_a_network_holds(fields):
    """The parts beside scratch sum to the true bytes of the arrays, to the byte."""
    settings = Settings(**(SMALL | fields))
    parts = settings.memory()
    wide = Wide(settings)
    assert sum(parts.values()) - parts["scratch"] == wide.nbytes
    assert wide.nbytes == sum(array.nbytes for array in wide.state()[1].values())


@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
def test_each_part_is_the_bytes_of_its_arrays(storage):
    """Tables, rows and linear path are named apart, and bfloat16 halves the first two."""
    settings = Settings(**SMALL, storage=storage)
    arrays = Wide(settings).state()[1]
    parts = settings.memory()
    assert parts["hidden table"] == arrays["hidden.table"].nbytes
    assert parts["output rows"] == arrays["hidden.output"].nbytes
    assert parts["linear path"] == arrays["linear.table"].nbytes
    assert parts["hidden table"] == 50 * 12 * (4 if storage == "float32" else 2)


RESIDENT = """
import os
from thrifty.learn import Settings, Wide

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")

Wide(Settings(task="one", num_columns=10, num_outputs=2))
before = resident()
wide = Wide(Settings(task="one", num_columns=100_000, num_outputs=50_000, hidden=64, linear="none"))
print(resident() - before, wide.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_the_kernel_counts_the_same():
    """A fresh process grows by the bytes of its network, and by a drawn block or two at most."""
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, check=True)
    grown, nbytes = (int(word) for word in done.stdout.split())
    assert 0.98 * nbytes < grown < nbytes + 3 * 16384 * 64 * 4


def test_fewer_pairs_than_slots_take_less():
    """Slots bound the sparse path: columns that never occur leave theirs unused."""
    settings = Settings(**SMALL, linear="sparse", slots=10_000)
    counts = np.zeros(50, np.int64)
    counts[:10] = 3
    parts = settings.memory()
    assert Wide(settings, counts).nbytes < sum(parts.values()) - parts["scratch"]


def test_a_dict_and_back():
    """from_dict undoes to_dict, and leaves out what it does not know."""
    settings = Settings(**SMALL, seed=5, dropout=0.25, learning_rate=0.3)
    assert Settings.from_dict(settings.to_dict()) == settings
    assert Settings.from_dict(settings.to_dict() | {"later": 1}) == settings


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "two"}, "task must be one of one, many, number, got 'two'"),
        ({"linear": "thick"}, "linear must be one of dense, sparse, none, got 'thick'"),
        ({"storage": "int8"}, "storage must be one of float32, bfloat16, got 'int8'"),
        ({"loss": "l1"}, "loss must be one of auto, softmax, sigmoid, squared, got 'l1'"),
        ({"num_columns": 0}, "num_columns must be in 1..2147483647, got 0"),
        ({"num_outputs": 0}, "num_outputs must be in 1..2147483647, got 0"),
        ({"hidden": 4097}, "hidden must be in 0..4096, got 4097"),
        ({"tile": 0}, "tile must be in 1..65536, got 0"),
        ({"threads": 0}, "threads must be in 1..1024, got 0"),
        ({"epochs": 0}, "epochs must be in 1..1000000, got 0"),
        ({"dropout": 1.0}, "dropout must be in 0.0..0.9, got 1.0"),
        (
            {"hidden": 0, "linear": "none"},
            "hidden must be at least 1 where linear is 'none', got 0",
        ),
    ],
)
def test_a_field_out_of_range_is_named(fields, message):
    """The message says which field, which rule, which value."""
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.") + "$"):
        Settings(**(SMALL | fields))


def test_an_unknown_selector_is_refused():
    """The selectors there are, are listed."""
    with pytest.raises(ValueError, match=r"^negatives must be one of none, .*, got 'all'$"):
        Settings(**SMALL, negatives="all")


def test_lists_are_completed_by_the_sparse_path():
    """No other linear path can leave an item out of its own score."""
    message = "^linear must be 'sparse' to complete lists, got 'dense'$"
    with pytest.raises(ValueError, match=message):
        Settings(**SMALL, complete=True)
