"""What an embedder is, and what it gives: vectors of texts, with what is kept of their words.

Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ragqa.embedding import late_interaction

Vectors = npt.NDArray[np.float32]


class Encoding(NamedTuple):
    """What the index keeps of a passage: its vector [dimension], and codes of its words.

    Codes are uint8 [words, bytes] (see `late_interaction`); no rows where the model has none.
    """

    vector: Vectors
    words: late_interaction.Codes


class QuestionEncoding(NamedTuple):
    """What is compared with it: the question's vector [dimension], its words [words, bits]."""

    vector: Vectors
    words: Vectors


class Embedder(Protocol):
    """What the pipeline needs of an embedder. It may be used from several threads."""

    threads: int  # that it uses, where it is its own affair

    @classmethod
    def takes(cls, model: str) -> bool:
        """Whether a name (of the catalogue, a folder, the hub) is one of this kind's models."""

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

    def encode(self, texts: Sequence[str], passages: int = 0) -> list[Encoding]:
        """Vectors and words of passages, in one pass through the model.

        `passages` is how many are encoded in all, as of `load`, where these are some of them.
        """

    def encode_question(self, text: str) -> QuestionEncoding:
        """Vector and words of a question."""

    def word_starts(self, text: str) -> list[int]:
        """Where in a text, which `encode` would not cut, those words begin that it has codes of."""


LoadEmbedder = Callable[[str], Embedder]
