"""A word that no passage has -> the word of the index that was probably meant.

Looks among the stems of the full-text index that begin with the same letter, by the likeness of
their letters (Ratcliff & Obershelp 1988, as in difflib). Knows nothing of questions.
"""

from __future__ import annotations

import sqlite3
from difflib import get_close_matches

from ragqa.text.bm25 import stems_of_tokens, tokens_of

SHORTEST = 5  # letters of a word that is looked for: shorter ones have too many neighbours
LIKE = 0.84  # "halucin" and "hallucin" are .93 alike, "internal" and "internet" .75
SEEN = 2  # passages with a word: a single one may be misspelled itself
LONGER = 2  # letters
VOCABULARY = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, passage_text, row)"
)
CANDIDATES = (
    "SELECT term FROM temp.vocabulary WHERE term >= ? AND term < ? AND doc >= ?"
    " AND length(term) BETWEEN ? AND ?"
)


def meant_by(word: str, db: sqlite3.Connection) -> str | None:
    """The word of the index that is spelled nearly like this one, which it has not; or None."""
    if len(word) < SHORTEST or not word.isalpha():
        return None
    (stem,) = stems_of_tokens(tokens_of(word)[:1]) or ("",)
    if not stem:
        return None
    db.execute(VOCABULARY)
    bounds = (len(stem) - LONGER, len(stem) + LONGER)
    found = db.execute(CANDIDATES, (stem[0], chr(ord(stem[0]) + 1), SEEN, *bounds))
    close = get_close_matches(stem, [term for (term,) in found], 1, LIKE)
    return _word_with(close[0], db) if close else None


def _word_with(stem: str, db: sqlite3.Connection) -> str | None:
    """A word of that stem, as it stands in a passage."""
    query = "SELECT title, headings, body FROM passage_text WHERE passage_text MATCH ? LIMIT 1"
    row = db.execute(query, (f'"{stem}"',)).fetchone()
    tokens = tokens_of(" ".join(text or "" for text in row)) if row else []
    pairs = zip(tokens, stems_of_tokens(tokens), strict=True)
    return next((token for token, one in pairs if one == stem), None)
