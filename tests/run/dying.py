"""A summary whose worker is killed once, in the middle of its work."""

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
