"""Text -> vectors: which embedders there are, and which one a name means.

To add a kind, write a module with a class as `base.Embedder` has it and name it in `EMBEDDERS`. The
bundled MiniLM runs in onnxruntime, which starts in a third of a second (for many passages in
torch); any other sentence-transformers model runs in that library, which takes seconds to import.
All load at the first text that they are given, so that an index run with nothing to embed loads
none. Knows nothing of documents, and of an index only what its `meta` says of its embedder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from ragqa.errors import IndexDamagedError
from ragqa.models.catalogue import BUNDLED_EMBEDDER

if TYPE_CHECKING:
    from ragqa.embedding.base import Embedder, LoadEmbedder

# The first that takes a name has it.
EMBEDDERS = {
    "minilm": "ragqa.embedding.minilm:MiniLM",
    "sentence_transformer": "ragqa.embedding.sentence_transformer:SentenceTransformerEmbedder",
}
# What their vectors may depend on, in the last bits: names of installed packages.
RUNTIMES = ("onnxruntime", "sentence-transformers")


def load_embedder(model: str, threads: int = 0) -> Embedder:
    """The embedder of that catalogue name, folder or hub name (downloaded before).

    Raises UsageError when there is none, ModelError when its files are damaged. The model itself
    is loaded at its first use. `threads` 0 means one for each core.
    """
    kinds = map(resolve_name, EMBEDDERS.values())
    made: Embedder = next(kind for kind in kinds if kind.takes(model))(model, threads)
    return made


def matching_embedder(meta: Mapping[str, str], wanted: str, load: LoadEmbedder) -> Embedder:
    """The embedder that an index was made with; for a new index the wanted or the bundled one.

    Raises IndexDamagedError when another one is wanted.
    """
    made_with = meta.get("embedder_model", "")
    embedder = load(wanted or made_with or BUNDLED_EMBEDDER)
    if "embedder" in meta and embedder.fingerprint != meta["embedder"]:
        raise IndexDamagedError(
            f"the index was made with the embedder {meta['embedder']}, not {embedder.fingerprint}",
            "leave --embedder out, or make another index with --index DIR or -c NAME",
        )
    return embedder
