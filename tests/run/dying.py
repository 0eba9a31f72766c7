"""Summaries whose worker is killed once, in the middle of its work."""

import os
import signal
from pathlib import Path

import numpy as np

from thrifty.laws.fold import Journal


class Dies(Journal):
    """A journal that kills its own process when 101 comes, unless the mark is there."""

    KIND = "test-dies"

    def __init__(self, mark=""):
        super().__init__()
        self.mark = mark

    def spec(self):
        """Where the mark is set."""
        return {"mark": self.mark}

    @classmethod
    def restore(cls, spec, arrays):
        """As any journal."""
        made = super().restore({}, arrays)
        made.mark = spec["mark"]
        return made

    def add(self, keys):
        """Write down, or die."""
        if 101 in np.asarray(keys) and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().add(keys)


class DiesMerging(Dies):
    """A journal that kills its own process when one with 101 follows one with 5."""

    KIND = "test-dies-merging"

    def add(self, keys):
        """Write down."""
        return Journal.add(self, keys)

    def _absorb(self, other):
        if 5 in self._seen and 101 in other._seen and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        super()._absorb(other)
