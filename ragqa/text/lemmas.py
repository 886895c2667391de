"""Text -> the lemmas of its words, for verdicts: "trained" is "train", "internal" no "internet".

English tables (simplemma), which take .2 s to load: at the first word, or where `load` is called
beside other work. Words of other languages, and those that the tables lack, stay as they are but
for a plural's s. Knows no records.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

from ragqa.text.sentences import STOP_WORDS, capitalised, is_number, words_of

TABLES = "simplemma"  # the package whose version decides what a lemma is
MIN_LETTERS = 3  # the tables have "m" and "ai" as forms of "be"
MIN_PREFIX, MIN_KNOWN = 2, 5  # letters of a word unknown as a whole: "pre" and "training"
Compounds = Mapping[str, tuple[str, str]]  # a word written together -> its two parts


def load() -> None:
    """Load the tables, so that the first verdict does not wait for them."""
    _lemma("words")


def lemmas_of(text: str) -> list[str]:
    """The words that carry content, each as its lemma in lower case; numbers whole."""
    lemmas = (_lemma(word) for word in words_of(text) if word not in STOP_WORDS)
    return [lemma for lemma in lemmas if lemma not in STOP_WORDS]  # "doesn't" is "do"


def named_lemmas(text: str) -> list[str]:
    """The lemmas of the names in a text."""
    return [lemma for word in capitalised(text) for lemma in lemmas_of(word)]


@lru_cache(maxsize=1 << 16)
def _lemma(word: str) -> str:
    """The lemma of a word in lower case; a very short one is as good as whole: "AI" is no "are"."""
    word = word.removesuffix("'s") or word
    if is_number(word) or len(word) < MIN_LETTERS:
        return word
    import simplemma

    if simplemma.is_known(word, "en"):
        return simplemma.lemmatize(word, "en").lower()
    for start in range(MIN_PREFIX, len(word) - MIN_KNOWN + 1):
        if simplemma.is_known(word[start:], "en"):  # "pretraining", "hyperparameters"
            return word[:start] + _lemma(word[start:])
    is_plural = len(word) > MIN_LETTERS and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if is_plural else word


def compounds_of(lemmas: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Each two neighbours, by the word that they would be if they were written together."""
    return {one + two: (one, two) for one, two in pairwise(lemmas) if _may_join(one, two)}


def spelled_as(lemmas: Iterable[str], words: Container[str], compounds: Compounds) -> list[str]:
    """Lemmas with compounds written together or apart as a text does that has these words.

    "fine-tuning" is "finetuning" where the text has that alone, and the other way round.
    """
    spelled: list[str] = []
    for lemma in lemmas:
        last = spelled[-1] if spelled else ""
        if _may_join(last, lemma) and last + lemma in words and last + lemma not in compounds:
            spelled[-1] = last + lemma
        else:
            spelled += compounds[lemma] if lemma in compounds and lemma not in words else (lemma,)
    return spelled


def _may_join(one: str, two: str) -> bool:
    """Two words, and no letters of a formula or numbers."""
    return min(len(one), len(two)) > 1 and not is_number(one) and not is_number(two)
