"""A name that a user typed -> the path of the document that is meant.

Knows nothing of questions or searches.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ragqa.documents.folder import storable
from ragqa.errors import UsageError
from ragqa.store.base import Snapshot

SHOWN = 5  # of a list of names


def locate(name: str, snapshot: Snapshot, directory: Path = Path()) -> str:
    """The path of the document that is meant; of a file that the index does not know, too.

    A relative path is from `directory` on.

    Raises UsageError when none, several documents or a folder have that name.
    """
    given = directory / name
    # Not Path.resolve, which raises RuntimeError for a link to itself.
    names = (os.path.abspath(given), os.path.realpath(given))  # noqa: PTH100
    paths = [Path(storable(path)) for path in names]
    known = [str(path) for path in paths if snapshot.document(str(path))]
    if known or is_file(given):
        return known[0] if known else str(_inside(paths, snapshot.folders()))
    called = [path for path, title in snapshot.titles() if _is_called(path, title, name)]
    if len(called) > 1:
        message = f"{len(called)} documents are called {name}: {some(called)}"
        raise UsageError(message, "name one of them by its path")
    if called:
        return called[0]
    if _is_there(given):
        raise UsageError(f"not a file: {name or repr(name)}", "name a document, not a folder")
    raise UsageError(
        f"no such file, and no document of that name in the index: {name or repr(name)}",
        "check the spelling; to see what is indexed: ragqa status",
    )


def is_file(path: Path) -> bool:
    """True for anything that is there and no folder."""
    return _is_there(path) and not path.is_dir()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a title may be too long for a name
        return False


def _inside(paths: Sequence[Path], folders: Sequence[str]) -> Path:
    """The one of two names of a file that is in an indexed folder."""
    inside = [path for path in paths if any(path.is_relative_to(folder) for folder in folders)]
    return (*inside, *paths)[0]


def _is_called(path: str, title: str | None, name: str) -> bool:
    """Whether a document goes by that title, that name, or that end of its path."""
    wanted, file = name.casefold(), Path(path.casefold())
    names = (file.stem, file.name, (title or "").casefold())
    return bool(wanted) and (wanted in names or str(file).endswith(f"/{wanted}"))


def some(names: Sequence[str], separator: str = "; ") -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return separator.join(names[:SHOWN]) + more
