"""In which item of which list a block stands, and how items are numbered. Knows no format."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ragqa.records import Block

BULLET = "-"
ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


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
class Numbering:
    """How the items of a list are numbered. `style` is "1", "a", "A", "i" or "I"; "" of bullets."""

    style: str = ""
    number: int = 1  # of the next item
    step: int = 1
    before: str = ""
    after: str = "."
    counts_items: bool = False  # down to 1 from their number, which is known at the end only

    def next(self) -> str:
        """The mark of the next item."""
        mark = self.mark_of(self.number)
        self.number += self.step
        return mark

    def mark_of(self, number: int) -> str:
        """The mark of the item that has this number."""
        if not self.style:
            return BULLET
        return f"{self.before}{in_style(number, self.style)}{self.after}"


def in_style(number: int, style: str) -> str:
    """A number in letters or in Roman numerals, where there are such for it."""
    if style == "1" or not 0 < number < 4000:
        return str(number)
    shown = _letters(number) if style in "aA" else _roman(number)
    return shown.upper() if style.isupper() else shown


def _letters(number: int) -> str:
    """a, b ... z, aa, ab ..."""
    shown = ""
    while number:
        number, rest = divmod(number - 1, 26)
        shown = chr(ord("a") + rest) + shown
    return shown


def _roman(number: int) -> str:
    shown = ""
    for value, numeral in ROMAN:
        count, number = divmod(number, value)
        shown += numeral * count
    return shown
