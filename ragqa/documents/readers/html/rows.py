"""The rows of a table of a web page: which of its cells stand in which block. Parses nothing."""

from __future__ import annotations

from dataclasses import replace

from ragqa.documents.blocks import Fragment
from ragqa.documents.tables import REPEATED_LENGTH, Cell, Grid


class Table:
    """A table that is open: its cells, and which of them stand in which block of the row."""

    def __init__(self) -> None:
        self.grid = Grid()
        self._kinds: set[bool] = set()  # of the row's cells: whether each is of a head
        self._blocks: list[tuple[int, list[Cell]]] = []  # of the row, by place in the page
        self._shown: list[Cell] = []  # with the text that they have in the block to come
        self._cell: Cell | None = None
        self._begin = 0  # of the cell's text among the pieces of the block

    @property
    def is_head(self) -> bool:
        """True for a row of nothing but <th>."""
        return self._kinds == {True}

    def begin_cell(self, cell: Cell, is_head: bool, begin: int) -> None:
        """A cell's text begins at this piece."""
        self._cell, self._begin = cell, begin
        self._kinds.add(is_head)

    def pause_cell(self, pieces: list[Fragment]) -> None:
        """What a cell has in the block to come is complete."""
        if self._cell and len(pieces) > self._begin:
            text = "".join(piece.text for piece in pieces[self._begin :])
            if len(self._cell.text) <= REPEATED_LENGTH:  # of a longer one nobody asks for the rest
                self._cell.text += f" {text}"
            self._shown.append(replace(self._cell, text=text))
        self._begin = len(pieces)

    def end_cell(self, pieces: list[Fragment]) -> None:
        """A cell is complete."""
        self.pause_cell(pieces)
        self._cell = None

    def repeat(self, cell: Cell) -> None:
        """A cell from above goes into the block to come."""
        self._shown.append(cell)

    def end_text(self, pieces: list[Fragment], place: int | None) -> None:
        """A block of these pieces ends; `place` is that of a block of the row."""
        self.pause_cell(pieces)
        if place is not None:
            self._blocks.append((place, self._shown))
        self._shown, self._begin = [], 0

    def end_row(self, is_head: bool) -> list[tuple[int, list[Cell]]]:
        """The blocks of the row, with the cells in each."""
        self.grid.end_row(is_head)
        blocks, self._blocks = self._blocks, []
        self._cell, self._kinds = None, set()
        return blocks
