"""The stages in order: the one place that names them all.

folder -> documents -> passages -> embeddings -> store -> retrieval -> prompt -> generation
       -> citations -> Answer
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ragqa import models
from ragqa.embedding import Embedder
from ragqa.errors import DocumentError, IndexDamagedError, NoIndexError, UsageError
from ragqa.indexing import IndexRun, Observer
from ragqa.records import IndexReport
from ragqa.store import IndexWriter, index_exists

LoadEmbedder = Callable[[str], Embedder]


def build_index(
    directory: Path,
    folders: Sequence[Path],
    load_embedder: LoadEmbedder,
    observe: Observer,
    *,
    embedder_model: str = "",
    max_file_bytes: int = 20_000_000,
    wait: float = 0.0,
) -> IndexReport:
    """Bring the index in `directory` up to date with `folders`, or with those that it knows.

    Raises IndexBusyError, IndexDamagedError, UsageError, ModelError, and DocumentError when there
    is nothing readable in a folder; in each case what was indexed before stays.
    """
    with IndexWriter(directory, wait) as writer:
        embedder = matching_embedder(writer.meta, embedder_model, load_embedder)
        run = IndexRun(writer, max_file_bytes)
        run.find(folders or known_folders(writer), observe)
        run.read(embedder, observe)
        if run.has_changed or not writer.vectors_are_intact():
            run.embed(embedder, observe)
            run.publish(embedder)
        report = run.finish()
        require_documents(folders, run, report)
        return report
