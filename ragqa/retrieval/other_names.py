"""Query + passage -> the names, beside title and headings, by which the question calls it.

That is an alias of the note, or the initials of its title or of a heading: "TP" for "Tensor
parallelism". Knows nothing of scores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ragqa.query import Query
from ragqa.store.base import StoredPassage
from ragqa.text.sentences import stems_of

INITIALS = re.compile(r"\b[A-Z]{2,6}(?=s?\b)")
WORD = re.compile(r"[^\W\d_]+")
NOT_TAKEN = frozenset("a an and by for from in of on or the to with".split())


def other_names(query: Query, stored: StoredPassage) -> tuple[str, ...]:
    """Those of which the question has a word that neither title nor headings have."""
    names = [stored.document_title or "", *stored.passage.headings]
    asked = set(query.stems)
    missing = asked - set(stems_of(" ".join(names)))
    if not missing:
        return ()
    stems = {alias: set(stems_of(alias)) for alias in stored.aliases}
    aliases = [alias for alias in stems if stems[alias] <= asked and missing & stems[alias]]
    return tuple(dict.fromkeys([*aliases, *_initials(query.read_as, names)]))


def _initials(question: str, names: Iterable[str]) -> Iterator[str]:
    """The words in capitals of the question that are the initials of a name."""
    asked = set(INITIALS.findall(question))
    for name in names if asked else ():
        words = [word.lower() for word in WORD.findall(name)]
        for taken in (words, [word for word in words if word not in NOT_TAKEN]):
            initials = "".join(word[0] for word in taken).upper()
            if initials in asked:
                yield initials
