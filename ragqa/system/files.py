"""Files: one written whole or not at all, and those that come with the package.

Knows nothing of what is in them.
"""

from __future__ import annotations

import os
import tempfile
from importlib.resources import files
from pathlib import Path


def data_file(name: str) -> Path:
    """A file of the package's own data. (A package in a zip archive is not supported.)"""
    return Path(str(files("ragqa") / "data" / name))


def stamp_of(path: Path) -> list[tuple[str, int, int]]:
    """Changes when a file, or one in a folder, does; empty where there is none."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.is_file() else []
    return [(str(file), *_size_and_time(file)) for file in files]


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:  # it has gone meanwhile, or is a link that leads nowhere
        return -1, -1
    return found.st_size, found.st_mtime_ns


def replace_file(path: Path, text: str) -> None:
    """Put a text in place of what the file was; it keeps its permissions, a new one is private.

    Raises OSError; then the file is as it was. (The libraries for this are no longer kept.)
    """
    handle, name = tempfile.mkstemp(prefix=".ragqa-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o777)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
