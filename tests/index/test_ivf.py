"""IVFIndex: its laws for each metric and dtype, a peer, its edges, golden bytes."""

import pytest

from thrifty.core import record_of
from thrifty.index import IVFIndex
from thrifty.laws import LAWS

METRICS = ("cosine", "inner", "l2")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("law", LAWS["vectors"] + LAWS["mapped"], ids=lambda law: law.__name__)
def test_law(law, metric, dtype):
    """The laws of indexes of vectors hold for each metric and dtype."""
    assert record_of(IVFIndex).laws == ("vectors", "mapped")
    law(lambda: IVFIndex(13, metric=metric, dtype=dtype, cells=20))
