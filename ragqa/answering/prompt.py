"""Question + Hits -> what the generator is told, inside a token budget.

Pure: the token counter is passed in. The text of a passage is data: the generator tokenizes it
without special tokens, so nothing in it can act as a part of the chat template.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from ragqa.records import Hit, contextual_text
from ragqa.text.injection import without_orders

INSTRUCTION = (
    "Answer the question in one or two complete sentences, using only the passages below. "
    "Do not add anything that the passages do not say. "
    "If they do not answer it, reply only: Not in the documents."
)
REFUSAL = "not in the documents"
MIN_CUT = 20  # characters; less of a passage says nothing


def build_prompt(
    question: str, hits: Sequence[Hit], count_tokens: Callable[[str], int], budget: int
) -> tuple[str, list[Hit]]:
    """The user message, at most `budget` tokens long, and the hits that it has room for.

    Hits are taken in order, best first, and neighbours among them joined; the first that does not
    fit ends the list. The best one is cut where it alone would be too long. A question that fills
    the budget leaves room for none.
    """

    def fits(texts: Sequence[str]) -> bool:
        return count_tokens(_message(question, texts)) <= budget

    used: list[Hit] = []
    texts: list[str] = []
    for count in range(1, len(hits) + 1):
        joined = join_neighbours(hits[:count])
        numbered = [passage_text(number, hit) for number, hit in enumerate(joined, 1)]
        if not fits(numbered):
            break
        used, texts = joined, numbered
    if hits and not used:
        text = passage_text(1, hits[0])
        too_long = bisect_left(range(len(text)), True, key=lambda size: not fits([text[:size]]))
        if too_long > MIN_CUT:
            used, texts = [hits[0]], [text[: too_long - 1]]
    return _message(question, texts), used


def join_neighbours(hits: Sequence[Hit]) -> list[Hit]:
    """The hits, but neighbouring passages of one section as one, at the place of the better one.

    What was cut apart to fit the embedder reads as it stands in the document.
    """
    runs: list[list[int]] = []  # places in `hits`
    for place in sorted(range(len(hits)), key=lambda place: hits[place].passage_id):
        if runs and _follows(hits[place], hits[runs[-1][-1]]):
            runs[-1].append(place)
        else:
            runs.append([place])
    return [
        _joined(hits[min(run)], [hits[place] for place in run]) for run in sorted(runs, key=min)
    ]


def _follows(hit: Hit, earlier: Hit) -> bool:
    """Whether a hit goes on where the earlier one ends; passages of a document are numbered."""
    one, two = earlier.passage, hit.passage
    return (
        not earlier.is_given
        and hit.passage_id == earlier.passage_id + 1
        and (hit.path, hit.also_in) == (earlier.path, earlier.also_in)
        and (one.title, one.headings, one.page) == (two.title, two.headings, two.page)
    )


def _joined(best: Hit, run: Sequence[Hit]) -> Hit:
    """The best hit of a run with the blocks of all."""
    blocks = tuple(block for hit in run for block in hit.passage.blocks)
    return replace(best, passage=replace(best.passage, blocks=blocks))


def passage_text(number: int, hit: Hit) -> str:
    """A passage as the generator reads it: without orders to whoever reads it."""
    passage = hit.passage
    title = passage.title or hit.document_title
    text = without_orders(passage.blocks)
    return f"[{number}] {contextual_text(title, passage.headings, text)}"


def _message(question: str, texts: Sequence[str]) -> str:
    passages = "\n\n".join(texts)
    return f"{INSTRUCTION}\n\nPassages:\n\n{passages}\n\nQuestion: {question}"
