"""Question + Sources -> what the generator is told, inside a token budget.

Pure: the token counter is passed in. The text of a passage is data: the generator tokenizes it
without special tokens, so nothing in it can act as a part of the chat template.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from ragqa.answering.pieces import Source, joined
from ragqa.records import Hit, contextual_text

INSTRUCTION = (
    "Answer the question in one or two complete sentences, using only the passages below. "
    "Do not add anything that the passages do not say. "
    "If they do not answer it, reply only: Not in the documents."
)
REFUSAL = "not in the documents"
MIN_CUT = 20  # characters; less of a passage says nothing


def build_prompt(
    question: str, sources: Sequence[Source], count_tokens: Callable[[str], int], budget: int
) -> tuple[str, list[Source]]:
    """The user message, at most `budget` tokens long, and the sources that it has room for.

    They are taken in order, best first, and neighbours among them joined; the first that does not
    fit ends the list. The best one is cut where it alone would be too long. A question that fills
    the budget leaves room for none.
    """

    def fits(texts: Sequence[str]) -> bool:
        return count_tokens(_message(question, texts)) <= budget

    used: list[Source] = []
    texts: list[str] = []
    for count in range(1, len(sources) + 1):
        whole = join_neighbours(sources[:count])
        numbered = [passage_text(number, source) for number, source in enumerate(whole, 1)]
        if not fits(numbered):
            break
        used, texts = whole, numbered
    if sources and not used:
        text = passage_text(1, sources[0])
        too_long = bisect_left(range(len(text)), True, key=lambda size: not fits([text[:size]]))
        if too_long > MIN_CUT:
            used, texts = [sources[0]], [text[: too_long - 1]]
    return _message(question, texts), used


def join_neighbours(sources: Sequence[Source]) -> list[Source]:
    """The sources, but neighbouring passages of one section as one, at the place of the better one.

    What was cut apart to fit the embedder reads as it stands in the document.
    """
    hits = [source.hit for source in sources]
    runs: list[list[int]] = []  # places in `sources`
    for place in sorted(range(len(hits)), key=lambda place: hits[place].passage_id):
        if runs and _follows(hits[place], hits[runs[-1][-1]]):
            runs[-1].append(place)
        else:
            runs.append([place])
    return [
        joined(hits[min(run)], [sources[place] for place in run]) for run in sorted(runs, key=min)
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


def passage_text(number: int, source: Source) -> str:
    """A passage as the generator reads it: without orders to whoever reads it."""
    passage = source.hit.passage
    title = passage.title or source.hit.document_title
    return f"[{number}] {contextual_text(title, passage.headings, source.evidence)}"


def _message(question: str, texts: Sequence[str]) -> str:
    passages = "\n\n".join(texts)
    return f"{INSTRUCTION}\n\nPassages:\n\n{passages}\n\nQuestion: {question}"
