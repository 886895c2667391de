"""What a reranker is: question and texts -> scores. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Relevances = npt.NDArray[np.float32]


class Reranker(Protocol):
    """What retrieval needs of a reranker. It may be used from several threads."""

    @classmethod
    def takes(cls, model: str) -> bool:
        """Whether a name (a folder, the hub's, an address) is one of this kind's models."""

    @property
    def name(self) -> str:
        """The model's name."""

    def identity(self) -> dict[str, str]:
        """Name and hashes, for receipts and caches: equal where it gives the same order."""

    def scores(self, question: str, texts: Sequence[str]) -> Relevances:
        """How well each text answers the question, on a scale of the model's own, float32 [n]."""
