"""Late interaction: how well each word of a question is matched by some word of a passage.

A single vector blurs a passage; the vectors of its words, which the embedder makes on the way and
which know their context, keep the details. A question scores by the mean, over its words, of the
best match in the passage (MaxSim: Khattab & Zaharia 2020, "ColBERT", arXiv:2004.12832; here without
training). A passage keeps `BITS` bits a word: the signs of a projection of the word's vector;
the question keeps real numbers (asymmetric binary codes: Gordo et al. 2014, "Asymmetric Distances
for Binary Embeddings"). Knows nothing of texts, models or indexes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.system.files import data_file

Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

# Principal axes of the word vectors of `corpus/`, made by scripts/fit_projection.py.
PROJECTION = "minilm_words.npz"
BITS = 192
BYTES = BITS // 8
NO_CODES: Codes = np.empty((0, BYTES), dtype=np.uint8)
NO_WORDS: Vectors = np.empty((0, BITS), dtype=np.float32)


def fingerprint() -> str:
    """Codes of equal fingerprints can be compared: eight hex digits of the projection's CRC."""
    return f"{zlib.crc32(data_file(PROJECTION).read_bytes()):08x}"


@cache
def _projection() -> tuple[Vectors, Vectors]:
    """Mean [dimension] and axes [dimension, BITS] of word vectors."""
    with np.load(data_file(PROJECTION)) as file:
        return file["mean"].astype(np.float32), file["axes"].astype(np.float32)


def words_of_tokens(tokens: Vectors, starts: npt.NDArray[np.intp]) -> Vectors:
    """Normalized vectors of words, float32 [len(starts), dimension].

    `tokens` [n, dimension] are the vectors of word pieces; `starts` are the first pieces of words.
    """
    if not len(starts):
        return np.empty((0, tokens.shape[1]), dtype=np.float32)
    return _normalized(np.add.reduceat(_normalized(tokens), starts, axis=0))


def codes_of(words: Vectors) -> Codes:
    """What a passage keeps of its words [n, dimension]: uint8 [n, BITS / 8]."""
    mean, axes = _projection()
    return np.packbits((words - mean) @ axes > 0, axis=1)


def projected(words: Vectors) -> Vectors:
    """What a question keeps of its words [n, dimension]: float32 [n, BITS], scaled for `scores`."""
    mean, axes = _projection()
    return _normalized((words - mean) @ axes) / np.float32(BITS**0.5)


def scores(question: Vectors, passages: Sequence[Codes]) -> Vectors:
    """MaxSim of a question [n, BITS] to each passage, float32 [len(passages)], about 0 to 1.

    0 where question or passage has no words.
    """
    found = np.zeros(len(passages), dtype=np.float32)
    filled = [i for i, codes in enumerate(passages) if len(codes)]
    if not filled or not len(question):
        return found
    signs = np.unpackbits(np.concatenate([passages[i] for i in filled]), axis=1)
    # With signs s = 2 b - 1 of bits b, q . s = 2 q . b - sum(q).
    products = 2 * (question @ signs.astype(np.float32).T) - question.sum(1, keepdims=True)
    starts = np.cumsum([0, *(len(passages[i]) for i in filled[:-1])])
    found[filled] = np.maximum.reduceat(products, starts, axis=1).mean(0)
    return found


def _normalized(vectors: npt.NDArray[Any]) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
