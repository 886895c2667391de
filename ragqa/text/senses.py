"""Text -> in which sense it says something: as a fact, denied, wished for, supposed ...

"A metric should satisfy it" does not say that this one does. Words of English, each class by its
commonest ones. Knows no records.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from ragqa.text.sentences import is_negated, words_of

Sense = Literal["denied", "demanded", "possible", "supposed", "false", "good", "bad"]
# Not "can" and "will": who can search, searches.
WORDS: dict[Sense, frozenset[str]] = {
    "denied": frozenset("avoid avoids avoided avoiding lack lacks lacked lacking".split()),
    "demanded": frozenset(
        "should must shall ought need needs needed require requires required requirement"
        " requirements recommend recommends recommended".split()
    ),
    "possible": frozenset("may might could would perhaps possibly".split()),
    "supposed": frozenset("if unless suppose supposing imagine hypothetical".split()),
    "false": frozenset(
        "myth myths misconception misconceptions fallacy fallacies falsehood falsehoods untrue"
        " false".split()
    ),
    "good": frozenset("advantage advantages benefit benefits pros strength strengths".split()),
    "bad": frozenset(
        "disadvantage disadvantages drawback drawbacks cons weakness weaknesses limitation"
        " limitations".split()
    ),
}
VALUES: frozenset[Sense] = frozenset(("good", "bad"))
WIDE: frozenset[Sense] = frozenset(("denied", "supposed"))  # in one clause, they hold for the next
CLAUSE = re.compile(r"[^,;:()–—]+")
MONTH = re.compile(r"(?<=\s)May\b")  # no modal verb but at the start of a sentence


def senses_of(text: str) -> frozenset[Sense]:
    """The senses that a text has a word for; none where it states a fact."""
    words = set(words_of(MONTH.sub("", text)))
    found = {sense for sense, those in WORDS.items() if not words.isdisjoint(those)}
    return frozenset(found | {"denied"} if is_negated(text) else found)


def senses_about(text: str, concerns: Callable[[str], bool]) -> frozenset[Sense]:
    """The senses in which a sentence says something: those of the clauses that concern it.

    "It sings, and may also dance" does not say that it may sing.
    """
    clauses = CLAUSE.findall(text)
    return senses_of(text) & WIDE | senses_of(", ".join(filter(concerns, clauses)))


def agree(one: frozenset[Sense], other: frozenset[Sense]) -> bool:
    """Whether two texts that say the same mean it alike.

    A drawback is a fact that may be told without calling it so, but it is no advantage.
    """
    values = one & VALUES, other & VALUES
    if all(values) and values[0].isdisjoint(values[1]):
        return False
    return one - VALUES == other - VALUES
