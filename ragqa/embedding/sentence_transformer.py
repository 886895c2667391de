"""Any model of the sentence-transformers library, from this machine's disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ragqa.embedding import late_interaction
from ragqa.embedding.base import Encoding, QuestionEncoding, Vectors
from ragqa.errors import ModelError
from ragqa.models.local import embedder_folder, embedder_hash, quiet_libraries
from ragqa.text.surrogates import encodable

# The names by which sentence-transformers looks for the prompt of a document, in its order.
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class SentenceTransformerEmbedder:
    """Any model that the sentence-transformers library loads, from this machine's disk."""

    @classmethod
    def takes(cls, model: str) -> bool:
        """Any name: its library tells whether there is such a model."""
        return True

    def __init__(self, model: str, threads: int = 0) -> None:
        self._folder = embedder_folder(model)
        self.name = model
        self.threads = threads  # of no use: the library decides
        digest = embedder_hash(str(self._folder))
        self.fingerprint = f"{self._folder.name}@{digest[:16]}/sentence-transformers"

    @cached_property
    def _model(self) -> Any:
        quiet_libraries()
        from sentence_transformers import SentenceTransformer

        try:
            # On the GPU, where the library finds one.
            return SentenceTransformer(str(self._folder), local_files_only=True)
        except Exception as error:  # each library below has errors of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"cannot load the embedder {self.name}: {reason}",
                "name a complete sentence-transformers folder",
            ) from error

    def load(self, passages: int = 0) -> None:
        """Load the model and its library. Raises ModelError."""
        _ = self._model

    @property
    def _prompt(self) -> str:
        """What the library puts before a document."""
        prompts = self._model.prompts
        return next((prompts[name] or "" for name in DOCUMENT_PROMPTS if name in prompts), "")

    @cached_property
    def dimension(self) -> int:
        """Length of a vector."""
        return len(self.encode_question("").vector)

    @property
    def max_tokens(self) -> int:
        """The model's limit; 512 where it states none."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text and the model's document prompt, by its own tokenizer."""
        prompted = [self._prompt + encodable(text) for text in texts]
        encoded = self._model.tokenizer(prompted, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, with the model's own document prompt where it has one."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        readable = [encodable(text) for text in texts]
        vectors = self._model.encode_document(readable, show_progress_bar=False)
        return self._normalized(vectors)

    def encode(self, texts: Sequence[str], passages: int = 0) -> list[Encoding]:
        """Vectors alone: which word pieces make a word differs from model to model."""
        return [Encoding(vector, late_interaction.NO_CODES) for vector in self.embed(texts)]

    def encode_question(self, text: str) -> QuestionEncoding:
        """The vector of a question, with the model's own query prompt where it has one."""
        vectors = self._model.encode_query([encodable(text)], show_progress_bar=False)
        return QuestionEncoding(self._normalized(vectors)[0], late_interaction.NO_WORDS)

    def word_starts(self, text: str) -> list[int]:
        """None: there are no codes of words."""
        return []

    @staticmethod
    def _normalized(vectors: Any) -> Vectors:
        values = np.asarray(vectors, dtype=np.float32)
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        return np.asarray(values / np.maximum(norms, 1e-12), dtype=np.float32)
