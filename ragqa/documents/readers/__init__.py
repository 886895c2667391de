"""Which file formats can be read. One module a format, loaded when the first such file comes.

To add a format, write a module with a class `Reader` as `base.Reader` has it, and a line in
`READERS`: the module's name, and the endings of its files.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.documents.base import Reader

READERS = {
    "markdown": (".md", ".markdown", ".mdown", ".mkd", ".mdx"),
    "plain": (".txt", ".text"),
    "html": (".html", ".htm", ".xhtml"),
    "rst": (".rst", ".rest"),
}
ENDINGS = {ending: name for name, endings in READERS.items() for ending in endings}
UNKNOWN = "plain"  # text on stdin, or in a file of another kind that is named outright


def reader_for(path: Path) -> Reader:
    """The reader of a file's format, by its ending."""
    return _loaded(ENDINGS.get(path.suffix.lower(), UNKNOWN))


@cache
def _loaded(name: str) -> Reader:
    made: Reader = import_module(f"ragqa.documents.readers.{name}").Reader()
    return made
