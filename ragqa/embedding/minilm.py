"""The bundled embedder, all-MiniLM-L6-v2: tokens, batches, and the words that tokens make.

Loads at the first text that it is given. Knows nothing of the arithmetic, which is a runtime's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from ragqa.embedding import late_interaction
from ragqa.embedding.base import Encoding, QuestionEncoding, Vectors
from ragqa.embedding.minilm_runtimes import Bfloat16Torch, Ids, OnnxGraph
from ragqa.models.catalogue import entry
from ragqa.models.local import embedder_folder, embedder_hash
from ragqa.system.cpu import BlasLimit, multiplies_bf16
from ragqa.text.surrogates import encodable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Made = TypeVar("Made")
Runtime = OnnxGraph | Bfloat16Torch
TokenIds = list[int]
Places = npt.NDArray[np.intp]
SEP = 102
# Small batches of like length stay in the processor's cache: 8 is faster than 32 or 64.
BATCH = 8
# Passages in one run of `index` from which on importing torch pays, if they are not very short.
MANY = 500
SHARE = 4  # batches that each thread has at least, where there are texts enough


class MiniLM:
    """all-MiniLM-L6-v2: our code of it, the weights of the package that carries them.

    Vectors of both its runtimes can be compared, and go by the name of the first.
    """

    dimension = 384
    max_tokens = 256

    @classmethod
    def takes(cls, model: str) -> bool:
        """Embedders of the catalogue: it is the only one there."""
        return entry(model, "embedder") is not None

    def __init__(self, model: str, threads: int = 0) -> None:
        known = entry(model, "embedder")
        self.name = name = known.name if known else model
        self.threads = threads or os.cpu_count() or 1
        self._folder = embedder_folder(name)
        self._weights = self._folder / "model.safetensors"
        self._loading, self._one_blas_thread = Lock(), BlasLimit()
        self._pieces: dict[int, tuple[bool, bool]] = {}  # those that were met so far
        runtime = f"onnxruntime+words-{late_interaction.fingerprint()}"
        self.fingerprint = f"{name}@{embedder_hash(name)[:16]}/{runtime}"

    def load(self, passages: int = 0) -> None:
        """Load tokenizer and graph; for many passages what encodes them faster, if this can."""
        with self._loading:
            _ = self._tokenizer, self._runtime(passages)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _graph(self) -> OnnxGraph:
        return OnnxGraph(self._weights)

    @cached_property
    def _for_many(self) -> Runtime:
        """torch, where it works and the processor multiplies bfloat16; else the graph will do."""
        with suppress(ImportError, OSError, RuntimeError):
            if multiplies_bf16():
                return Bfloat16Torch(self._weights, self.threads)
        return self._graph

    def _runtime(self, texts: int) -> Runtime:
        """What computes that many texts soonest, loaded."""
        return self._for_many if texts >= MANY else self._graph

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        encoded = self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        return [len(item.ids) for item in encoded]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors in the order of `texts`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        runtime = self._runtime(len(texts))
        for batch, found in self._in_batches(self._tokenized(texts), runtime, _vectors_alone):
            vectors[batch] = found
        return vectors

    def encode(self, texts: Sequence[str], passages: int = 0) -> list[Encoding]:
        """Vectors and word codes in the order of `texts`, which are of so many passages in all."""

        def encodings(batch: list[TokenIds], vectors: Vectors, tokens: Vectors) -> list[Encoding]:
            words = map(self._words, batch, tokens)
            return list(map(Encoding, vectors, map(late_interaction.codes_of, words)))

        encoded: dict[int, Encoding] = {}
        runtime = self._runtime(max(passages, len(texts)))
        for batch, made in self._in_batches(self._tokenized(texts), runtime, encodings):
            encoded.update(zip(batch, made, strict=True))
        return [encoded[i] for i in range(len(texts))]

    def _in_batches(
        self,
        tokenized: Sequence[TokenIds],
        runtime: Runtime,  # loaded, by one thread
        finish: Callable[[list[TokenIds], Vectors, Vectors], Made],
    ) -> Iterator[tuple[list[int], Made]]:
        """Places of texts of like length, with what `finish` makes of their vectors and tokens'.

        Each core runs batches of its own: a fifth faster than all cores at one batch.
        """

        def run(places: list[int]) -> Made:
            batch = [tokenized[i] for i in places]
            return finish(batch, *runtime.run(*_padded(batch)))

        batches = list(_batches(tokenized, self.threads))
        with self._one_blas_thread, ThreadPoolExecutor(self.threads) as pool:
            yield from zip(batches, pool.map(run, batches), strict=True)

    def encode_question(self, text: str) -> QuestionEncoding:
        """The same of a question: MiniLM has no prompts, it is one more text."""
        vector, words = self.vector_and_words(text)
        return QuestionEncoding(vector, late_interaction.projected(words))

    def vector_and_words(self, text: str) -> tuple[Vectors, Vectors]:
        """The vector [dimension] of a text, and those of its words [words, dimension]."""
        (tokenized,) = self._tokenized([text])
        vectors, tokens = self._graph.run(*_padded([tokenized]))
        return vectors[0], self._words(tokenized, tokens[0])

    def _tokenized(self, texts: Sequence[str]) -> list[TokenIds]:
        """Token ids of each text, cut to what the model reads."""
        tokenized = [
            item.ids[: self.max_tokens]
            for item in self._tokenizer.encode_batch_fast([encodable(text) for text in texts])
        ]
        for ids in tokenized:
            ids[-1] = SEP  # which cutting may have removed
        return tokenized

    def word_starts(self, text: str) -> list[int]:
        """Where the words begin, in characters."""
        found = self._tokenizer.encode(encodable(text))
        kept, starts = self._word_pieces(found.ids)
        return [found.offsets[piece][0] for piece in kept[starts]]

    def _words(self, ids: TokenIds, tokens: Vectors) -> Vectors:
        """The vectors of a text's words [n, dimension]."""
        kept, starts = self._word_pieces(ids)
        return late_interaction.words_of_tokens(tokens[kept], starts)

    def _word_pieces(self, ids: TokenIds) -> tuple[Places, Places]:
        """The pieces that are of words, not punctuation, and which of them begin one."""
        visible, continues = np.array([self._piece(number) for number in ids]).T
        kept = np.flatnonzero(visible)
        # A piece that goes on with a word belongs to the piece just before it.
        begins = ~continues[kept] | (np.diff(kept, prepend=-1) > 1)
        return kept, np.flatnonzero(begins)

    def _piece(self, number: int) -> tuple[bool, bool]:
        """Of a piece of the vocabulary: has it a letter or digit, does it go on with a word?"""
        if number not in self._pieces:
            piece = self._tokenizer.id_to_token(number) or ""
            # "[UNK]", for an emoji say, and its like are no words: all unknown ones would match.
            visible = any(map(str.isalnum, piece)) and not piece.startswith("[")
            self._pieces[number] = visible, piece.startswith("##")
        return self._pieces[number]


def _vectors_alone(batch: list[TokenIds], vectors: Vectors, tokens: Vectors) -> Vectors:
    return vectors


def _padded(batch: list[TokenIds]) -> tuple[Ids, Ids]:
    """Token ids and mask of a batch, int64 [len(batch), the longest]."""
    ids = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def _batches(tokenized: Sequence[TokenIds], threads: int) -> Iterator[list[int]]:
    """Places of texts of like length, at most `BATCH` at a time, some for each thread.

    Long ones come first, so that all threads end at about the same time.
    """
    order = sorted(range(len(tokenized)), key=lambda i: -len(tokenized[i]))
    size = max(1, min(BATCH, len(order) // (SHARE * threads)))
    for start in range(0, len(order), size):
        yield order[start : start + size]
