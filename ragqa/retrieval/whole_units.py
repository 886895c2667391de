"""Hits + index -> the same hits, each with its units whole.

A passage is cut to fit the embedder, so a list or a table may begin in the one before it and go on
in the next. Each block is in one hit only, the best of those that have its unit. Knows nothing of
questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragqa.records import Block, Hit
from ragqa.store.base import Snapshot, StoredPassage

FARTHEST = 40  # passages, in either direction, over which a unit is followed


def with_whole_units(hits: Sequence[Hit], snapshot: Snapshot) -> list[Hit]:
    """The hits, best first, without those whose units are all in a better one."""
    nearby = _Nearby(snapshot, [hit.passage_id for hit in hits if not hit.is_given])
    taken: set[tuple[str, int | None, int]] = set()
    whole = []
    for hit in hits:
        blocks = hit.passage.blocks if hit.is_given else nearby.completed(hit)
        places = {block: (hit.path, block.page, block.start) for block in blocks}
        fresh = tuple(block for block in blocks if places[block] not in taken)
        taken.update(places.values())
        if fresh:
            whole.append(replace(hit, passage=replace(hit.passage, blocks=fresh)))
    return whole


class _Nearby:
    """Passages around those that were found; a document's are numbered one after the other."""

    def __init__(self, snapshot: Snapshot, ids: Sequence[int]) -> None:
        self._snapshot = snapshot
        around = {number + step for number in ids for step in (-1, 0, 1)}
        self._stored = snapshot.passages(sorted(around))

    def completed(self, hit: Hit) -> tuple[Block, ...]:
        """The blocks of a hit, with what its first and last unit have in other passages."""
        blocks = hit.passage.blocks
        return (*self._more(hit, blocks[0], -1), *blocks, *self._more(hit, blocks[-1], 1))

    def _more(self, hit: Hit, edge: Block, step: int) -> list[Block]:
        """What the unit of the block at one end has beyond that end."""
        found: list[Block] = []
        for number in range(1, FARTHEST + 1):
            stored = self._at(hit.passage_id + step * number)
            if not edge.unit or stored is None or stored.path != hit.path:
                break
            theirs = [block for block in stored.passage.blocks if block.unit == edge.unit]
            found = found + theirs if step > 0 else theirs + found
            if len(theirs) < len(stored.passage.blocks):
                break
        return found

    def _at(self, number: int) -> StoredPassage | None:
        if number not in self._stored:
            self._stored.update(self._snapshot.passages([number]))
        return self._stored.get(number)
