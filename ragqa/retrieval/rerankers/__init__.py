"""Rerankers: which kinds there are, and which one a name means. Off unless one is named.

To add a kind, write a module with a class as `base.Reranker` has it and name it in `RERANKERS`.
Knows nothing of passages or where they come from.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.retrieval.rerankers.base import Reranker

# The first that takes a name has it.
RERANKERS = {"cross_encoder": "ragqa.retrieval.rerankers.cross_encoder:CrossEncoderReranker"}


def load_reranker(model: str, name: str = "") -> Reranker:
    """The reranker of that name or folder, which answers call `name`; loaded at its first use.

    Raises UsageError when there is none.
    """
    kinds = map(resolve_name, RERANKERS.values())
    made: Reranker = next(kind for kind in kinds if kind.takes(model))(model, name)
    return made
