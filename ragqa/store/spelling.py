"""A word that no passage has -> the word of the index that was probably meant.

Looks among the stems of the full-text index that begin with the same letter: those of the same
letters, some of them swapped or doubled, as in "serail" and "cofee", before those whose letters
are alike (Ratcliff & Obershelp 1988, as in difflib). Knows nothing of questions.
"""

from __future__ import annotations

import sqlite3
from difflib import SequenceMatcher
from itertools import groupby

from ragqa.text.bm25 import stems_of_tokens, tokens_of
from ragqa.text.sentences import STOP_WORDS

SHORTEST = 4  # letters of a word that is looked for, and of one that is only like it: shorter
LIKE_FROM = 5  # ones have too many neighbours
LIKE = 0.84  # "halucin" and "hallucin" are .93 alike, "internal" and "internet" .75
LONGER = 2  # letters
LONG = 6  # letters of a stem that may stand for a much longer word, or another of its letters
VOCABULARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, passage_text, row)"
)
PLACES = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.places USING fts5vocab(main, passage_text, instance)"
)
CANDIDATES = (
    "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?"
)


def meant_by(word: str, db: sqlite3.Connection) -> str | None:
    """The word of the index that is spelled nearly like this one, which it has not; or None."""
    if len(word) < SHORTEST or not word.isalpha():
        return None
    (stem,) = stems_of_tokens(tokens_of(word)[:1]) or ("",)
    if not stem:
        return None
    db.execute(VOCABULARY)
    bounds = (SHORTEST, len(word) + LONGER)
    found = db.execute(CANDIDATES, (stem[0], chr(ord(stem[0]) + 1), *bounds))
    terms = (term for (term,) in found if term not in STOP_WORDS)
    likeness = {term: _likeness(word.lower(), stem, term) for term in terms}
    best = max(likeness, key=lambda term: (likeness[term], term), default="")
    return _word_with(best, db) if best and likeness[best] >= LIKE else None


def _likeness(word: str, stem: str, term: str) -> float:
    """Of a stem and one of the index: a misspelled end may have kept its word from being cut."""
    spellings = (word, word[:-1], stem) if len(stem) >= LONG else (word, word[:-1])
    if _letters(term) in map(
        _letters, spellings
    ):  # "many" is no "main": of both "mani" is the stem
        return 1.0
    if min(len(word), len(term)) < LIKE_FROM:
        return 0.0
    if abs(len(stem) - len(term)) <= LONGER:
        return SequenceMatcher(None, stem, term).ratio()
    return SequenceMatcher(None, word[: len(term)], term).ratio() if len(term) > LONG else 0.0


def _letters(word: str) -> str:
    """The letters of a word in the order of the alphabet, the doubled ones once."""
    return "".join(sorted(letter for letter, _ in groupby(word)))


def _word_with(stem: str, db: sqlite3.Connection) -> str | None:
    """A word of that stem, as it stands in a passage."""
    db.execute(PLACES)  # a search would take the stem for a word, and cut it again
    query = (
        "SELECT title, headings, names, body FROM passage_text"
        " WHERE rowid = (SELECT doc FROM temp.places WHERE term = ? LIMIT 1)"
    )
    row = db.execute(query, (stem,)).fetchone()
    tokens = tokens_of(" ".join(text or "" for text in row)) if row else []
    pairs = zip(tokens, stems_of_tokens(tokens), strict=True)
    return next((token for token, one in pairs if one == stem), None)
