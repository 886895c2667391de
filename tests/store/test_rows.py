from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ragqa.records import Block, Run
from ragqa.store.rows import _block, _block_row

PLAIN = Block("paragraph", ("A",), "gnu", "gnu", 3, 2, (Run(0, 0, 3),))
MARKED = Block("list_item", ("A",), "a gnu", "a *gnu*", 3, 2, (Run(0, 0, 2), Run(2, 3, 3)), 4)


@pytest.mark.parametrize("block", [PLAIN, MARKED])
@pytest.mark.parametrize(
    "structure",
    [
        {},
        {"level": 2},
        {"level": 1, "mark": "[x]"},
        {"columns": ("Name", "")},
        {"level": 3, "mark": "b)", "columns": ("a", "b", "c"), "unit": 7},
    ],
)
def test_block_comes_back_as_it_was(block: Block, structure: dict[str, object]) -> None:
    block = replace(block, **structure)  # type: ignore[arg-type]
    row = json.loads(json.dumps(_block_row(block)))
    assert _block(row, block.headings, block.page) == block


def test_row_of_a_block_that_stands_in_nothing_is_short() -> None:
    assert _block_row(PLAIN) == ["paragraph", "gnu", 3, 2]
    assert _block_row(replace(PLAIN, level=1, mark="-")) == [
        "paragraph", "gnu", 3, 2, {"level": 1, "mark": "-"},
    ]  # fmt: skip
