"""An answer's sentences as a reader sees them, with the markers of their sources apart.

Mathematics is shown, not its LaTeX; control characters are gone. Knows nothing of forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ragqa.records import Answer, Citation, Sentence
from ragqa.text.clean import clean, clean_line
from ragqa.text.latex import formulas_in, readable, shown

FLOWS = ("text", "lead")  # kinds of sentences that make a paragraph
VERDICTS = {"supported": "", "partly": " [partly supported]", "unsupported": " [unsupported]"}
ENDING = r"""(?:[.!?…:;]+["')\]”’]*)?\s*\Z"""  # the markers of a sentence stand before it


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence whose text has no markers: they are `numbers`, and `ending` comes after them."""

    sentence: Sentence
    numbers: tuple[int, ...] = ()
    ending: str = ""

    @property
    def kind(self) -> str:
        """That of the sentence."""
        return self.sentence.kind

    @property
    def markers(self) -> str:
        """The numbers as a reader sees them."""
        return "".join(f"[{number}]" for number in self.numbers)

    @property
    def verdict(self) -> str:
        """What is said of it where it is not supported."""
        return VERDICTS[self.sentence.support]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of a row's columns; none where they are not known."""
        return tuple(name for name, _ in self.sentence.cells)


def told(answer: Answer) -> list[Told]:
    """The sentences of an answer as a reader sees them."""
    formulas = formulas_of(answer.citations)
    return [as_read(sentence, formulas) for sentence in answer.sentences]


def formulas_of(citations: Iterable[Citation]) -> tuple[str, ...]:
    """What the quoted sources have as mathematics; the text that was read from them says it not."""
    return formulas_in(citation.quote for citation in citations)


def short_words(answer: Answer) -> str:
    """The words that answer exactly, as a reader sees them; empty where there are none."""
    return readable(clean_line(answer.short or ""), formulas_of(answer.citations))


def as_read(sentence: Sentence, formulas: tuple[str, ...] = ()) -> Told:
    """A sentence as a reader sees it."""
    text, numbers, ending = _parted(clean(sentence.text), sentence.citations)
    if sentence.kind == "code":
        text, ending = text + ending, ""
        is_formula = " ".join(text.split()) in formulas
        text = shown(text) if is_formula else text
    else:
        text = readable(text, formulas)
    cells = tuple(
        (readable(clean_line(name), formulas), readable(clean_line(value), formulas))
        for name, value in sentence.cells
    )
    mark = clean_line(sentence.mark)
    return Told(replace(sentence, text=text, mark=mark, cells=cells), numbers, ending)


def _parted(text: str, citations: Sequence[int]) -> tuple[str, tuple[int, ...], str]:
    """The text before its markers, their numbers, and the text behind them."""
    markers = "".join(f"[{number}]" for number in citations)
    match = re.search(rf"(?:\s+|\A){re.escape(markers)}({ENDING})", text) if markers else None
    if match is None:
        return text, (), ""
    return text[: match.start()], tuple(citations), match[1].rstrip()


def groups(sentences: Iterable[Told]) -> Iterator[list[Told]]:
    """Sentences together that are one paragraph or one table, each other by itself."""
    group: list[Told] = []
    for one in sentences:
        if group and not _goes_with(group[-1], one):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _goes_with(before: Told, one: Told) -> bool:
    if one.kind == before.kind == "row":
        return one.columns == before.columns != () and "\n\n" not in one.sentence.gap
    return one.kind == before.kind in FLOWS and "\n" not in one.sentence.gap


def quote_lines(citation: Citation) -> list[str]:
    """The quote as a reader sees it, in quotation marks."""
    text = readable(clean(citation.quote_text), formulas_of([citation]))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines).join("“”").split("\n")
