"""Text -> sentences and words, for matching answers to quotes.

Rules for English, with typographic and CJK sentence ends. The libraries for this were weighed:
nltk and spaCy need a model download, pysbd is unmaintained since 2021. Knows no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ragqa.text.folding import folded

END = re.compile(r"[.!?…]+[\"')\]”’»*]*(?=\s)|[。！？]+[」』”）]*|\n+")
# A full stop after these is no end of a sentence.
ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'])(?:[A-Z]|e\.g|i\.e|etc|al|vs|cf|ca|approx|resp|Dr|Mr|Mrs|Ms|Prof|St|No|Nos"
    r"|Fig|Figs|Eq|Eqs|Sec|Sect|Ch|Vol|pp?|ed|eds|Inc|Ltd|Co|Corp|Jr|Sr|Jan|Feb|Mar|Apr|Jun|Jul"
    r"|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.K|a\.m|p\.m|Ph\.D)\.$"
)
# A list number at the start, "1." or "12)", is none either.
LIST_NUMBER = re.compile(r"\s*\(?\d{1,3}[.)]$")
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
# Where code begins, and all of it.
FENCE = re.compile(r"^```", re.M)
FENCED = re.compile(r"```[^\n]*\n.*?^```[^\S\n]*(?:\n|\Z)", re.M | re.S)
STEM_LENGTH = 6  # truncation stemming: crude, language-neutral, good enough for matching
# These take the next sentence's start into account: "approx. 5" goes on, "etc. The" does not.
MAY_END = tuple("No. etc. al. Inc. Ltd. Co. Corp. U.S. U.K. a.m. p.m. Jr.".split())

STOP_WORDS = frozenset(
    "a about all also am an and any are as at be been being but by can could did do does doing each"
    " for from had has have having he her here his how i if in into is it its itself just may me"
    " might more most must my no of on one only or other our out over own same she should so some"
    " such than that the their them then there these they this those through to too under up us use"
    " used uses using very was we were what when where whether which while who whom whose why will"
    " with within would you your please tell explain describe".split()
)
NEGATIONS = frozenset(
    "not no never cannot neither nor without none n't isn aren wasn don doesn".split()
)
NUMBER_WORDS = frozenset(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    " hundred thousand million billion half quarter once twice first second third".split()
)
# A document's own citation number: no index of a programming language, "argv[1]" or "x[0]".
OWN_MARKER = re.compile(r"(?:\s+|(?<!\w))\[[1-9]\d{0,2}(?:\s*[,;–-]\s*\d{1,3})*\](?!\()")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of `text` as half-open spans, white space at both ends left out."""
    spans = []
    start = 0
    for match in END.finditer(text):
        if match[0].startswith((".", "…")) and not _is_end(text, start, match):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    return [trimmed for span in spans if (trimmed := _trim(text, *span))[0] < trimmed[1]]


def _is_end(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether this full stop ends a sentence."""
    before = text[max(start, match.start() - 12) : match.start() + 1]
    following = text[match.end() :].lstrip()
    if LIST_NUMBER.fullmatch(text[start : match.start() + 1]):
        return False
    if ABBREVIATION.search(before):
        return before.endswith(MAY_END) and following[:1].isupper()
    return not following[:1].islower()


def _trim(text: str, first: int, last: int) -> tuple[int, int]:
    part = text[first:last]
    return first + len(part) - len(part.lstrip()), last - (len(part) - len(part.rstrip()))


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`."""
    return [text[first:last] for first, last in sentence_spans(text)]


def stream_sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The sentences of a text that comes in pieces, each as soon as the next one begins.

    Code between fences (CommonMark 0.31, 4.5) is one, with its fences.
    """
    text = ""
    for piece in pieces:
        text += piece
        opening = FENCE.search(text)
        if opening:
            yield from split_sentences(text[: opening.start()])
            text = text[opening.start() :]
            if block := FENCED.match(text):
                yield block[0].rstrip()
                text = text[block.end() :]
            continue
        spans = sentence_spans(text)
        for first, last in spans[:-1]:
            yield text[first:last]
        text = text[spans[-1][0] :] if spans else ""
    if text.strip():
        yield text.strip()


def words_of(text: str) -> list[str]:
    """All words in lower case, as a reader sees them; numbers without thousands separators."""
    words = (word.lower().replace("’", "'") for word in WORD.findall(folded(text)))
    return [word.replace(",", "") if is_number(word) else word for word in words]


def stems_of(text: str) -> list[str]:
    """The words that carry content, cut to their first letters; numbers whole."""
    return [_stem(word) for word in words_of(text) if word not in STOP_WORDS]


def _stem(word: str) -> str:
    if is_number(word):
        return word
    return word.removesuffix("'s")[:STEM_LENGTH].rstrip("s") or word


def is_number(word: str) -> bool:
    """True for a word or stem that begins with a digit."""
    return word[0].isdigit()


def numbers_of(text: str) -> set[str]:
    """The numbers in a text, as `words_of` writes them."""
    return {word for word in words_of(text) if is_number(word)}


def names_of(text: str) -> frozenset[str]:
    """The stems of the names in a text."""
    return frozenset(stem for word in capitalised(text) for stem in stems_of(word))


def capitalised(text: str) -> Iterator[str]:
    """The words with a capital letter; those at the start of a sentence need two."""
    text = folded(text)
    for first, last in sentence_spans(text):
        for number, match in enumerate(WORD.finditer(text, first, last)):
            if sum(map(str.isupper, match[0])) > (number == 0):
                yield match[0]


def facts_of(text: str) -> frozenset[str]:
    """What two texts must share that say the same: numbers, names and negations."""
    words = words_of(text)
    telling = (is_number(word) or word in NUMBER_WORDS or _denies(word) for word in words)
    return names_of(text).union(word for word, tells in zip(words, telling, strict=True) if tells)


def is_negated(text: str) -> bool:
    """True when the text denies something."""
    return any(map(_denies, words_of(text)))


def _denies(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")
