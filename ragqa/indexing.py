"""One run of `index`: which files changed, what is in them, which passages need a vector.

The steps are called in order by `pipeline.build_index`. Change detection looks at size and
modification time first and at the content's hash where these differ. Knows nothing of questions.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ragqa.documents import read_document
from ragqa.documents.folder import FoundFile, find_documents
from ragqa.documents.passages import split
from ragqa.embedding.base import Embedder
from ragqa.errors import DocumentError
from ragqa.records import FailedFile, IndexReport
from ragqa.store.base import FileFacts, Snapshot, StoredDocument, Writer

# Told to whoever shows progress: what is being done, how much of it is done, how much there is.
Observer = Callable[[str, int, int], None]

EMBED_BATCH = 256  # passages between two commits to the cache: some ten seconds of work
# A file written within this time of being read may change again without a new time stamp.
RACY_NS = 2_000_000_000
RETRIED = -1  # the time of a file that the next run is to look at again


class IndexRun:
    """Counts what a run does to the index behind `writer`, in `directory`.

    `force` reads every file anew, as if all had changed.
    """

    def __init__(
        self, writer: Writer, directory: Path, max_file_bytes: int, force: bool = False
    ) -> None:
        self._writer = writer
        self._directory = directory
        self._max_file_bytes = max_file_bytes
        self._force = force
        self._started = time.monotonic()
        self._known = writer.documents()
        self._found: dict[Path, FoundFile] = {}
        self._scanned: list[Path] = []
        self._gone: list[Path] = []
        self.added = self.changed = self.moved = self.removed = self.unchanged = 0
        self.embedded = 0
        self.lost = 0  # documents whose new content cannot be read
        self.warnings: list[str] = []

    @property
    def has_changed(self) -> bool:
        """True when there is something to publish."""
        return bool(self.added or self.changed or self.moved or self.removed or self.lost)

    def find(self, folders: Iterable[Path], observe: Observer) -> None:
        """Look for documents in these folders and in the known ones inside them."""
        index_directory = self._directory.resolve()
        for folder in self._with_inner(folders):
            if not folder.is_dir() or self._is_emptied(folder):
                self._gone.append(folder)
                self.warnings.append(
                    f"{folder} is gone or empty; its documents stay in the index"
                    f" (to remove them: ragqa forget {folder})"
                )
                continue
            self._scanned.append(folder)
            self._writer.add_folder(str(folder))
            may_hold_index = folder.is_relative_to(index_directory) or (
                index_directory.is_relative_to(folder)
            )
            for file in find_documents(folder):
                if not (may_hold_index and file.path.is_relative_to(index_directory)):
                    self._found[file.path] = file
                    observe("finding documents", len(self._found), 0)

    def _is_emptied(self, folder: Path) -> bool:
        """True for a folder without any entry that had documents: a disk that is not mounted."""
        had = any(Path(path).is_relative_to(folder) for path in self._known)
        return had and next(folder.iterdir(), None) is None

    def _with_inner(self, folders: Iterable[Path]) -> list[Path]:
        """A folder that was named in its own right may be hidden from the walk of an outer one."""
        named = set(folders)
        known = map(Path, self._writer.folders())
        return sorted(named.union(f for f in known if not named.isdisjoint(f.parents)))

    def read(self, embedder: Embedder, observe: Observer) -> None:
        """Read what is new or changed and stage its passages; drop what is no longer there."""
        missing = self._missing()
        moved_from: dict[str, list[str]] = {}
        for path in missing:
            if self._known[path].has_text:
                moved_from.setdefault(self._known[path].sha256, []).append(path)
        for number, file in enumerate(self._found.values()):
            observe("reading", number, len(self._found))
            self._read_file(file, embedder, moved_from)
        for path in missing:
            self._writer.remove(path)
        self.removed = sum(map(len, moved_from.values()))
        observe("reading", len(self._found), len(self._found))

    def embed(self, embedder: Embedder, observe: Observer) -> None:
        """Make the vectors that are missing, and keep each batch as soon as it is made."""
        cache = self._writer.open_cache(embedder.fingerprint)
        pending = list(self._writer.texts_to_embed().items())
        if pending:
            embedder.load(len(pending))
        for start in range(0, len(pending), EMBED_BATCH):
            observe("embedding", start, len(pending))
            batch = pending[start : start + EMBED_BATCH]
            texts = self._writer.embedded_texts([number for _, number in batch])
            cache.add([key for key, _ in batch], embedder.encode(texts, len(pending)))
            self.embedded += len(batch)
        observe("embedding", len(pending), len(pending))

    def count_missing_vectors(self, embedder: Embedder) -> None:
        """What `embed` would do."""
        self._writer.open_cache(embedder.fingerprint)
        self.embedded = len(self._writer.texts_to_embed())

    def publish(self, embedder: Embedder) -> None:
        """Make all of it visible at once."""
        names = {"embedder": embedder.fingerprint, "embedder_model": embedder.name}
        self._writer.publish(names, embedder.dimension)

    def finish(self) -> IndexReport:
        """Note what this run did, for `status`, and report it."""
        report = self.report()
        summary = {
            name: getattr(report, name)
            for name in ("added", "changed", "moved", "removed", "unchanged", "embedded", "seconds")
        }
        self._writer.record_run({**summary, "failed": len(report.failed), "at": time.time()})
        return report

    def is_readable(self, folder: Path) -> bool:
        """True when a document of this folder, which is there, was read."""
        return folder not in self._gone and any(
            not document.failed and Path(path).is_relative_to(folder)
            for path, document in self._writer.documents().items()
        )

    def report(self) -> IndexReport:
        """What was done so far."""
        failed = tuple(
            FailedFile(path, reason)
            for path, reason in self._writer.failed()
            if self._is_scanned(Path(path))
        )
        return IndexReport(
            added=self.added,
            changed=self.changed,
            moved=self.moved,
            removed=self.removed,
            unchanged=self.unchanged,
            failed=failed,
            passages=self._writer.passage_count(),
            embedded=self.embedded,
            generation=int(self._writer.meta.get("generation", "0")),
            seconds=round(time.monotonic() - self._started, 3),
            warnings=tuple(self.warnings),
        )

    def _is_scanned(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._scanned)

    def _missing(self) -> list[str]:
        """Known documents of the scanned folders that are not there any more."""
        closed = [file.path for file in self._found.values() if file.reason]
        there = set(map(str, self._found))
        return [
            path
            for path in self._known
            if path not in there
            and self._is_scanned(Path(path))
            and not any(Path(path).is_relative_to(folder) for folder in (*closed, *self._gone))
        ]

    def _read_file(
        self, file: FoundFile, embedder: Embedder, moved_from: dict[str, list[str]]
    ) -> None:
        """Bring the index up to date with one file."""
        known = self._known.get(str(file.path))
        facts = FileFacts(str(file.path), file.size, file.mtime_ns, time.time_ns(), "")
        if known and not self._force and _same_times(known, file):
            self.unchanged += known.has_text
            return
        if file.reason:
            self._writer.put_unreadable(facts, f"cannot be opened: {file.reason}")
            return
        if file.size > self._max_file_bytes:
            limit = self._max_file_bytes // 1_000_000
            reason = f"larger than {limit} MB (raise the limit with --max-file-mb)"
            self._put_failed(_retried(facts), known, reason)
            return
        try:
            data = file.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self._writer.put_unreadable(facts, f"cannot be opened: {reason}")
            return
        self._put(data, facts, known, embedder, moved_from)

    def _put(
        self,
        data: bytes,
        facts: FileFacts,
        known: StoredDocument | None,
        embedder: Embedder,
        moved_from: dict[str, list[str]],
    ) -> None:
        """Stage the content of a file whose times are new."""
        facts = replace(facts, sha256=hashlib.sha256(data).hexdigest())
        if known and known.has_text and known.sha256 == facts.sha256 and not self._force:
            self._writer.touch(known, facts)
            self.unchanged += 1
            return
        try:
            document = read_document(Path(facts.path), data)
            passages = split(document, embedder.count_tokens, embedder.max_tokens)
        except DocumentError as error:
            self._put_failed(facts, known, error.message)
            return
        self._writer.put(facts, document, passages)
        if known and known.has_text:
            self.changed += 1
        elif moved_from.get(facts.sha256):
            moved_from[facts.sha256].pop()
            self.moved += 1
        else:
            self.added += 1

    def _put_failed(self, facts: FileFacts, known: StoredDocument | None, reason: str) -> None:
        """Record that there is nothing to read in a file."""
        self._writer.put_failed(facts, reason)
        self.lost += bool(known and known.has_text)


def changed_files(index: Snapshot) -> int:
    """How many files of an index's folders are new, changed or gone since its last run.

    By size and time alone. A folder that is gone counts for nothing, as in a run.
    """
    folders = [folder for folder in map(Path, index.folders()) if folder.is_dir()]
    there = {str(file.path): file for folder in folders for file in find_documents(folder)}
    known = index.documents()
    gone = (
        path
        for path in known.keys() - there.keys()
        if any(Path(path).is_relative_to(folder) for folder in folders)
    )
    return sum(map(_is_new, there.values(), map(known.get, there))) + sum(1 for _ in gone)


def _is_new(file: FoundFile, known: StoredDocument | None) -> bool:
    """Whether a file is another than it was; those that are looked at in each run are not."""
    if known is None:
        return file.reason is None
    is_retried = known.mtime_ns == RETRIED
    return not is_retried and (known.size, known.mtime_ns) != (file.size, file.mtime_ns)


def _same_times(known: StoredDocument, file: FoundFile) -> bool:
    """True when size and time say that nothing changed, and can be trusted to say it."""
    same = known.size == file.size and known.mtime_ns == file.mtime_ns
    return same and known.mtime_ns < known.read_at_ns - RACY_NS


def _retried(facts: FileFacts) -> FileFacts:
    """Times that match no file, so that the next run looks again."""
    return replace(facts, mtime_ns=RETRIED)
