"""Which sentences are supported, and by which quote."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ragqa.answering.citations import MARKER
from ragqa.answering.pieces import sources_of
from ragqa.answering.verdicts import Judge
from ragqa.records import Hit
from ragqa.text.senses import senses_of
from ragqa.text.sentences import is_negated, sentence_spans
from tests.hits import LLAMA_NOTE as NOTE
from tests.hits import corpus_hits, sources_in

NUMBER = re.compile(r"(?<![\w.,;-])\d[\d,]*(?:\.\d+)?(?!\w)")
NAME = re.compile(r"(?<!^)\b[A-Z][\w-]+\b")
VERB = re.compile(r"\b(?:is|are|was|were|can|has|have|does|will)\b")
SAMPLE = 300  # sentences of the corpus


def _support(sentence: str, text: str = NOTE) -> str:
    return Judge(sources_in(text)).judge(sentence)[0]


def test_the_subject_may_come_from_title_and_headings() -> None:
    assert _support("Llama sizes: it was released by Meta in July 2023.") == "supported"


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("Llama 2 has 70 billion parameters.", "unsupported"),
        ("Llama 3 has 7 billion parameters.", "unsupported"),
        ("MMLU holds 15,908 subjects.", "partly"),
        ("MMLU holds 57 questions.", "partly"),
        ("MMLU holds 57 questions from 15,908 subjects.", "partly"),
        ("The photo app was bought in February.", "partly"),
        ("Facebook was founded in February and bought by the photo app in April.", "partly"),
        ("Llama 2 was released by Google in July 2023.", "partly"),
        ("Llama 2 does not have 7 billion parameters.", "partly"),
        ("It isn't open to everyone.", "partly"),
        ("Sourdough bread rises with wild yeast.", "unsupported"),
        ("It is.", "unsupported"),
    ],
)
def test_what_the_file_does_not_say_is_not_supported(sentence: str, support: str) -> None:
    assert _support(sentence) == support


@pytest.mark.parametrize(
    "sentence",
    [
        "Llama 2 has 7 billion parameters, and it was released by Meta in July 2023.",
        "The 15,908 questions of MMLU come from 57 subjects.",
        "In April the photo app was bought by Facebook.",
        "MMLU is open to everyone.",
    ],
)
def test_other_wordings_are_at_least_partly_supported(sentence: str) -> None:
    assert _support(sentence) in ("supported", "partly")


def test_the_negation_of_a_neighbouring_sentence_does_not_count() -> None:
    text = "# T\n\nSpelling is hard for a model. The model does not see letters.\n"
    assert _support("Spelling is hard for a model.", text) == "supported"
    assert _support("Spelling is not hard for a model.", text) == "partly"


def test_a_citation_number_of_the_document_is_no_fact() -> None:
    text = "# T\n\nBM25 needs no training [7].\n"
    assert _support("BM25 needs no training.", text) == "supported"
    assert _support("BM25 needs no training for 7 years.", text) == "unsupported"


def test_headings_alone_support_nothing() -> None:
    text = "# Byte-pair encoding\n\n## Tokenization\n\nMerges come first. [2]\n"
    assert _support("Byte-pair encoding is tokenization.", text) == "unsupported"


def test_without_hits_nothing_is_supported() -> None:
    assert Judge([]).judge("Llama 2 has 7 billion parameters.") == ("unsupported", [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("The model trains on books.", "The model was trained on books."),
        ("The model trains on books.", "The models are training on a book."),
        ("It is the best tool for studies.", "It is a better tool for a study."),
        ("It was ﬁne­tuned on news.", "It was fine-tuned on news."),
        ("It was ﬁne­tuned on news.", "Finetuning was on news."),
        ("Pre-training took 8 days.", "Pretraining takes 8 days."),
        ("It has ５１２ tokens.", "It has 512 tokens."),
        ("LLMs hallucinate names.", "An LLM hallucinates names."),
    ],
)
def test_another_form_of_a_word_says_the_same(text: str, sentence: str) -> None:
    assert _support(sentence, f"# T\n\n{text}\n") == "supported"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("The internet router is grey.", "The internal router is grey."),
        ("The generator costs 9 euros.", "The generation costs 9 euros."),
        ("The universe is old.", "The university is old."),
        ("The international office is closed.", "The internal office is closed."),
        ("The company was found in April.", "The company was founded in April."),
        ("It has 10²³ stars.", "It has 1023 stars."),
    ],
)
def test_a_word_that_begins_alike_says_something_else(text: str, sentence: str) -> None:
    assert _support(sentence, f"# T\n\n{text}\n") != "supported"


ITEM = "the triangle inequality holds"


@pytest.mark.parametrize(
    "lead_in",
    [
        "A metric should make sure of this:",
        "What you might see:",
        "If the light blinks:",
        "Never rely on this:",
        "Avoid:",
        "Myths about metrics:",
        "Distances are of two kinds. Some don't have it:",
        "## Requirements",
        "## Common misconceptions",
    ],
)
@pytest.mark.parametrize("between", ["", "- another item\n", "```\ncode\n```\n\n"])
def test_an_item_says_what_its_lead_in_makes_of_it(lead_in: str, between: str) -> None:
    text = f"# T\n\nIntro.\n\n{lead_in}\n\n{between}- {ITEM}\n"
    assert _support(f"The {ITEM[4:]}.", text) == "partly"


@pytest.mark.parametrize("lead_in", ["It is known that:", "## Facts", "## What if it is not so?"])
def test_an_item_below_a_plain_lead_in_is_a_fact(lead_in: str) -> None:
    assert _support(f"The {ITEM[4:]}.", f"# T\n\n{lead_in}\n\n- {ITEM}\n") == "supported"


@pytest.mark.parametrize(
    ("lead_in", "sentence", "support"),
    [
        ("A metric should:", "A metric should satisfy the triangle inequality.", "supported"),
        ("A metric should:", "A metric must satisfy the triangle inequality.", "supported"),
        ("A metric should:", "It satisfies the triangle inequality.", "partly"),
        ("A metric need not:", "A metric should satisfy the triangle inequality.", "partly"),
        ("Do not:", "Do not satisfy the triangle inequality.", "supported"),
        ("Advantages:", "A drawback: it satisfies the triangle inequality.", "partly"),
    ],
)
def test_what_the_lead_in_says_may_be_said(lead_in: str, sentence: str, support: str) -> None:
    text = f"# T\n\n{lead_in}\n\n- Satisfy the triangle inequality\n"
    assert _support(sentence, text) == support


def test_a_drawback_is_a_fact_but_no_advantage() -> None:
    text = "# Rust\n\nAdvantages:\n\n- it is fast\n\nDisadvantages:\n\n- it compiles slowly\n"
    assert _support("It compiles slowly.", text) == "supported"
    judge = Judge(sources_in(text))
    assert judge.judge("It compiles slowly.", lead_in="Disadvantages:")[0] == "supported"
    assert judge.judge("It compiles slowly.", lead_in="Its advantages are:")[0] == "partly"


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("The lamp blinks green.", "partly"),
        ("The lamp might blink green.", "supported"),
        ("The case is grey.", "supported"),
    ],
)
def test_what_may_be_is_no_fact(sentence: str, support: str) -> None:
    assert _support(sentence, "# T\n\nThe case is grey, the lamp may blink green.\n") == support


def _sentences(hits: tuple[Hit, ...]) -> list[str]:
    return [
        block.text[first:last]
        for hit in hits
        for block in hit.passage.blocks
        if block.kind not in ("code", "table", "heading")
        for first, last in sentence_spans(block.text)
        if 6 <= len(block.text[first:last].split()) <= 60
    ]


# How often the judge is wrong on sentences of the corpus and on falsified ones ----------------


def _other_number(sentence: str, chance: random.Random) -> str | None:
    places = list(NUMBER.finditer(sentence))
    if not places:
        return None
    place = chance.choice(places)
    number = int(float(place[0].replace(",", ""))) + chance.choice([1, 2, 3, 10])
    return f"{sentence[: place.start()]}{number}{sentence[place.end() :]}"


def _swapped(pattern: re.Pattern[str], sentence: str, chance: random.Random) -> str | None:
    places = list(pattern.finditer(sentence))
    pairs = [(a, b) for a in places for b in places if a.end() + 1 < b.start() and a[0] != b[0]]
    if not pairs:
        return None
    one, two = chance.choice(pairs)
    between = sentence[one.end() : two.start()]
    return f"{sentence[: one.start()]}{two[0]}{between}{one[0]}{sentence[two.end() :]}"


def _swapped_numbers(sentence: str, chance: random.Random) -> str | None:
    return _swapped(NUMBER, sentence, chance)


def _swapped_names(sentence: str, chance: random.Random) -> str | None:
    return _swapped(NAME, sentence, chance)


def _foreign_name(sentence: str, chance: random.Random) -> str | None:
    places = list(NAME.finditer(sentence))
    if not places:
        return None
    place = chance.choice(places)
    return f"{sentence[: place.start()]}Ouagadougou{sentence[place.end() :]}"


def _denied(sentence: str, chance: random.Random) -> str | None:
    verb = VERB.search(sentence)
    if not verb or is_negated(sentence):
        return None
    return f"{sentence[: verb.end()]} not{sentence[verb.end() :]}"


@cache
def _judge(path: Path) -> Judge:
    return Judge(sources_of(corpus_hits()[path][1]))


def _rates(change: Callable[[str, random.Random], str | None]) -> dict[str, float]:
    """The share of each verdict on changed sentences of the corpus."""
    chance = random.Random(1)
    pool = [
        (path, MARKER.sub("", sentence).strip())
        for path, (_, hits) in corpus_hits().items()
        for sentence in _sentences(hits)
    ]
    verdicts: Counter[str] = Counter()
    for path, sentence in chance.sample(pool, len(pool)):
        if changed := change(sentence, chance):
            verdicts[_judge(path).judge(changed)[0]] += 1
        if verdicts.total() == SAMPLE:
            break
    rates = {name: count / verdicts.total() for name, count in verdicts.most_common()}
    print(change.__name__, verdicts.total(), {name: round(rate, 3) for name, rate in rates.items()})
    return rates


def test_sentences_of_the_corpus_are_supported_by_their_own_block() -> None:
    right = wrong = 0
    for path, (_, hits) in corpus_hits().items():
        for sentence in _sentences(hits)[:6]:
            plain = MARKER.sub("", sentence).strip()
            support, quotes = _judge(path).judge(plain)
            # A lead-in that denies something else than its items is taken to deny them, too.
            assert support == "supported" or senses_of(quotes[0].lead_in), plain
            found = MARKER.sub("", quotes[0].text)
            right += plain in found
            wrong += plain not in found
    assert right > 300
    assert wrong <= 0.01 * right


@pytest.mark.parametrize(
    ("change", "at_most"),
    [
        (_other_number, 0.02),
        (_swapped_numbers, 0.04),
        (_denied, 0.01),
        (_foreign_name, 0.02),
        (_swapped_names, 0.10),
    ],
)
def test_falsified_sentences_are_seldom_called_supported(
    change: Callable[[str, random.Random], str | None], at_most: float
) -> None:
    assert _rates(change).get("supported", 0.0) <= at_most


def test_a_quote_that_says_it_goes_before_one_that_says_the_contrary() -> None:
    sources = sources_in("# A\n\nCats chase dogs.\n", "/a.md")
    sources += sources_in("# B\n\nDogs chase cats.\n", "/b.md")
    verdict, quotes = Judge(sources).judge("Dogs chase cats.")
    assert (verdict, quotes[0].hit.path) == ("supported", "/b.md")
