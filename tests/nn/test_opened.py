"""Opened: a folder of transformers in memory, whole or by blocks."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import thrifty.nn.staged as staged  # noqa: E402
from tests.nn.test_skeleton import llama  # noqa: E402
from thrifty.core import DataError, IncompatibleError  # noqa: E402
from thrifty.models import compress  # noqa: E402
from thrifty.models.checkpoint import Checkpoint  # noqa: E402
from thrifty.nn.opened import opened, reopened  # noqa: E402

IDS = torch.arange(20)[None] % 17


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_answers_as_transformers_does(whole, tmp_path, monkeypatch):
    """Before compression and after one without loss, to the bit."""
    monkeypatch.setattr(staged, "SMALL", 0)
    model = llama(tmp_path / "llama")
    module, found = opened(tmp_path / "llama", Checkpoint(tmp_path / "llama"), whole=whole)
    compress(tmp_path / "llama", to="lossless", out=tmp_path / "small")
    again = reopened(tmp_path / "small", False, whole=whole)
    assert found is not None
    kept = []
    with torch.no_grad():
        for one in (module, again):
            said = one(IDS)
            assert torch.equal(said.logits, model(IDS).logits)
            kept.append(said.past_key_values is not None)
    assert kept == [False, whole]  # what `load_compressed` makes is for any use


class Renamed:
    """A checkpoint of other names."""

    def __init__(self, path):
        self.whole = Checkpoint(path)
        self.tensors = {f"old_{name}": info for name, info in self.whole.tensors.items()}

    def read(self, name):
        """A tensor by its old name."""
        return self.whole.read(name.removeprefix("old_"))


def test_other_names(tmp_path):
    """Transformers reads the folder whole; by blocks it cannot."""
    model = llama(tmp_path)
    module, found = opened(tmp_path, Renamed(tmp_path), whole=True)
    assert found is None
    with torch.no_grad():
        assert torch.equal(module(IDS).logits, model(IDS).logits)
    with pytest.raises(IncompatibleError, match=r"is not in the checkpoint$"):
        opened(tmp_path, Renamed(tmp_path), whole=False)
    (tmp_path / "config.json").write_text('{"model_type": "llama", "architectures": ["os.system"]}')
    with pytest.raises(DataError, match=r"^architecture must be known to transformers"):
        opened(tmp_path, Renamed(tmp_path), whole=True)
