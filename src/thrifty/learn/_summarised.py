"""Summarised: estimators whose whole fitted state is one summary: copies, bytes and files."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from thrifty.core import DAMAGE, FormatError, Saved, Summary
from thrifty.core.summary import Arrays

__all__ = ["Summarised"]


class Summarised(Saved, BaseEstimator):
    """Base: `HOLDS` names the attribute with the summary, `KINDS` are what it may be.

    A kind gives `_adopt(summary)`, which makes an estimator of these parameters the fitted one.
    """

    HOLDS: ClassVar[str]
    KINDS: ClassVar[tuple[type[Summary], ...]]

    def _adopt(self, summary: Any) -> None:
        """Become the fitted estimator of a summary."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Bytes of what was learnt, in memory."""
        check_is_fitted(self, self.HOLDS)
        return getattr(self, self.HOLDS).nbytes

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, self.HOLDS)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        state = dict(state)
        if self.HOLDS in state:
            held = state[self.HOLDS]
            state[self.HOLDS] = (held.KIND, held.to_bytes())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(dict(state))
        if self.HOLDS in state:
            kind, data = state[self.HOLDS]
            setattr(self, self.HOLDS, self._kind(kind).from_bytes(data))

    @classmethod
    def _kind(cls, name: str) -> type[Summary]:
        return {kind.KIND: kind for kind in cls.KINDS}[name]

    def _contents(self) -> tuple[dict[str, Any], Arrays]:
        check_is_fitted(self, self.HOLDS)
        held = getattr(self, self.HOLDS)
        given = self.get_params(deep=False).items()
        parameters = {k: str(v) if isinstance(v, Path) else v for k, v in given}
        names = getattr(self, "feature_names_in_", None)
        header = {
            "parameters": parameters, "kind": held.KIND, "spec": held.spec(),
            "names": None if names is None else names.tolist(),
        } | self._extra()  # fmt: skip
        return header, held.arrays()

    def _extra(self) -> dict[str, Any]:
        """What the header says beside."""
        return {}

    def _recall(self, header: dict[str, Any]) -> None:
        """Take back what `_extra` said."""

    @classmethod
    def _restored(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        try:
            held: dict[str, NDArray[Any]] = dict(arrays)
            summary = cls._kind(header["kind"]).restore(header["spec"], held)
            made = cls(**header["parameters"])
            made._adopt(summary)
            made._recall(header)
            if header["names"] is not None:
                made.feature_names_in_ = np.array(header["names"], dtype=object)
        except FormatError:
            raise
        except DAMAGE as error:
            raise FormatError(f"{cls.KIND} is damaged: {error}") from error
        return made
