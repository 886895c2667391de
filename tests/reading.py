"""Helpers to read fragments as documents and to check what must hold for every document."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import strategies as st

from ragqa.documents import read_document
from ragqa.errors import DocumentError
from ragqa.records import BETWEEN_CELLS, Block, Document

PLACE = re.compile(r"\{([vh])\}")


def parse(suffix: str, text: str | bytes) -> Document:
    """The document that a file of this ending with this content is."""
    return read_document(
        Path("note" + suffix), text if isinstance(text, bytes) else text.encode("utf-8")
    )


def shown(suffix: str, text: str | bytes) -> list[str]:
    """The texts of its blocks; none when there is nothing to read in it."""
    try:
        return [block.text for block in parse(suffix, text).blocks]
    except DocumentError:
        return []


def check_block(block: Block, text: str) -> None:
    """A block says truly where it stands in `text`, and its runs stand alike on both sides."""
    assert block.source == text[block.start : block.end]
    assert block.line == text.count("\n", 0, block.start) + 1
    assert block.text and block.text == block.text.strip()
    assert block.runs
    text_end = source_end = 0
    for run in block.runs:
        assert run.length > 0 and run.text >= text_end and run.source >= source_end
        text_end, source_end = run.text + run.length, run.source + run.length
        assert block.text[run.text : text_end] == block.source[run.source : source_end]
    assert text_end <= len(block.text) and source_end <= len(block.source)
    assert block.level or not block.mark
    assert not block.columns or len(block.columns) == len(block.text.split(BETWEEN_CELLS))


def check_document(document: Document) -> None:
    """Every block is sound; blocks follow each other in the file without overlapping."""
    end = 0
    for block in document.blocks:
        check_block(block, document.text)
        assert block.start >= end
        end = block.end


def aligned_share(document: Document) -> float:
    """The share of the visible characters that are known to stand in the file."""
    aligned = sum(run.length for block in document.blocks for run in block.runs)
    return aligned / sum(len(block.text) for block in document.blocks)


def filled(template: str) -> tuple[str, list[str], list[str]]:
    """`template` with words of their own for `{v}` (visible) and `{h}` (hidden), and these."""
    words: dict[str, list[str]] = {"v": [], "h": []}

    def word(place: re.Match[str]) -> str:
        known = words[place[1]]
        known.append(f"{'shown' if place[1] == 'v' else 'hidden'}{len(known)}x")
        return known[-1]

    return PLACE.sub(word, template), words["v"], words["h"]


def pages(fragments: list[str], separator: str = "\n\n") -> st.SearchStrategy[str]:
    """Templates of several fragments, at least one of which shows something."""
    lists = st.lists(st.sampled_from(fragments), min_size=1, max_size=6)
    return lists.map(separator.join).filter(lambda template: "{v}" in template)


def check_template(suffix: str, template: str) -> None:
    """Each visible word is shown once, in order of the file; hidden ones are not."""
    text, visible, hidden = filled(template)
    document = parse(suffix, text)
    check_document(document)
    found = re.findall(r"shown\d+x", " ".join(block.text for block in document.blocks))
    assert found == visible
    everything = "\n".join(block.text for block in document.blocks)
    assert not [word for word in hidden if word in everything]
