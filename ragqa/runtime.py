"""Settings -> the things that a command works with: an updated index, an open session.

Construction only: which embedder, which generator, which directory. Knows nothing of output.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ragqa.embedding import preload as early
from ragqa.errors import IndexBusyError, NoIndexError
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import reader_adapter
from ragqa.settings import Settings, data_directory
from ragqa.store.filters import Filter
from ragqa.system import terminal

if TYPE_CHECKING:
    from ragqa.embedding.base import Embedder
    from ragqa.generators.llama_cpp import LlamaCppGenerator
    from ragqa.pipeline import Session
    from ragqa.records import IndexReport
    from ragqa.retrieval.reranking import Reranker
    from ragqa.store.snapshot import IndexReader

Kept = TypeVar("Kept")
# What a server keeps from one command to the next, one of a kind with its key; None: nothing.
_loaded: dict[str, tuple[object, Any]] | None = None
DOCS_WAIT = 5.0  # seconds that --docs waits for another process that indexes the same folder


def update_index(
    settings: Settings,
    directory: Path,
    folders: Sequence[Path],
    *,
    dry_run: bool = False,
    force: bool = False,
    wait: float = 0.0,
) -> IndexReport:
    """Bring the index in `directory` up to date, with progress on stderr."""
    import tempfile

    from ragqa.pipeline import build_index
    from ragqa.store.layout import index_exists

    with tempfile.TemporaryDirectory() as scratch, terminal.progress() as observe:
        # A dry run must not leave an index where there was none.
        target = Path(scratch) if dry_run and not index_exists(directory) else directory
        return build_index(
            target,
            folders,
            embedder_loader(settings),
            observe,
            embedder_model=_embedder_model(settings),
            max_file_bytes=settings.max_file_mb * 1_000_000,
            wait=wait,
            dry_run=dry_run,
            force=force,
        )


def embedder_loader(settings: Settings) -> Callable[[str], Embedder]:
    """Loads an embedder with the settings' number of threads."""
    from ragqa.embedding import load_embedder

    def load(model: str) -> Embedder:
        threads = settings.threads
        return early.begun(model, threads) or load_embedder(model, threads)

    def kept(model: str) -> Embedder:
        return _kept("embedder", (model, settings.threads), Path(model), lambda: load(model))

    return kept


@contextmanager
def kept_loaded() -> Iterator[dict[str, tuple[object, Any]]]:
    """Within it models and the index stay loaded from one session to the next, while unchanged.

    What is yielded holds them.
    """
    global _loaded
    _loaded = {}
    try:
        yield _loaded
    finally:
        _loaded = None


def _kept(kind: str, wanted: object, file: Path, make: Callable[[], Kept]) -> Kept:
    """What was made the last time, if it is kept, was wanted so, and its file is as it was."""
    if _loaded is None:
        return make()
    key = wanted, _stamp(file)
    if kind not in _loaded or _loaded[kind][0] != key:
        _loaded.pop(kind, None)  # never two of a kind in memory
        _loaded[kind] = key, make()
    made: Kept = _loaded[kind][1]
    return made


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    """Changes when a file, or one in a folder, does; empty where there is none."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.is_file() else []
    return [(str(file), *_size_and_time(file)) for file in files]


def _size_and_time(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


@contextmanager
def _opened(directory: Path) -> Iterator[IndexReader]:
    """An index. Of one that has not changed since the last time, the vectors are there already."""
    from ragqa.store.snapshot import IndexReader

    with IndexReader(directory) as reader:
        if _loaded is not None and reader.generation:
            key = directory, reader.generation
            made = _kept("vectors", key, reader.vector_path, lambda: reader.vector_index)
            reader.vector_index = made
        yield reader


@contextmanager
def _loading(*models: Embedder | LlamaCppGenerator) -> Iterator[None]:
    """Native code loads the models meanwhile; an error comes again where they are used."""
    with ThreadPoolExecutor() as pool:
        for model in models:
            pool.submit(model.load)
        yield


def require_index(directory: Path) -> None:
    """Raises NoIndexError when the directory holds no index."""
    from ragqa.store.layout import index_exists, no_index

    if not index_exists(directory):
        raise no_index(directory)


def docs_directory(folder: Path) -> Path:
    """The index that belongs to a folder given with --docs (its real path)."""
    name = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return data_directory() / ".docs" / name


class Opener:
    """Opens sessions as the settings say; `docs` is a folder with an index of its own.

    `writes` False means that no answer is wanted, so no generator either; `wanted` says which
    documents of the index may be looked at; `calibrated` False leaves the index's calibration out.
    """

    def __init__(
        self,
        settings: Settings,
        docs: Path | None = None,
        writes: bool = True,
        wanted: Filter | None = None,
        calibrated: bool = True,
    ) -> None:
        self._settings = settings
        self._calibrated = calibrated
        self._wanted = wanted
        self._docs = docs
        self._writes = writes
        self._made: LlamaCppGenerator | None = None
        self._ranks: Reranker | None = None

    @contextmanager
    def open(self, index: bool | None = True) -> Iterator[Session]:
        """A session with an index, without one (False), or with one if there is one (None).

        Raises NoIndexError, IndexDamagedError, UsageError and ModelError.
        """
        from ragqa.embedding import matching_embedder

        warnings = self._update_docs() if index is not False else []
        with self._reader(index) as reader:
            load, meta = embedder_loader(self._settings), reader.meta if reader else {}
            embedder = matching_embedder(meta, _embedder_model(self._settings), load)
            model = self._model()
            with _loading(*[one for one in (embedder, model) if one]):
                made = self._session(embedder, reader, model)
            made.warnings.extend(warnings)
            if reader and self._calibrated and self._writes:
                self._calibrate(made, reader.directory)
            made.opened_at = time.perf_counter()
            yield made

    @contextmanager
    def _reader(self, index: bool | None) -> Iterator[IndexReader | None]:
        """The index, if one is wanted; a default one may be absent, one that was named may not."""
        from ragqa.store.layout import index_exists

        directory, unnamed = self._directory(), not self._docs and not self._settings.names_index
        if index is False or (index is None and unnamed and not index_exists(directory)):
            yield None
            return
        with _opened(directory) as reader:
            if index:
                self._require_passages(reader)
            yield reader

    def _session(
        self, embedder: Embedder, reader: IndexReader | None, model: LlamaCppGenerator | None
    ) -> Session:
        from ragqa.pipeline import Session

        settings, reads = self._settings, self._answer_mode() == "read"
        made = Session(
            embedder,
            reader,
            None if reads else model,
            settings.k,
            settings.max_tokens,
            reranker=self._reranker(),
            span_model=model if reads else None,
            threshold=settings.threshold,
        )
        if reader:
            reader.settle()
            made.allowed = reader.allowed(self._wanted) if self._wanted else None
        return made

    def _directory(self) -> Path:
        return docs_directory(self._docs) if self._docs else self._settings.index_directory

    def _answer_mode(self) -> str:
        """`generate`, `read` or `extract`.

        The bundled model points at words better than it writes (measure it with `ragqa eval`); one
        that the user has chosen is taken to be better.
        """
        if self._settings.answer != "auto":
            return self._settings.answer
        return "read" if self._settings.origins.get("model") == "default" else "generate"

    def _model(self) -> LlamaCppGenerator | None:
        """The model that writes or reads, for all sessions; None for whole sentences."""
        mode, settings = self._answer_mode(), self._settings
        if not self._writes or mode == "extract":
            return None
        if self._made is None:
            from ragqa.generators.llama_cpp import LlamaCppGenerator

            adapter = reader_adapter() if mode == "read" else None
            name = BUNDLED_GENERATOR if mode == "read" else settings.model
            wanted = name, settings.context_tokens, settings.threads, adapter
            self._made = _kept(
                "model", wanted, Path(name), lambda: LlamaCppGenerator(*wanted, _tell_of_preparing)
            )
        return self._made

    def _calibrate(self, session: Session, directory: Path) -> None:
        """Give a session the calibration of its index, whose threshold yields to the user's."""
        from ragqa.answering.calibration import load_calibration, model_names

        names = model_names(session.embedder, session.model, session.reranker)
        session.calibration = load_calibration(directory, names, session.warnings.append)
        if session.calibration and self._settings.origins.get("threshold") == "default":
            session.threshold = session.calibration.threshold

    def _reranker(self) -> Reranker | None:
        """One for all sessions, loaded at its first use."""
        if self._settings.reranker and self._ranks is None:
            from ragqa.retrieval.reranking import CrossEncoderReranker

            name = self._settings.reranker
            self._ranks = _kept("reranker", name, Path(name), lambda: CrossEncoderReranker(name))
        return self._ranks

    def _update_docs(self) -> list[str]:
        """Index the folder of --docs; when another process is at it, say so and go on."""
        if self._docs is None:
            return []
        directory = self._directory()
        try:
            report = update_index(self._settings, directory, [self._docs], wait=DOCS_WAIT)
        except IndexBusyError as error:
            from ragqa.store.layout import index_exists

            if not index_exists(directory):
                raise
            return [f"{error.message}; this answer is from the index as it was before"]
        failed = len(report.failed)
        return [f"{failed} files in {self._docs} could not be read"] if failed else []

    def _require_passages(self, reader: IndexReader) -> None:
        if reader.counts()[1] == 0:
            raise NoIndexError(
                f"the index in {reader.directory} is empty", "run: ragqa index FOLDER"
            )


def _tell_of_preparing() -> None:
    """Whoever looks on would wonder; a script is told nothing."""
    if terminal.is_terminal(sys.stderr):
        terminal.say("making the reader's weights ready for this processor, once: some ten seconds")


def _embedder_model(settings: Settings) -> str:
    """The embedder that was asked for; folders as absolute paths, so that an index finds them."""
    path = Path(settings.embedder).expanduser()
    return str(path.resolve()) if settings.embedder and path.is_dir() else settings.embedder
