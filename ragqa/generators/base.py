"""What a model that writes is, and one that is asked token by token. Knows no library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]


class Message(NamedTuple):
    """What one side of a conversation says."""

    role: Literal["system", "user", "assistant"]
    text: str


class Generator(Protocol):
    """What the pipeline needs of a generator. It may be used from several threads."""

    @classmethod
    def takes(cls, model: str) -> bool:
        """Whether a name (of the catalogue, a file, an address) is one of this kind's models."""

    @property
    def name(self) -> str:
        """The model's name."""

    def identity(self) -> dict[str, str]:
        """Name and hashes, for receipts and caches: equal where it gives the same answers."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""

    def load(self) -> None:
        """Load it now rather than at its first use, perhaps in another thread."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""

    def stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        """What it says next, piece by piece; greedy, at most `max_tokens` tokens."""


class TokenModel(Protocol):
    """What pointing at words needs of a language model: its scores, token by token."""

    @property
    def name(self) -> str:
        """The model's name."""

    def identity(self) -> dict[str, str]:
        """As of a generator."""

    def load(self, on_preparing: Callable[[], None] = lambda: None) -> None:
        """As of a generator; `on_preparing` is told where that takes longer, once."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Held while one text is read: what was read of it is kept in the model."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, control tokens in it taken as plain text."""

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token stands for, in UTF-8; together they are the text."""

    def end_token(self) -> int:
        """The token that ends an answer."""

    def logits(self, tokens: Sequence[int], past: int, last: int = 1) -> Scores:
        """Scores of all that may follow each of the `last` tokens: [last, vocabulary].

        `past` is how many tokens were read before these in the same text.
        """
