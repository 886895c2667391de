"""An index -> questions about its documents, whose answers are known: for want of a user's own.

Answerable ones come from single sentences: definitions ("X is a ..." makes "What is X?"), numbers
and names that are taken out (what is left is asked as a few key words, or as the sentence with a
gap), and headings that are questions. Unanswerable ones are made in the same way of documents that
are then kept out of the search, with all others in which the answer seems to stand (`Question.
without`), so that they are near the topics; the others are from a general list, far from them.

What that is worth: real questions use other words than the documents; these use the documents' own,
and one sentence answers each. So retrieval looks better on them than it is, and so does the
confidence. The templates are for English. Whether another document answers a question after all is
judged by its words alone, in both directions. A file of real questions is better, however short.

Deterministic: the same index and seed make the same questions. Knows nothing of how they are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain, islice, zip_longest
from pathlib import Path
from random import Random

from ragqa.errors import DocumentError
from ragqa.evaluation.questions import Question
from ragqa.records import Passage
from ragqa.store.base import Snapshot
from ragqa.text.bm25 import question_words
from ragqa.text.sentences import STOP_WORDS, split_sentences, stems_of

FEWEST = 10  # questions that are worth asking
PER_DOCUMENT = 3  # at least, where the documents have so many
LEFT_OUT = 4  # documents, at most, that are kept out of the search for one question
LOOKED_AT = 100  # passages with a phrase; where there are more, one cannot tell
KINDS = (("definition", "heading"), ("number",), ("name",))  # as many of each group

MARKER = re.compile(r"\s*\[\d+(?:[,\s]+\d+)*\]")
DEFINITION = re.compile(
    r"(?P<article>The |An? )?(?P<term>[^\W_][\w+./' -]{1,40}?) (?P<verb>is|are)"
    r" (?P<said>(?:an?|the|any|one of the|a kind of) \w[^.;:()]*)"
)
CLAUSE_END = re.compile(
    r",| (?:that|which|who|whose|where|when|because|so|and|but|for|in|by|from) "
)
NUMBER = re.compile(r"(?<![\w.,/$€£-])[$€£]?\d+(?:[.,]\d+)*(?: ?%)?(?![\w/-]|[.,]\d)")
YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
NAME = re.compile(r"\b[A-Z][\w-]*[a-z](?: (?:van |von |de |of )?[A-Z][\w-]*[a-z])+(?![\w-])")
NO_TERM = frozenset(
    "it this that these those there they he she we you i what which who here one other another"
    " such each both all most many some first second last next result reason idea goal".split()
)
NO_SECTION = re.compile(r"reference|source|literature|link|further reading|see also|note", re.I)
SECTION_NUMBER = re.compile(r"[\d.]+[.)]? +")
WORD = re.compile(r"[^\W_][\w.+/'-]*[^\W_]|[^\W_]")
ANSWER_WORDS = 8  # of what a definition says
BEFORE, AFTER = 7, 4  # words of a sentence that are kept around the gap
VERBS = ("is mentioned for", "was reported about", "is stated on", "do my notes give on")
ASKING = frozenset(stems_of(f"which name number year percentage {' '.join(VERBS)}"))
KEY_WORDS = (2, 4)  # at least and at most
REPLACED = 1 / 3  # of the key words: a user's words are not all the document's


@dataclass(frozen=True, slots=True)
class Fact:
    """A question with the place that answers it."""

    kind: str
    text: str
    answers: tuple[str, ...]
    path: str
    title: str = ""

    @property
    def question(self) -> Question:
        """The question, of the whole index."""
        return Question(self.text, True, self.answers, (self.path,), kind=self.kind)


def make_questions(snapshot: Snapshot, count: int, seed: int = 0) -> list[Question]:
    """About `count` questions: of four three answerable; of the others half near the topics.

    Raises DocumentError when the documents give too few.
    """
    random = Random(seed)
    facts = _facts(snapshot, random, 2 * count)
    answerable = [fact.question for fact in facts[: count * 3 // 4]]
    # Others where there are enough: else the same question is asked with and without its document.
    others = facts[len(answerable) :] + facts[: len(answerable)]
    held_out, swapped = _held_out(others, snapshot), _swapped(others, snapshot, random)
    by_turns = chain.from_iterable(zip_longest(held_out, swapped))
    near = list(islice(filter(None, by_turns), count // 8))
    far = list(islice(_general(snapshot, random), count - count * 3 // 4 - count // 8))
    if len(answerable) + len(near) < FEWEST:
        raise DocumentError(
            f"only {len(answerable) + len(near)} questions could be made of the documents",
            "give a file with questions (they are made for English)",
        )
    return answerable + near + far


# Answerable ---------------------------------------------------------------------------------


def _facts(snapshot: Snapshot, random: Random, wanted: int) -> list[Fact]:
    """Facts of documents in random order, the kinds by turns."""
    paths = [path for path, _ in snapshot.titles()]
    random.shuffle(paths)
    each = max(PER_DOCUMENT, -(-wanted // max(len(paths), 1)))
    found: list[Fact] = []
    for path in paths:
        if len(found) >= wanted:
            break
        facts = list(_facts_of(path, snapshot, random))
        random.shuffle(facts)
        found += _by_turns(facts)[:each]
    unique = {fact.text.lower(): fact for fact in _by_turns(found)}
    return list(unique.values())


def _by_turns(facts: Sequence[Fact]) -> list[Fact]:
    """One of each group of kinds after the other, as long as there are any."""
    groups = [[fact for fact in facts if fact.kind in kinds] for kinds in KINDS]
    return [fact for fact in chain.from_iterable(zip_longest(*groups)) if fact]


def _facts_of(path: str, snapshot: Snapshot, random: Random) -> Iterator[Fact]:
    document = snapshot.document(path)
    stored = snapshot.passages(snapshot.passages_of(document.id) if document else [])
    title = (document.title if document else None) or Path(path).stem
    passages = [
        each.passage
        for each in stored.values()
        if not NO_SECTION.search(" ".join(each.passage.headings[-1:]))
    ]
    topic = [word for each in passages for text in _sentences(each) for word in _content(text)]
    for passage in passages:
        yield from _of_heading(passage, title, path)
        for sentence in _sentences(passage):
            yield from _of_definition(sentence, path)
            for gap in _gaps(sentence, title, topic, random):
                text = random.choice((_as_key_words, _as_gap, _as_request))(gap, random)
                if len(stems_of(text)) > 2 and gap.answer.lower() not in text.lower():
                    yield Fact(gap.kind, text, (gap.answer,), path, title)


def _sentences(passage: Passage) -> list[str]:
    """Whole sentences of running text, without their citation markers."""
    blocks = [block for block in passage.blocks if block.kind in ("paragraph", "list_item")]
    texts = (MARKER.sub("", block.text) for block in blocks)
    sentences = (" ".join(text.split()) for each in texts for text in split_sentences(each))
    return [text for text in sentences if text[-1:] in ".!" and 6 <= len(text.split()) <= 40]


def _of_heading(passage: Passage, title: str, path: str) -> Iterator[Fact]:
    """A heading that is a question; each sentence below it is taken for an answer."""
    heading = SECTION_NUMBER.sub("", passage.headings[-1]) if passage.headings else ""
    sentences = _sentences(passage)
    if heading.endswith("?") and len(heading.split()) > 2 and sentences:
        named = set(stems_of(title)) & set(stems_of(heading))
        text = heading if named else f"{title}: {heading}"
        yield Fact("heading", text, tuple(sentences), path)


def _of_definition(sentence: str, path: str) -> Iterator[Fact]:
    found = DEFINITION.match(sentence)
    if not found:
        return
    term, words = found["term"], found["term"].lower().split()
    said = " ".join(CLAUSE_END.split(found["said"])[0].split()[:ANSWER_WORDS])
    if len(words) <= 4 and not NO_TERM & set(words) and len(said.split()) > 1:
        article = (found["article"] or "").lower()
        yield Fact("definition", f"What {found['verb']} {article}{term}?", (said,), path)


@dataclass(frozen=True, slots=True)
class Gap:
    """A sentence without a number or a name; `topic` are the words of its document."""

    kind: str
    answer: str
    before: Sequence[str]
    after: Sequence[str]
    title: str
    topic: Sequence[str]


def _gaps(sentence: str, title: str, topic: Sequence[str], random: Random) -> Iterator[Gap]:
    """The sentence without one of its numbers, and without one of its names."""
    numbers = [m for m in NUMBER.finditer(sentence) if len(m[0]) > 1]
    names = [m for m in NAME.finditer(sentence) if _is_name(m[0], title)]
    for kind, matches in (("number", numbers), ("name", names)):
        if matches:
            gap = random.choice(matches)
            before = WORD.findall(sentence[: gap.start()])
            after = WORD.findall(sentence[gap.end() :])
            yield Gap(kind, gap[0], before, after, title, topic)


def _is_name(text: str, title: str) -> bool:
    return text.split()[0].lower() not in STOP_WORDS and text.lower() not in title.lower()


def _asked(gap: Gap) -> str:
    """What is asked for."""
    if gap.kind == "name":
        return "which name"
    if YEAR.fullmatch(gap.answer):
        return "which year"
    return "which percentage" if gap.answer.endswith("%") else "which number"


def _as_gap(gap: Gap, random: Random) -> str:
    """The words around the gap in their order; the title where they are not the whole start."""
    text = " ".join([*gap.before[-BEFORE:], _asked(gap), *gap.after[:AFTER]])
    whole = len(gap.before) <= BEFORE and not NO_TERM & {w.lower() for w in gap.before[:1]}
    return f"{text}?" if whole else f"{gap.title}: {text}?"


def _as_key_words(gap: Gap, random: Random) -> str:
    """A few words behind the title, as one types them into a search box."""
    return f"{gap.title} {_key_words(gap, random)} {_asked(gap)}"


def _as_request(gap: Gap, random: Random) -> str:
    """The same as a question, with words that are not the document's."""
    asked = f"{_asked(gap)} {random.choice(VERBS)}".capitalize()
    return f"{asked} {gap.title}, {_key_words(gap, random)}?"


def _key_words(gap: Gap, random: Random) -> str:
    """Some words of the sentence, some of them replaced by others on the same topic."""
    words = _content(" ".join((*gap.before, *gap.after)))
    places = sorted(random.sample(range(len(words)), min(len(words), random.randint(*KEY_WORDS))))
    chosen = (
        random.choice(gap.topic) if random.random() < REPLACED else words[place] for place in places
    )
    shown = {word.lower() for word in WORD.findall(gap.title)}
    return " ".join(word for word in dict.fromkeys(chosen) if word.lower() not in shown)


def _content(text: str) -> list[str]:
    """The words that say something."""
    return [word for word in WORD.findall(text) if word.lower() not in STOP_WORDS | {"et", "al"}]


# Not answerable -----------------------------------------------------------------------------


def _held_out(facts: Iterable[Fact], snapshot: Snapshot) -> Iterator[Question]:
    """Questions whose documents may not be used; some other document must be left."""
    most = min(LEFT_OUT, snapshot.counts()[0] - 1)
    for fact in facts:
        others = _other_documents(fact, snapshot)
        if others is not None and len(others) < most:
            without = (fact.path, *sorted(others))
            made = replace(fact.question, answerable=False, answers=(), sources=())
            yield replace(made, without=without, kind=f"{fact.kind}, held out")


def _swapped(facts: Sequence[Fact], snapshot: Snapshot, random: Random) -> Iterator[Question]:
    """Questions on one document that are asked of the subject of another, which does not say it.

    Half of the key words must not stand in that document at all: notes of one form say the same
    of each of their subjects.
    """
    for fact in facts:
        other = random.choice(facts)
        if not fact.title or not other.title or other.title == fact.title:
            continue
        text = fact.text.replace(fact.title, other.title, 1)
        words = _key_stems(fact.text) - set(stems_of(f"{fact.title} {other.title}"))
        document = snapshot.document(other.path)
        ids = snapshot.passages_of(document.id) if document else []
        said = set().union(*(stems for _, stems in _with_stems(ids, snapshot)))
        if text == fact.text or 2 * len(words & said) > len(words) or not words:
            continue
        if not _with_all_words(text, snapshot):
            yield Question(text, answerable=False, kind=f"{fact.kind}, swapped")


def _key_stems(text: str) -> set[str]:
    """The stems of a made question's words, but for those that only ask."""
    return set(stems_of(text)) - ASKING


def _other_documents(fact: Fact, snapshot: Snapshot) -> set[str] | None:
    """The other documents that may answer it; None where there are too many to tell.

    Those in which the answer stands beside one of the question's two rarest key words, and those
    in which all of these stand together.
    """
    words = [word for word in question_words(fact.text) if not ASKING.issuperset(stems_of(word))]
    frequencies = snapshot.statistics(words).frequencies
    rarest = set(stems_of(" ".join(sorted(words, key=lambda word: frequencies[word])[:2])))
    with_answer = snapshot.lexical(fact.answers[:1], LOOKED_AT)
    if len(with_answer) == LOOKED_AT:
        return None
    passages = _with_stems([number for number, _ in with_answer], snapshot)
    beside = {path for path, stems in passages if rarest & stems}
    return (beside | _with_all_words(fact.text, snapshot)) - {fact.path}


def _with_all_words(text: str, snapshot: Snapshot) -> set[str]:
    """The documents that have all key words of a question in one passage."""
    words = _key_stems(text)
    alike = [number for number, _ in snapshot.lexical(question_words(text), LOOKED_AT)]
    return {path for path, stems in _with_stems(alike, snapshot) if words <= stems}


def _with_stems(ids: Sequence[int], snapshot: Snapshot) -> Iterator[tuple[str, set[str]]]:
    """Path and word stems of each passage."""
    for stored in snapshot.passages(ids).values():
        yield stored.path, set(stems_of(stored.passage.embedded_text))


def _general(snapshot: Snapshot, random: Random) -> Iterator[Question]:
    """Questions of the general list; not those of which a passage has half of the words."""
    lines = (files("ragqa") / "data" / "general_questions.txt").read_text("utf-8").splitlines()
    random.shuffle(lines)
    for line in lines:
        alike = [number for number, _ in snapshot.lexical(question_words(line), LOOKED_AT)]
        words = set(stems_of(line))
        if not any(
            2 * len(words & stems) >= len(words) for _, stems in _with_stems(alike, snapshot)
        ):
            yield Question(line, answerable=False, kind="general")
