"""Which documents link to which, as Obsidian resolves the names in links.

A target is a path from the linking file or from an indexed folder, the end of a path, the name of
a file, or an alias; with or without ending, in any case. Of several files with that name it is the
one beside the linking file, else the one with the shortest path.
"""

from __future__ import annotations

import json
import posixpath
import sqlite3
from collections.abc import Iterable, Sequence

from ragqa.store.filters import folded, is_in
from ragqa.text.surrogates import encodable


def insert(db: sqlite3.Connection, document_id: int, links: Iterable[str]) -> None:
    """Keep what a document links to."""
    targets = ((document_id, encodable(link)) for link in links)  # two of which may be one then
    db.executemany("INSERT OR IGNORE INTO links VALUES (?, ?)", targets)


def linked_from(
    db: sqlite3.Connection, folders: Sequence[str], paths: Iterable[str]
) -> dict[str, list[str]]:
    """For each of these documents the paths of the others that link to it, in order."""
    found: dict[str, list[str]] = {path: [] for path in paths}
    names = _Names(db, folders)
    query = (
        "SELECT d.path FROM links l JOIN documents d ON d.id = l.document_id"
        " WHERE l.target = ? ORDER BY d.path"
    )
    for target in _targets_worth_resolving(db, names, found):
        for (source,) in db.execute(query, (target,)).fetchall():
            path = names.resolve(target, source)
            if path in found and path != source and source not in found[path]:
                found[path].append(source)
    return {path: sorted(sources) for path, sources in found.items()}


def _targets_worth_resolving(
    db: sqlite3.Connection, names: _Names, paths: Iterable[str]
) -> list[str]:
    """The targets that may name one of these documents: those that end in a name of one."""
    known = {name for path in paths for name in names.of(path)}
    targets = db.execute("SELECT DISTINCT target FROM links")
    return [t for (t,) in targets if not known.isdisjoint((folded(t), _last(folded(t))))]


class _Names:
    """All names of all documents, folded."""

    def __init__(self, db: sqlite3.Connection, folders: Sequence[str]) -> None:
        self._folders = sorted(folders, key=len)
        self._paths: dict[str, str] = {}
        self._named: dict[str, list[str]] = {}
        self._aliases: dict[str, list[str]] = {}
        self._aliases_of: dict[str, list[str]] = {}
        for path, aliases in db.execute("SELECT path, aliases FROM documents ORDER BY path"):
            self._paths[folded(path)] = path
            for name in _file_names(path):
                self._named.setdefault(name, []).append(path)
            for alias in map(folded, json.loads(aliases)):
                self._aliases.setdefault(alias, []).append(path)
                self._aliases_of.setdefault(path, []).append(alias)

    def of(self, path: str) -> set[str]:
        """By which names a document may be linked to."""
        return {*_file_names(path), *self._aliases_of.get(path, ())}

    def resolve(self, target: str, source: str) -> str | None:
        """The path of the document that a link in `source` names; None when there is none."""
        wanted = folded(target)
        roots = [folder for folder in self._folders if is_in(source, folder)]
        if found := self._at_path(wanted, source, roots):
            return found
        wanted = wanted.lstrip("/")
        named = [path for path in self._named.get(_last(wanted), ()) if _ends_with(path, wanted)]
        for candidates in (named, self._aliases.get(wanted, ())):
            # Within the outermost folder: another vault has names of its own.
            near = [path for path in candidates if not roots or is_in(path, roots[0])]
            if near:
                return min(near, key=lambda path: _distance(path, source))
        return None

    def _at_path(self, wanted: str, source: str, roots: Sequence[str]) -> str | None:
        """The document at a path from the linking file or from an indexed folder."""
        for base in roots if wanted.startswith("/") else (posixpath.dirname(source), *roots):
            path = posixpath.normpath(f"{folded(base)}/{wanted}")
            if found := self._paths.get(path) or self._paths.get(f"{path}.md"):
                return found
        return None


def _distance(path: str, source: str) -> tuple[bool, bool, int, int, str]:
    """Of several files with the same name the one with the least distance is meant."""
    elsewhere = posixpath.dirname(path) != posixpath.dirname(source)
    return elsewhere, not path.endswith(".md"), path.count("/"), len(path), path


def _ends_with(path: str, wanted: str) -> bool:
    """Whether a path ends in these names, with or without its ending."""
    path = folded(path)
    return path.endswith(f"/{wanted}") or posixpath.splitext(path)[0].endswith(f"/{wanted}")


def _file_names(path: str) -> set[str]:
    """The name of a file with and without its ending, folded."""
    name = folded(posixpath.basename(path))
    return {name, posixpath.splitext(name)[0]}


def _last(target: str) -> str:
    """The name at the end of a path."""
    return target.rstrip("/").rpartition("/")[2]
