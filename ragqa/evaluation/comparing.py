"""Two texts, or a text and what must stand in it: do they agree? Pure.

Knows nothing of questions, answers or where a text is from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

MARKER = re.compile(r"\s*\[\d+\]")  # of a citation
ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = re.compile(r"[^\w\s]|_")
WORD = re.compile(r"\S*\w\S*")  # marks of a list, and what stands between cells, are none


def contains_any(text: str, accepted: Iterable[str]) -> bool:
    """True when one of the strings stands in the text, from the start of a word on.

    A number must stand there whole: "20" is not in "2,048" or "20.5".
    """
    plain = _plain(text)
    return any(
        re.search(
            r"(?<!\w)(?<!\d[.,])" + re.escape(wanted) + r"(?![.,]?\d)" * wanted[-1:].isdigit(),
            plain,
        )
        for wanted in map(_plain, accepted)
    )


def best_f1(text: str, accepted: Iterable[str]) -> float:
    """The best F1 of the words of a text and those of an accepted answer.

    As the official script of SQuAD has it (Rajpurkar et al. 2016, arXiv:1606.05250): lower case,
    without punctuation and articles. Citation markers are no part of the answer.
    """
    words = Counter(_squad_words(text))
    return max((_f1(words, Counter(_squad_words(wanted))) for wanted in accepted), default=0.0)


def _f1(found: Counter[str], wanted: Counter[str]) -> float:
    common = (found & wanted).total()
    return 2 * common / (found.total() + wanted.total()) if common else 0.0


def _squad_words(text: str) -> list[str]:
    text = PUNCTUATION.sub("", MARKER.sub("", text).lower())
    return ARTICLE.sub(" ", text).split()


def _plain(text: str) -> str:
    """Text as it is shown, in lower case."""
    return _shown(text).lower()


def nuggets_in(text: str, nuggets: Iterable[re.Pattern[str]]) -> tuple[bool, ...]:
    """For each nugget, whether it is in the text, wherever its lines and citations are.

    Nothing is in an empty text: also not what matches where something is missing.
    """
    shown = _shown(text)
    return tuple(bool(shown and nugget.search(shown)) for nugget in nuggets)


def word_count(text: str) -> int:
    """How many words a reader has to read; citation markers are none."""
    return len(WORD.findall(_shown(text)))


def _shown(text: str) -> str:
    """Text on one line, without citation markers."""
    return " ".join(MARKER.sub("", text).split())
