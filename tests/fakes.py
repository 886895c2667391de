"""Deterministic stand-ins for the models, for tests of everything around them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from ragqa.embedding.base import Encoding, QuestionEncoding
from ragqa.embedding.late_interaction import BITS, BYTES
from ragqa.generators.base import Message


class FakeEmbedder:
    """A text's vector counts its words, hashed into 64 places; a word's code is its hash.

    Remembers what it was given.
    """

    dimension = 64
    threads = 1

    @classmethod
    def takes(cls, model: str) -> bool:
        return model == "fake"

    def __init__(self, name: str = "fake", max_tokens: int = 64) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self.fingerprint = f"{name}@0/fake"
        self.embedded: list[str] = []
        self.loaded_for: list[int] = []

    def load(self, passages: int = 0) -> None:
        self.loaded_for.append(passages)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words, plus one special token at each end."""
        return [len(re.findall(r"\w+|[^\w\s]", text)) + 2 for text in texts]

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += texts
        return np.stack([self._vector(text) for text in texts])

    def encode(self, texts: Sequence[str], passages: int = 0) -> list[Encoding]:
        codes = [[_code(word) for word in _words(text)] for text in texts]
        return [
            Encoding(vector, np.array(words, dtype=np.uint8).reshape(-1, BYTES))
            for vector, words in zip(self.embed(texts), codes, strict=True)
        ]

    def encode_question(self, text: str) -> QuestionEncoding:
        bits = np.unpackbits(np.array([_code(w) for w in _words(text)], dtype=np.uint8), axis=-1)
        words = (bits.reshape(-1, BITS).astype(np.float32) * 2 - 1) / BITS
        return QuestionEncoding(self._vector(text), words)

    def word_starts(self, text: str) -> list[int]:
        return [word.start() for word in re.finditer(r"\w+", text)]

    def _vector(self, text: str) -> np.ndarray:
        vector = np.full(self.dimension, 1e-3, dtype=np.float32)
        for word in _words(text):
            vector[
                int(hashlib.sha256(word.encode("utf-8", "replace")).hexdigest(), 16)
                % self.dimension
            ] += 1
        return vector / np.linalg.norm(vector)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _code(word: str) -> list[int]:
    """Bits that are the word's alone: it matches itself with 1, other words with about 0."""
    return list(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:BYTES])


class FakeReranker:
    """Scores by the number of question words in a text. Remembers what it was given."""

    name = "fake-reranker"

    @classmethod
    def takes(cls, model: str) -> bool:
        return model == "fake-reranker"

    def identity(self) -> dict[str, str]:
        return {"name": self.name, "sha256": "0"}

    def __init__(self) -> None:
        self.read: list[tuple[str, list[str]]] = []

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        self.read.append((question, list(texts)))
        wanted = set(_words(question))
        counts = [len(wanted.intersection(_words(text))) for text in texts]
        return np.array(counts, dtype=np.float32)


class FakeGenerator:
    """Says what it was told to say, a few characters at a time. Remembers its messages."""

    def __init__(self, answer: str, context_tokens: int = 1000, name: str = "fake-gguf") -> None:
        self.name = name
        self.answer = answer
        self.context_tokens = context_tokens
        self.messages: list[str] = []

    @classmethod
    def takes(cls, model: str) -> bool:
        return model == "fake-gguf"

    def identity(self) -> dict[str, str]:
        return {"name": self.name, "sha256": "0"}

    def load(self) -> None:
        """It is there."""

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        self.messages += [message.text for message in messages]
        for start in range(0, len(self.answer), 7):
            yield self.answer[start : start + 7]


class FakeSpanModel:
    """Wants to say what it was told to; a token is a word with the space before it, or a sign.

    Remembers what it was asked. `p_refused` is how sure it is that nothing answers.
    """

    name = "fake-reader"
    context_tokens = 4096
    _size = 5000

    def __init__(self, wish: str, p_refused: float = 0.1) -> None:
        self._vocabulary: dict[str, int] = {"<end>": 0}
        self._wish = [*self.encode(wish), 0]
        self._p_refused = p_refused
        self._read = 0
        self.prompts: list[str] = []

    def load(self, on_preparing: Callable[[], None] = lambda: None) -> None:
        """There is nothing to load."""

    def identity(self) -> dict[str, str]:
        return {"name": self.name, "sha256": "0"}

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()

    def encode(self, text: str) -> list[int]:
        words = re.findall(r" ?[^\W\d]+| ?\d| ?[^\w\s]|\s", text)
        return [self._vocabulary.setdefault(word, len(self._vocabulary)) for word in words]

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        words = list(self._vocabulary)
        return [words[token].encode() for token in tokens]

    def end_token(self) -> int:
        return 0

    def logits(self, tokens: Sequence[int], past: int, last: int = 1) -> np.ndarray:
        if past == 0:  # the prompt, and where the answer starts
            self.prompts.append(b"".join(self.pieces(tokens[: -last + 1 or None])).decode())
            self._read = len(tokens) - last + 1
        end = past + len(tokens) - self._read
        return np.stack([self._scores(said) for said in range(end - last + 1, end + 1)])

    def _scores(self, said: int) -> np.ndarray:
        """What it would say after so many tokens of its answer."""
        scores = np.zeros(self._size, dtype=np.float32)
        if said == 0:
            refusal = self.encode("Not in the documents.")[0]
            scores[refusal] = np.log(self._p_refused / (1 - self._p_refused))
        else:
            scores[self._wish[said] if said < len(self._wish) else 0] = 50.0
        return scores
