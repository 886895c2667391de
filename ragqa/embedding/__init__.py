"""Text -> vectors: the `Embedder` protocol, and which adapter a name means.

The bundled MiniLM runs in onnxruntime, which starts in a third of a second (for many passages in
torch); any other sentence-transformers model runs in that library, which takes seconds to import.
Both load at the first text that they are given, so that an index run with nothing to embed loads
neither. Knows nothing of documents, and of an index only what its `meta` says of its embedder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ragqa import models
from ragqa.embedding.encodings import Encoding, QuestionEncoding, Vectors
from ragqa.embedding.minilm import MiniLM
from ragqa.embedding.sentence_transformer import SentenceTransformerEmbedder
from ragqa.errors import IndexDamagedError

__all__ = [
    "Embedder",
    "Encoding",
    "LoadEmbedder",
    "QuestionEncoding",
    "Vectors",
    "load_embedder",
    "matching_embedder",
]


class Embedder(Protocol):
    """What the pipeline needs of an embedder."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """Name, weights and runtime: vectors of equal fingerprints can be compared."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads of a text, special tokens included."""

    def load(self, passages: int = 0) -> None:
        """Load it now rather than at its first use, perhaps in another thread.

        `passages` is how many will be encoded, where that is known: many may be worth more time.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included, nothing cut off."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Normalized vectors of passages, float32 [len(texts), dimension]."""

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Vectors and words of passages, in one pass through the model."""

    def encode_question(self, text: str) -> QuestionEncoding:
        """Vector and words of a question."""

    def word_starts(self, text: str) -> list[int]:
        """Where in a text, which `encode` would not cut, those words begin that it has codes of."""


LoadEmbedder = Callable[[str], Embedder]


def load_embedder(model: str, threads: int = 0) -> Embedder:
    """The embedder of that catalogue name, folder or hub name (downloaded before).

    Raises UsageError when there is none, ModelError when its files are damaged. The model itself
    is loaded at its first use. `threads` 0 means one for each core.
    """
    if known := models.entry(model, "embedder"):
        return MiniLM(known.name, threads)
    return SentenceTransformerEmbedder(model)


def matching_embedder(meta: Mapping[str, str], wanted: str, load: LoadEmbedder) -> Embedder:
    """The embedder that an index was made with; for a new index the wanted or the bundled one.

    Raises IndexDamagedError when another one is wanted.
    """
    made_with = meta.get("embedder_model", "")
    embedder = load(wanted or made_with or models.BUNDLED_EMBEDDER)
    if "embedder" in meta and embedder.fingerprint != meta["embedder"]:
        raise IndexDamagedError(
            f"the index was made with the embedder {meta['embedder']}, not {embedder.fingerprint}",
            "leave --embedder out, or make another index with --index DIR or -c NAME",
        )
    return embedder
