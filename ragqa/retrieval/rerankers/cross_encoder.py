"""Cross-encoders of the sentence-transformers library.

A cross-encoder reads question and passage together, which is slower and better than comparing
what was made of each alone (Nogueira & Cho 2019, "Passage Re-ranking with BERT",
arXiv:1901.04085). Knows nothing of passages or where they come from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ragqa.errors import ModelError
from ragqa.models.local import embedder_hash, quiet_libraries, reranker_folder
from ragqa.retrieval.rerankers.base import Relevances
from ragqa.text.surrogates import encodable

# What the library can rank with; to any other model it adds a head of random numbers.
RANKING = ("ForSequenceClassification", "ForCausalLM")


class CrossEncoderReranker:
    """A cross-encoder of the sentence-transformers library, from this machine's disk.

    Loaded at its first use. Raises UsageError when there is no such model, ModelError when it
    cannot be loaded or is no reranker.
    """

    @classmethod
    def takes(cls, model: str) -> bool:
        """Any name: its folder tells whether there is such a model."""
        return True

    def __init__(self, model: str, name: str = "") -> None:
        self.name = name or model
        self._folder = reranker_folder(model)

    def identity(self) -> dict[str, str]:
        """Name and SHA-256 of the weights."""
        return {"name": self.name, "sha256": embedder_hash(str(self._folder))}

    def scores(self, question: str, texts: Sequence[str]) -> Relevances:
        """The scores in the order of `texts`; what the model has no room for is not read."""
        if not texts:
            return np.empty(0, dtype=np.float32)
        pairs = [(encodable(question), encodable(text)) for text in texts]
        try:
            found = np.asarray(self._model.predict(pairs, show_progress_bar=False))
        except Exception as error:  # as in loading: each library below has errors of its own
            raise self._broken(error) from error
        if found.shape != (len(texts),) or not np.isfinite(found).all():
            raise self._broken(ValueError(f"scores of shape {found.shape} for {len(texts)} texts"))
        return found.astype(np.float32)

    @cached_property
    def _model(self) -> Any:
        self._require_ranking_head()
        quiet_libraries()
        from sentence_transformers import CrossEncoder

        return CrossEncoder(str(self._folder), device="cpu", local_files_only=True)

    def _require_ranking_head(self) -> None:
        """ValueError for an embedder, say, which would rank at random."""
        config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
        architectures = config.get("architectures") or ["unknown"]
        if not architectures[0].endswith(RANKING):
            raise ValueError(f"it is no cross-encoder but a {architectures[0]}")

    def _broken(self, error: Exception) -> ModelError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ModelError(
            f"cannot rank with {self.name}: {reason}",
            "name a complete folder of a cross-encoder, or leave --reranker out",
        )
