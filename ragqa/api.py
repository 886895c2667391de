"""The public Python interface: documents, their index, and answers from them.

    from ragqa import api

    collection = api.open_collection("notes-index")
    collection.index(["~/notes"])
    for hit in collection.search("rotary embeddings"):
        print(hit.path, hit.passage.lines)
    answer = collection.ask("What does self-attention do?")
    print(answer.state, answer.text, answer.citations)

A `Collection` may be used from several threads: each call reads the index as it is then, and the
models of all of them lie in one `Runtime`. The commands use it, too. Knows nothing of terminals.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragqa.errors import IndexBusyError, NoIndexError, RagqaError
from ragqa.records import Answer, GivenText, Hit, IndexReport
from ragqa.runtime import Runtime, embedder_key
from ragqa.settings import Settings, data_directory, load_settings
from ragqa.store.filters import Filter
from ragqa.system.files import stamp_of

if TYPE_CHECKING:
    from ragqa.answering.compose import Progress
    from ragqa.embedding.base import Embedder
    from ragqa.indexing import Observer
    from ragqa.pipeline import Session
    from ragqa.retrieval.rerankers.base import Reranker
    from ragqa.store.base import Index, Snapshot

__all__ = [
    "Answer",
    "Collection",
    "Filter",
    "GivenText",
    "Hit",
    "IndexReport",
    "RagqaError",
    "Runtime",
    "Settings",
    "open_collection",
]
DOCS_WAIT = 5.0  # seconds that --docs waits for another process that indexes the same folder


def open_collection(
    index: Path | str | None = None,
    *,
    docs: Path | str | None = None,
    runtime: Runtime | None = None,
    **settings: Any,
) -> Collection:
    """The collection whose index lies in that directory; without one, that of the settings.

    (`collection="work"` is the one that the commands call `-c work`.)

    `docs` is a folder with an index of its own, which each question brings up to date. `settings`
    are those of `ragqa.settings.Settings`, such as `k=8` or `model="my.gguf"`; what is
    not given comes from the environment and the user's config file. Collections with one `runtime`
    share their models. There need not be an index yet. Raises UsageError.
    """
    flags = {**settings, "index": None if index is None else str(index)}
    folder = None if docs is None else Path(docs).expanduser().resolve()
    return Collection(load_settings(flags), runtime, folder)


class Collection:
    """Documents with their index, and the models that answer from it, as the settings say.

    `docs` is a folder with an index of its own, which is brought up to date before each session.
    `progress` gives an observer of a run of `index`; `on_preparing` is told when a model is made
    ready for this processor, which takes some seconds once.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime | None = None,
        docs: Path | None = None,
        progress: Callable[[], AbstractContextManager[Observer]] | None = None,
        on_preparing: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.runtime = runtime or Runtime()
        self._docs = docs
        self._progress = progress or (lambda: nullcontext(lambda *_: None))
        self._on_preparing = on_preparing

    @property
    def directory(self) -> Path:
        """Where the index lies."""
        return docs_directory(self._docs) if self._docs else self.settings.index_directory

    @property
    def _index(self) -> Index:
        from ragqa.store import index_at

        return index_at(self.directory)

    # Indexing ------------------------------------------------------------------------------

    def index(
        self,
        folders: Sequence[Path | str] | Path | str = (),
        *,
        dry_run: bool = False,
        force: bool = False,
        wait: float = 0.0,
    ) -> IndexReport:
        """Bring the index up to date with folders (or one), or with those that it knows.

        `dry_run` only tells what would be done, `force` reads every file anew, `wait` is for how
        many seconds another process may hold the index. Raises what `pipeline.build_index` raises.
        """
        from tempfile import TemporaryDirectory

        from ragqa.pipeline import build_index
        from ragqa.store import index_at

        named = [folders] if isinstance(folders, str | Path) else folders
        with ExitStack() as stack:
            target = self._index
            if dry_run and not target.exists():  # it must not leave an index where there was none
                target = index_at(Path(stack.enter_context(TemporaryDirectory())))
            observe = stack.enter_context(self._progress())
            return build_index(
                target,
                [self._resolved(folder) for folder in named],
                self.load_embedder,
                observe,
                embedder_model=self._wanted_embedder,
                max_file_bytes=self.settings.max_file_mb * 1_000_000,
                wait=wait,
                dry_run=dry_run,
                force=force,
            )

    def _resolved(self, folder: Path | str) -> Path:
        """The real path of a folder."""
        return (self.settings.directory / Path(folder).expanduser()).resolve()

    def forget(self, folder: Path | str) -> int:
        """Take a folder's documents out of the index; how many they were.

        Raises NoIndexError, and UsageError when the index does not know the folder.
        """
        from ragqa import pipeline
        from ragqa.errors import no_index

        if not self._index.exists():
            raise no_index(self.directory)
        return pipeline.forget(self._index, self._resolved(folder), self.load_embedder)

    def status(self) -> dict[str, Any]:
        """The state of the index, as JSON holds it; no model is loaded.

        Raises NoIndexError and IndexDamagedError.
        """
        from ragqa.answering.calibration import kept_threshold

        with self._index.snapshot() as snapshot:
            documents, passages = snapshot.counts()
            return {
                "index": str(self.directory),
                "generation": snapshot.generation,
                "folders": snapshot.folders(),
                "documents": documents,
                "passages": passages,
                "failed": [{"path": p, "reason": reason} for p, reason in snapshot.failed()],
                "warnings": [{"path": p, "warning": text} for p, text in snapshot.warnings()],
                "encodings": dict(snapshot.text_encodings()),
                "guessed_encodings": [
                    {"path": p, "encoding": name} for p, name in snapshot.guessed_encodings()
                ],
                "models": {
                    "embedder": snapshot.meta.get("embedder"),
                    "generator": self.settings.model,
                },
                "bytes": snapshot.sizes(),
                "last_run": snapshot.last_run(),
                "calibrated_threshold": kept_threshold(self.directory),
            }

    def _update_docs(self) -> list[str]:
        """Index the folder of `docs`; when another process is at it, say so and go on."""
        if self._docs is None:
            return []
        try:
            report = self.index([self._docs], wait=DOCS_WAIT)
        except IndexBusyError as error:
            if not self._index.exists():
                raise
            return [f"{error.message}; this answer is from the index as it was before"]
        failed = len(report.failed)
        return [f"{failed} files in {self._docs} could not be read"] if failed else []

    # Asking --------------------------------------------------------------------------------

    def search(self, query: str, only: Filter | None = None) -> list[Hit]:
        """The passages that fit a query, best first; of the documents that `only` lets through.

        Raises NoIndexError, IndexDamagedError, UsageError and ModelError.
        """
        with self.session(only=only, writes=False) as session:
            return session.search(session.query(query))

    def ask(
        self,
        question: str,
        given: Sequence[GivenText] = (),
        only: Filter | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """The answer to a question, with citations: from the index, from `given` texts, or both.

        An answer that still holds is given again. Raises as `search` does.
        """
        from ragqa import pipeline

        with self.session(None if given else True, only=only, remembers=True) as session:
            return pipeline.ask(question, session, given, progress)

    @contextmanager
    def session(
        self,
        index: bool | None = True,
        *,
        only: Filter | None = None,
        writes: bool = True,
        calibrated: bool = True,
        remembers: bool = False,
    ) -> Iterator[Session]:
        """For many questions on one snapshot: `pipeline.ask(question, session)`.

        A session belongs to one thread; each may open its own.

        With an index, without one (False), or with one if there is one (None). `writes` False means
        that no answer is wanted, so no model either; `calibrated` False leaves the calibration of
        the index out; `remembers` gives answers again, and keeps them.
        """
        from ragqa.embedding import matching_embedder

        warnings = self._update_docs() if index is not False else []
        with self._snapshot(index) as snapshot:
            meta = snapshot.meta if snapshot else {}
            embedder = matching_embedder(meta, self._wanted_embedder, self.load_embedder)
            model = self._model() if writes else None
            made = self._session(embedder, snapshot, model, only or Filter())
            made.warnings.extend(warnings)
            if snapshot and calibrated and writes:
                self._calibrate(made, snapshot.directory)
            if remembers:
                from ragqa.circumstances import earlier_answers

                made.answers = earlier_answers(made)
            made.opened_at = time.perf_counter()
            yield made

    @contextmanager
    def _snapshot(self, index: bool | None) -> Iterator[Snapshot | None]:
        """The index, if one is wanted; a default one may be absent, one that was named may not."""
        unnamed = not self._docs and not self.settings.names_index
        if index is False or (index is None and unnamed and not self._index.exists()):
            yield None
            return
        with self._index.snapshot(self.runtime.keep) as snapshot:
            if index and snapshot.counts()[1] == 0:
                raise NoIndexError(
                    f"the index in {self.directory} is empty", "run: ragqa index FOLDER"
                )
            yield snapshot

    def _session(
        self,
        embedder: Embedder,
        snapshot: Snapshot | None,
        model: Any,
        only: Filter,
    ) -> Session:
        from ragqa.pipeline import Session

        settings, points = self.settings, self.settings.answer_mode == "read"
        made = Session(
            embedder,
            snapshot,
            None if points else model,
            settings.k,
            settings.max_tokens,
            reranker=self._reranker(),
            span_model=model if points else None,
            threshold=settings.threshold,
            settings=settings,
            only=only,
            on_preparing=self._on_preparing,
        )
        if snapshot:
            snapshot.settle()
            made.allowed = snapshot.allowed(only) if only else None
        return made

    def _calibrate(self, session: Session, directory: Path) -> None:
        """Give a session the calibration of its index, whose threshold yields to the user's."""
        from ragqa.answering.calibration import is_kept, load_calibration, model_names

        if not is_kept(directory):
            return  # asking for the models' names takes a tenth of the time until an answer
        names = model_names(session.embedder, session.model, session.reranker)
        session.calibration = load_calibration(directory, names, session.warnings.append)
        if session.calibration and self.settings.origins.get("threshold") == "default":
            session.threshold = session.calibration.threshold

    # Models --------------------------------------------------------------------------------

    def load_embedder(self, model: str) -> Embedder:
        """The embedder of that name, from the runtime, with the settings' number of threads."""
        from ragqa.embedding import load_embedder

        threads = self.settings.threads
        embedder = self.runtime.keep(
            "embedder", embedder_key(model), lambda: load_embedder(model, threads)
        )
        embedder.threads = threads or os.cpu_count() or 1  # not those of who asked before
        return embedder

    @property
    def _wanted_embedder(self) -> str:
        """The one that was asked for; folders as absolute paths, so that an index finds them."""
        path = Path(self.settings.located("embedder"))
        return str(path) if path.is_dir() and path.is_absolute() else self.settings.embedder

    def _model(self) -> Any:
        """The model that writes, or points at words; None where nothing is marked."""
        from ragqa import generators

        mode, settings = self.settings.answer_mode, self.settings
        if mode == "extract":
            return None
        size, threads = settings.context_tokens, settings.threads
        if mode == "read":
            return self.runtime.keep(
                "model",
                ("read", size, threads),
                lambda: generators.load_span_model(size, threads),
            )
        file = settings.directory / Path(settings.model).expanduser()
        # A link to a model goes by its own name, and no folder hides a model of the catalogue.
        name = str(file) if file.is_file() else settings.model
        return self.runtime.keep(
            "model",
            (name, size, threads, stamp_of(file) if file.is_file() else None),
            lambda: generators.load_generator(settings.model, size, threads, settings.directory),
        )

    def _reranker(self) -> Reranker | None:
        from ragqa.retrieval.rerankers import load_reranker

        if not self.settings.reranker:
            return None
        folder = self.settings.located("reranker")
        return self.runtime.keep(
            "reranker",
            (self.settings.reranker, stamp_of(Path(folder))),
            lambda: load_reranker(folder, self.settings.reranker),
        )


def docs_directory(folder: Path) -> Path:
    """The index that belongs to a folder given with --docs (its real path)."""
    name = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return data_directory() / ".docs" / name
