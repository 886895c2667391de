"""Blocks -> units: which neighbouring blocks a person reads as one piece.

A unit is the smallest piece that can be read alone below its headings: a paragraph, a list or a
table with what introduces it, a term with its definition, a question with its answer, code with
the text before it, the properties of a note. Knows no format and no question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ragqa.records import Block

ROWS = ("caption", "column_names", "table_row", "sparse_row", "table_header")
TEXT = ("paragraph", "quote")
# Words. A label stands above what it names, as "Advantages" in bold; code is introduced by a short
# paragraph; a question with a longer answer is read in parts.
MAX_LABEL, MAX_INTRODUCTION, MAX_ANSWER = 8, 40, 150
SENTENCE_END = (".", "!", "…", ";", ",", "。", "！")
COLONS = (":", "：")
INTRODUCES = (*COLONS, "?", "？")
AROUND = " *_\"'”’»」)]）"  # may stand after the end of a sentence


def with_units(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with the number, from 1, of the unit that each belongs to."""
    groups = enumerate(_groups(blocks), 1)
    return tuple(replace(block, unit=number) for number, group in groups for block in group)


def _groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """The blocks of each unit."""
    group: list[Block] = []
    for block in blocks:
        if group and not _goes_on(group, block):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _goes_on(group: Sequence[Block], block: Block) -> bool:
    """Whether a block belongs to the unit of those before it."""
    last = group[-1]
    if "heading" in (last.kind, block.kind):
        return False
    if (last.headings, last.page) != (block.headings, block.page):
        return False
    if "property" in (last.kind, block.kind):
        return last.kind == block.kind
    if last.kind in (*TEXT, "caption") and _only_leads(group, block) and introduces(last, block):
        return True
    words = sum(len(one.text.split()) for one in (*group, block))
    if is_answered(block.headings) and words <= MAX_ANSWER:
        return True
    if _is_item(block) or _is_item(last):
        return _is_same_list(group, block)
    if block.kind in ROWS and last.kind in ROWS:
        return block.kind not in ("caption", "column_names") or last.kind == "caption"
    if block.kind == "definition":
        return last.kind in ("term", "definition")
    if block.kind == "code":
        return last.kind in TEXT and len(last.text.split()) <= MAX_INTRODUCTION
    return block.kind == last.kind and block.kind in ("quote", "term")


def _only_leads(group: Sequence[Block], block: Block) -> bool:
    """Whether nothing of a unit is there but what leads to it: "To merge:", and above a list that
    belongs to it a label, "In the explorer".
    """
    first, *labels = group
    return not labels or (len(labels) == 1 and _is_open(first) and _is_item(block))


def _is_open(block: Block) -> bool:
    """Whether it ends in a colon."""
    return block.text.rstrip(AROUND).endswith(COLONS)


def _is_item(block: Block) -> bool:
    return block.level > 0 or block.kind == "list_item"


def _is_same_list(group: Sequence[Block], block: Block) -> bool:
    """Whether a list goes on with a block: an item of the same sort, or code between two."""
    firsts = [one.mark for one in group if one.level == 1 and one.mark]
    if not _is_item(block):
        return block.kind == "code" and (block.text.endswith(":") or bool(firsts))
    if block.level > 1 or not block.mark or not firsts:
        return _is_item(group[-1]) or bool(firsts)
    if mark_kind(block.mark) != mark_kind(firsts[0]):
        return False
    if mark_kind(block.mark) == "number":
        return block.mark != firsts[0]
    return _is_item(group[-1])


def mark_kind(mark: str) -> str:
    """What sort of list an item's mark is of: "number" or "bullet"; tasks stand among bullets."""
    return "bullet" if mark == "-" or mark.startswith("[") else "number"


def introduces(block: Block, following: Block) -> bool:
    """Whether a text leads to what stands below it.

    "You need:", a question, a label such as "Pros", or a sentence that a list completes.
    """
    text = block.text.rstrip(AROUND)
    if text.endswith(INTRODUCES):
        return True
    if text.endswith(SENTENCE_END):
        return False
    # "Rent: 900" is no label: it says all.
    is_label = len(text.split()) <= MAX_LABEL and not any(sign in text for sign in INTRODUCES)
    return is_label or _is_item(following)


def is_answered(headings: Sequence[str]) -> bool:
    """Whether what stands below these headings answers the last one, a question."""
    return bool(headings) and headings[-1].rstrip(AROUND).endswith(("?", "？"))
