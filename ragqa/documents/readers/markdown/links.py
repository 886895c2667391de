"""Which files a Markdown document links to: wikilinks, embeds, relative links and images.

Targets are as written, decoded, without `#fragment` and shown text. Which document a target names
is for the index to say: `store.backlinks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ragqa.documents.readers.markdown.obsidian import WIKILINK

if TYPE_CHECKING:
    from markdown_it.token import Token


def link_targets(front_matter: str, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The targets in the order of the file, each once; those in properties come first."""
    found = [_page(match[2]) for match in WIKILINK.finditer(front_matter)]
    # markdown-it gives footnotes last, wherever they are written.
    inline = sorted((t for t in tokens if t.type == "inline" and t.map), key=_first_line)
    for token in inline:
        found += _inline_targets(token.children or ())
    return tuple(dict.fromkeys(target for target in found if target))


def _first_line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _inline_targets(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "wikilink":
            yield _page(token.meta["target"])
        elif token.type in ("link_open", "image"):
            yield _local_path(str(token.attrs.get("href") or token.attrs.get("src") or ""))


def _page(target: str) -> str:
    """`Note#Part` -> `Note`."""
    return target.partition("#")[0].strip()


def _local_path(url: str) -> str:
    """The path of a link to a file; empty for the web, mail and places in the same file."""
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[": no address at all
        return ""
    return "" if parts.scheme or parts.netloc else unquote(parts.path)
