"""Writes ragqa/data/minilm_words.npz: what turns MiniLM's word vectors into short binary codes.

    python scripts/fit_projection.py

The mean and the first `BITS` principal axes of the word vectors of the notes in `corpus/` (no
other data), rotated at random from a fixed seed, so that every axis carries as much as the others
and one bit is right for each (Jegou et al. 2010, "Aggregating local descriptors into a compact
image representation", do the same before they quantize).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ragqa.documents import read_document
from ragqa.documents.folder import find_documents
from ragqa.documents.passages import split
from ragqa.embedding import late_interaction
from ragqa.embedding.minilm import MiniLM
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.system.files import data_file

CORPUS = Path(__file__).parent.parent / "corpus"


def main() -> None:
    """Embed the notes, find the axes, save."""
    embedder = MiniLM(BUNDLED_EMBEDDER)
    words = np.concatenate([embedder.vector_and_words(text)[1] for text in texts(embedder)])
    mean = words.mean(0)
    values, axes = np.linalg.eigh(np.cov((words - mean).T))
    order = np.argsort(-values)[: late_interaction.BITS]
    print(f"{len(words):,} words; variance kept: {values[order].sum() / values.sum():.3f}")
    square = np.random.default_rng(0).standard_normal((len(order), len(order)))
    rotation, _ = np.linalg.qr(square)
    np.savez_compressed(
        data_file(late_interaction.PROJECTION),
        mean=mean.astype(np.float16),
        axes=(axes[:, order] @ rotation).astype(np.float16),
    )


def texts(embedder: MiniLM) -> list[str]:
    """The passages of the notes."""
    documents = [read_document(f.path, f.path.read_bytes()) for f in find_documents(CORPUS)]
    passages = [p for d in documents for p in split(d, embedder.count_tokens, embedder.max_tokens)]
    return [passage.embedded_text for passage in passages]


if __name__ == "__main__":
    main()
