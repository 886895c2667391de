"""Where a block stands: in which item of which list, below which columns of a table.

A reader tells what it meets: an item begins, a cell ends. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragqa.records import BETWEEN_CELLS, Block

BULLET = "-"
NAME_LENGTH = 100  # characters of a column's name that are kept: it is stored with each row


class Items:
    """The list items around the place where the text is."""

    def __init__(self) -> None:
        self._marks: list[str] = []

    def enter(self, mark: str) -> None:
        """An item begins; `mark` is what a reader sees before its text."""
        self._marks.append(mark)

    def leave(self) -> None:
        """The innermost item ends."""
        if self._marks:
            self._marks.pop()

    @property
    def level(self) -> int:
        """How many items there are around the text."""
        return len(self._marks)

    @property
    def mark(self) -> str:
        """That of the item that the next block begins; "" where it continues one."""
        return self._marks[-1] if self._marks else ""

    def begun(self) -> None:
        """A block was made: what follows in these items continues them."""
        self._marks = [""] * len(self._marks)

    def place(self, block: Block) -> Block:
        """A block that another reader made of what stands here."""
        if not self._marks:
            return block
        level, mark = block.level + self.level, block.mark or self.mark
        self.begun()
        return replace(block, level=level, mark=mark)


@dataclass(slots=True)
class Cell:
    """A cell of a table: the first of the columns that it fills, and what a reader sees in it."""

    column: int
    width: int = 1
    text: str = ""


def in_columns(block: Block, cells: Sequence[Cell], names: Sequence[str]) -> Block:
    """A row with the column of each cell in its text: those of `cells` that are not empty.

    A cell with a bar in it counts as several. `names` are those of the table's columns, none
    where it has no head.
    """
    shown = [cell for cell in cells if cell.text and not cell.text.isspace()]
    if not names or not shown:
        return block
    parts = block.text.split(BETWEEN_CELLS)
    owners = shown if len(parts) == len(shown) else _owners(parts, shown)
    return replace(block, columns=tuple(_name(cell, names) if cell else "" for cell in owners))


def _name(cell: Cell, names: Sequence[str]) -> str:
    """What stands above a cell; nothing above one that fills the whole width."""
    above = names[cell.column : cell.column + cell.width]
    if cell.width > 1 and len(above) == len(names):
        return ""
    return ", ".join(dict.fromkeys(filter(None, above)))[:NAME_LENGTH]


def _owners(parts: Sequence[str], cells: Sequence[Cell]) -> Iterator[Cell | None]:
    """For each part between bars the cell that it stands in; None: it is nothing but bars."""
    texts = [" ".join(cell.text.split()) for cell in cells]
    at = 0
    for part in parts:
        word = part.strip("| ")
        at = next((i for i in range(at, len(cells)) if word in texts[i]), at)
        texts[at] = texts[at].partition(word)[2] if word else texts[at]
        yield cells[at] if word else None
