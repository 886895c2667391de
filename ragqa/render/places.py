"""Where something stands, in a word or two. Knows nothing of forms."""

from __future__ import annotations

from pathlib import Path

from ragqa.records import Citation, Place


def place(citation: Citation | Place) -> str:
    """First line, and last where it is another; the page for formats that have pages."""
    if citation.page is not None:
        return f"p{citation.page}"
    first, last = citation.start_line, citation.end_line
    return str(first) if first == last else f"{first}-{last}"


def short_path(path: str, directory: Path) -> str:
    """The path from a directory on, where it is in it."""
    try:
        return str(Path(path).relative_to(directory))
    except ValueError:
        return path
