"""Below which columns of a table a cell stands. Knows no format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragqa.records import BETWEEN_CELLS, Block

ROWS = ("table_row", "sparse_row")  # kinds of a row below the head; of one with empty cells
NAME_LENGTH = 100  # characters of a column's name that are kept: it is stored with each row
REPEATED_LENGTH = 500  # characters that cells from above may add to a row
MAX_COLUMNS = 200  # what stands further to the right is taken to stand in the last of them


@dataclass(slots=True)
class Cell:
    """A cell of a table: the first of the columns that it fills, and what a reader sees in it."""

    column: int
    width: int = 1
    height: int = 1  # rows, from its own down, that it counts in
    text: str = ""


class Grid:
    """The cells of a table, row by row, and what its columns are called."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.row: list[Cell] = []
        self._above: dict[int, Cell] = {}  # by column: cells of rows above that reach down here
        self._column = 0
        self.is_open = False
        self._is_below = False  # whether there was a row below the head

    def begin_row(self) -> None:
        """A row begins, be it that all of its cells reach down from above."""
        self.is_open = True

    def add(self, width: int = 1, height: int = 1) -> tuple[Cell, list[Cell]]:
        """The next cell of the row, and those from above that stand before it."""
        self.is_open = True
        above = self._skip()
        column = min(self._column, MAX_COLUMNS - 1)
        width = max(1, min(width, MAX_COLUMNS - column))
        cell = Cell(column, width, height)
        self.row.append(cell)
        self._column = column + width
        return cell, above

    def rest(self) -> list[Cell]:
        """The cells from above that stand after the last one of the row."""
        found = []
        for column in sorted(self._above):
            if column >= self._column:
                self._column = column
                found += self._skip()
        return found

    def _skip(self) -> list[Cell]:
        found = []
        while cell := self._above.get(self._column):
            found.append(cell)
            self._column += cell.width
        return [cell for cell in found if cell.text]

    def end_row(self, is_head: bool) -> None:
        """The row, if there is one, is complete; a head names the columns."""
        if not self.is_open:
            return
        if not is_head:
            self._is_below = True
        elif self.row and not self._is_caption():
            self._name_columns()
        self._reach_down()
        self.row, self._column, self.is_open = [], 0, False

    def end_section(self) -> None:
        """No cell reaches from the head into the body."""
        self._above.clear()

    def _is_caption(self) -> bool:
        """True when the row is one cell over the whole width: it names what follows, no column."""
        return len(self.row) == 1 and (self.row[0].width > 1 or len(self.names) > 1)

    def _name_columns(self) -> None:
        """A second row of the head adds to the names; a head after other rows is a new one."""
        if self._is_below:
            self.names, self._is_below = [], False
        for cell in self.row:
            text = " ".join(cell.text.split())[:NAME_LENGTH]
            end = cell.column + cell.width
            self.names += [""] * (end - len(self.names))
            for column in range(cell.column, end):
                self.names[column] = f"{self.names[column]} {text}".strip()[:NAME_LENGTH]

    def _reach_down(self) -> None:
        for column, cell in list(self._above.items()):
            cell.height -= 1
            if cell.height < 2:
                del self._above[column]
        room = REPEATED_LENGTH - sum(len(cell.text) for cell in self._above.values())
        for cell in self.row:
            if cell.height > 1:
                text = " ".join(cell.text.split())
                text = text if len(text) <= room else ""
                room -= len(text)
                self._above[cell.column] = replace(cell, text=text)


def row_kind(cells: Sequence[Cell]) -> str:
    """The kind of a row: whether some of its cells are empty, which are not in its text."""
    return ROWS[not all(cell.text.strip() for cell in cells)]


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
