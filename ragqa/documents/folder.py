"""Folder -> the files in it that can be read as documents.

Leaves out hidden files and folders, what `.gitignore` and `.ragqaignore` exclude, and what a
symbolic link has led to before. Knows nothing of what is in the files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from pathspec import GitIgnoreSpec

from ragqa.documents import is_supported
from ragqa.documents.readers import ENDINGS

IGNORE_FILES = (".gitignore", ".ragqaignore")
# Folders of tools, never of notes.
SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv", "site-packages"}


class FoundFile(NamedTuple):
    """A file to read, or a place that could not be looked into (`reason`)."""

    path: Path
    size: int
    mtime_ns: int
    reason: str | None = None


class _Rules(NamedTuple):
    """An ignore file: it holds for the folder that it lies in."""

    file: Path
    spec: GitIgnoreSpec


class _Rule(NamedTuple):
    """One line of an ignore file."""

    file: Path
    rule: str


def find_documents(folder: Path) -> Iterator[FoundFile]:
    """All documents below `folder` (an absolute path), in a fixed order, each file once."""
    seen: set[tuple[int, int]] = set()
    open_folders = [_entries(folder, (), seen)]
    while open_folders:
        found = next(open_folders[-1], None)
        if found is None:
            open_folders.pop()
        elif isinstance(found, FoundFile):
            yield found
        else:
            open_folders.append(_entries(*found, seen))


def _entries(
    folder: Path, rules: tuple[_Rules, ...], seen: set[tuple[int, int]]
) -> Iterator[FoundFile | tuple[Path, tuple[_Rules, ...]]]:
    """The files of one folder and the folders in it, these with the rules that hold there."""
    try:
        stat = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield FoundFile(folder, 0, 0, _reason(error))
        return
    if (stat.st_dev, stat.st_ino) in seen:
        return
    seen.add((stat.st_dev, stat.st_ino))
    rules = (*rules, *_rules_of(folder))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if rules and _deciding(Path(entry.path), _is_folder(entry), rules):
            continue
        if (shown := storable(entry.path)) != entry.path:
            yield FoundFile(Path(shown), 0, 0, "its name is not valid UTF-8; rename it")
        elif _is_folder(entry):
            if entry.name not in SKIPPED_FOLDERS:
                yield Path(entry.path), rules
        elif is_supported(entry.name):
            yield from _file(entry, seen)


def _file(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> Iterator[FoundFile]:
    """The file, unless another link to it was met before."""
    path = Path(entry.path)
    try:
        stat = entry.stat()
    except OSError as error:
        yield FoundFile(path, 0, 0, _reason(error))
        return
    if not S_ISREG(stat.st_mode):
        return  # a named pipe or a device would block for ever
    if entry.is_symlink() or stat.st_nlink == 1:  # hard links are files of their own
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
    yield FoundFile(path, stat.st_size, stat.st_mtime_ns)


def why_left_out(file: Path, folder: Path) -> str | None:
    """Why the walk of `folder` passes over a file in it; None when it would be found."""
    rules: tuple[_Rules, ...] = ()
    inner = folder
    for name in file.relative_to(folder).parts:
        rules = (*rules, *_rules_of(inner))
        inner /= name
        if name.startswith("."):
            return f"{inner} is hidden: its name begins with a dot"
        if decided := _deciding(inner, inner.is_dir(), rules):
            return f"the rule {decided.rule} in {decided.file} leaves it out"
        if name in SKIPPED_FOLDERS and inner != file:
            return f"{inner} is a folder of tools"
    if not is_supported(file):
        return f"files of this kind are not read, only: {' '.join(ENDINGS)}"
    return None if file.is_file() else "it is no ordinary file"


def storable(path: str) -> str:
    """The path as it can be stored and printed: bytes that are no UTF-8 as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _rules_of(folder: Path) -> Iterator[_Rules]:
    for name in IGNORE_FILES:
        try:
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        yield _Rules(folder / name, GitIgnoreSpec.from_lines(filter(_makes_sense, lines)))


def _makes_sense(line: str) -> bool:
    """False for a line of an ignore file that git would pass over and pathspec refuses."""
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _deciding(path: Path, is_folder: bool, rules: tuple[_Rules, ...]) -> _Rule | None:
    """The rule that leaves a path out; None where none does.

    As git decides: the last rule that speaks of the path wins, inner files over outer ones.
    """
    deciding = None
    for file, spec in rules:
        inner = path.relative_to(file.parent).as_posix()
        verdict = spec.check_file(inner + "/" if is_folder else inner)
        if verdict.include is not None and verdict.index is not None:
            rule = str(getattr(spec.patterns[verdict.index], "pattern", ""))
            deciding = _Rule(file, rule) if verdict.include else None
    return deciding


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
