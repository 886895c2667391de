"""Document -> Passages: runs of blocks of one section that fit the embedder.

Pure: the token counter is passed in. A passage never crosses a heading, so its heading path is
exact, and it is cut inside a block only where the block alone is too long: code and tables
between lines, prose between sentences, then words, then anywhere.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ragqa.documents.units import with_units
from ragqa.records import BETWEEN_CELLS, Block, Document, Passage, Run, contextual_text

CountTokens = Callable[[Sequence[str]], list[int]]
Context = tuple[str | None, tuple[str, ...]]  # title and headings

# Title and headings may take this share of a passage; of longer ones the innermost stay.
CONTEXT_SHARE = 0.4
# Where to cut a long block, best first; each pattern matches what ends a part.
PROSE_CUTS = (r"(?<=[.!?。！？])[\"')\]”’]*\s+|(?<=[。！？])", r"(?<=[;:,，；])\s*", r"\s+")


def split(document: Document, count_tokens: CountTokens, max_tokens: int) -> list[Passage]:
    """The passages of a document, each at most `max_tokens` long, title and headings included."""
    sections = _sections(with_units(document.blocks))
    contexts = [
        _fitting_context(document.title, section[0].headings, count_tokens, max_tokens)
        for section in sections
    ]
    passages = []
    for number, (section, context) in enumerate(zip(sections, contexts, strict=True)):
        blocks = section[1:] if _is_named(number, sections, contexts) else section
        budget = max_tokens - count_tokens([contextual_text(*context, "")])[0]
        for run in _pack(blocks, count_tokens, budget):
            passage = Passage(*context, tuple(run), run[0].page)
            passages += _fit(passage, count_tokens, max_tokens)
    return passages


def _sections(blocks: Iterable[Block]) -> list[list[Block]]:
    """The blocks cut before each heading, wherever the heading path changes, and between pages.

    Properties of the document are a section of their own.
    """
    sections: list[list[Block]] = []
    before = None
    for block in blocks:
        place = block.headings, block.page, block.kind == "property"
        if block.kind == "heading" or place != before:
            sections.append([])
        sections[-1].append(block)
        before = place
    return sections


def _is_named(number: int, sections: list[list[Block]], contexts: list[Context]) -> bool:
    """True when a section's heading stands in the heading path of a passage in it.

    A heading without any text below it, or too long for the path, is a text of its own.
    """
    first = sections[number][0]
    if first.kind != "heading":
        return False
    for inner in range(number, len(sections)):
        block = sections[inner][-1]
        if block.headings[: len(first.headings)] != first.headings:
            break
        if block.kind != "heading" and first.headings[-1] in contexts[inner][1]:
            return True
    return False


def _fitting_context(
    title: str | None, headings: tuple[str, ...], count_tokens: CountTokens, max_tokens: int
) -> Context:
    """Title and headings, without the outer ones where they would take too much room."""
    limit = int(max_tokens * CONTEXT_SHARE)
    names = list(dict.fromkeys([*([title] if title else []), *headings]))
    while names and count_tokens([contextual_text(None, tuple(names), "")])[0] > limit:
        names.pop(0)
    if title not in names:
        title = None
    return title, tuple(name for name in headings if name in names)


def _pack(blocks: list[Block], count_tokens: CountTokens, budget: int) -> Iterator[list[Block]]:
    """Neighbouring blocks together, as many as fit into `budget` tokens."""
    specials = count_tokens([""])[0]
    sizes = [size - specials for size in count_tokens([block.text for block in blocks])]
    run: list[Block] = []
    used = 0
    for block, size in zip(blocks, sizes, strict=True):
        if run and used + size > budget:
            yield run
            run, used = [], 0
        run.append(block)
        used += size
    if run:
        yield run


def _fit(passage: Passage, count_tokens: CountTokens, max_tokens: int) -> list[Passage]:
    """The passage, cut in two as often as needed to fit."""
    if count_tokens([passage.embedded_text])[0] <= max_tokens:
        return [passage]
    blocks = passage.blocks
    if len(blocks) > 1:
        middle = len(blocks) // 2
        halves = [blocks[:middle], blocks[middle:]]
    elif len(blocks[0].text) > 1:
        halves = [(part,) for part in _halve(blocks[0])]
    else:
        return [passage]
    fitted = []
    for half in filter(None, halves):
        fitted += _fit(replace(passage, blocks=half), count_tokens, max_tokens)
    return fitted


def _halve(block: Block) -> list[Block]:
    """Two parts of a block, cut at the best place near its middle."""
    cut = _line_cut(block.text) if block.kind == "code" else _best_cut(block.text, PROSE_CUTS)
    parts = (part_of(block, 0, cut), part_of(block, cut, len(block.text)))
    return [part for part in parts if part]


def _line_cut(text: str) -> int:
    """The line end nearest the middle, however near an end it is: lines stay whole."""
    middle = len(text) // 2
    ends = [match.end() for match in re.finditer("\n", text)]
    return min(ends, key=lambda end: abs(end - middle), default=middle)


def _best_cut(text: str, patterns: Iterable[str]) -> int:
    """The place nearest the middle where the first pattern that occurs at all ends."""
    middle = len(text) // 2
    for pattern in patterns:
        ends = [match.end() for match in re.finditer(pattern, text)]
        # A cut near either end would leave most of the text in one part.
        ends = [end for end in ends if len(text) // 4 <= end <= len(text) * 3 // 4]
        if ends:
            return min(ends, key=lambda end: abs(end - middle))
    return middle


def part_of(block: Block, first: int, last: int) -> Block | None:
    """`block` with `text[first:last]` alone, trimmed; None when nothing of it is in the file."""
    text = block.text[first:last]
    first += len(text) - len(text.lstrip())
    last -= len(text) - len(text.rstrip())
    begin, end = block.source_span(first, last)
    if begin >= end or first >= last:
        return None
    runs = []
    for run in block.runs:
        low, high = max(run.text, first), min(run.text + run.length, last)
        if low < high:
            runs.append(Run(low - first, run.source + low - run.text - begin, high - low))
    return replace(
        block,
        text=block.text[first:last],
        source=block.source[begin:end],
        start=block.start + begin,
        line=block.line + block.source.count("\n", 0, begin),
        runs=tuple(runs),
        mark="" if first else block.mark,
        columns=_columns_of(block, first, last),
    )


def _columns_of(block: Block, first: int, last: int) -> tuple[str, ...]:
    """The columns of what is `text[first:last]` of a row; none where a cut within bars hides it."""
    if not block.columns:
        return ()
    bars = [match.start() for match in re.finditer(re.escape(BETWEEN_CELLS), block.text)]
    begin, count = bisect_left(bars, first), block.text.count(BETWEEN_CELLS, first, last) + 1
    columns = block.columns[begin : begin + count]
    return columns if len(columns) == count else ()
