"""Items -> groups of passages with questions, for training; and held-out questions files.

    python training/examples.py DATA OUT      (DATA: the folder with squad2/, nq_oracle/, clapnq/)

Writes OUT/train.jsonl (the items), and for each held-out set OUT/NAME.jsonl, a questions file as
`ragqa eval` reads it. Knows nothing of models; `Group`s are made anew for each epoch, by a seed.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sources import Item, nq_items, read_items

from ragqa.text.sentences import sentence_spans

NEAR = 8  # passages on the same topic, one of which stands beside a passage of no article
ASKED_OF_NEAR = 0.7  # of the questions of other passages, those on the same topic
EVALUATED_NEAR = 4  # passages beside the right one of Natural Questions, the nearest there are
LEFT_OUT = 3  # one in so many of these questions has the right one left out
KEPT_WITH_ANSWER, KEPT = (0.8, 1.0), (0.2, 0.5, 1.0)  # shares of the sentences that are shown


@dataclass(frozen=True, slots=True)
class Group:
    """Passages (title, text) that several questions share.

    Each question comes with the place of its passage and the answer's start and end in it, or
    with None where no passage answers it.
    """

    passages: tuple[tuple[str, str], ...]
    questions: tuple[tuple[str, tuple[int, int, int] | None], ...]


def groups(items: Sequence[Item], seed: int) -> Iterator[Group]:
    """All items, shuffled and put together; the same for the same seed.

    Passages of a group are of one article, or else on the same topic; further questions come from
    other passages like them, which makes them hard to tell from those that have an answer.
    """
    rng = random.Random(seed)
    by_passage: dict[str, list[Item]] = {}
    for item in items:
        by_passage.setdefault(item.passage, []).append(item)
    near = _neighbours([of[0] for of in by_passage.values()])
    left = dict.fromkeys(rng.sample(list(by_passage), len(by_passage)))
    bundles = []
    while left:
        first = next(iter(left))
        ready = [passage for passage in near[first] if passage in left and passage != first]
        bundles.append([first, *rng.sample(ready, min(rng.choice((0, 0, 1, 1, 2)), len(ready)))])
        for passage in bundles[-1]:
            del left[passage]
    rng.shuffle(bundles)
    for bundle in bundles:
        own = [item for passage in bundle for item in by_passage[passage]]
        beside = [passage for passage in near[bundle[0]] if passage not in bundle]
        foreign = [
            rng.choice(by_passage[rng.choice(beside)])
            if beside and rng.random() < ASKED_OF_NEAR
            else rng.choice(items)
            for _ in range(1 + len(own) // 10)
        ]
        rng.shuffle(bundle)
        yield _group([by_passage[passage][0] for passage in bundle], own, foreign, rng)


def _neighbours(firsts: Sequence[Item]) -> dict[str, list[str]]:
    """For each passage (given by an item on it) those of its article, else those nearest to it."""
    articles: dict[str, list[str]] = {}
    for item in firsts:
        articles.setdefault(item.article, []).append(item.passage)
    texts = [item.passage for item in firsts]
    found = {}
    for item, places in zip(firsts, nearest(texts, texts, NEAR + 1), strict=True):
        of_article = articles[item.article]
        found[item.passage] = of_article if len(of_article) > 2 else [texts[at] for at in places]
    return found


def nearest(texts: Sequence[str], to: Sequence[str], count: int) -> list[list[int]]:
    """For each text of `to` the places of the `count` texts that share most (rare) words with it.

    Cosines of tf-idf vectors (Salton and Buckley 1988).
    """
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    theirs = vectorizer.fit_transform(texts)
    likeness = (vectorizer.transform(to) @ theirs.T).toarray()
    found: list[list[int]] = (-likeness).argsort(axis=1, kind="stable")[:, :count].tolist()
    return found


def _group(
    passages: Sequence[Item], own: Sequence[Item], foreign: Sequence[Item], rng: random.Random
) -> Group:
    """Passages lose sentences, as when the best ones are shown; some questions their answer."""
    answers = [item.answer for item in own if item.answer]
    texts = [thinned(item.passage, answers, rng) for item in passages]
    whole = "\n".join(texts)
    places = {item.passage: place for place, item in enumerate(passages)}
    questions: list[tuple[str, tuple[int, int, int] | None]] = []
    for item in own:
        place = places[item.passage]
        if item.answer is None:
            questions.append((item.question, None))
        elif (start := _place_of(item, texts[place])) is not None:
            questions.append((item.question, (place, start, start + len(item.answer))))
        elif item.answer not in whole:
            questions.append((item.question, None))
    for item in foreign:
        if item.passage not in places and (item.answer is None or item.answer not in whole):
            questions.append((item.question, None))
    rng.shuffle(questions)
    shown = tuple((item.title, text) for item, text in zip(passages, texts, strict=True))
    return Group(shown, tuple(questions))


def _place_of(item: Item, text: str) -> int | None:
    """Where the answer starts: of several places the one whose sentence is nearest the question."""
    assert item.answer is not None
    wanted = set(item.question.lower().split())
    best: tuple[int, int] | None = None
    for first, last in sentence_spans(text):
        at = text.find(item.answer, first, last)
        if at >= 0:
            score = len(wanted & set(text[first:last].lower().split()))
            if best is None or score > best[0]:
                best = (score, at)
    return best[1] if best else None


def thinned(passage: str, answers: Sequence[str], rng: random.Random) -> str:
    """The passage as one line, without some of its sentences, seldom one that has an answer."""
    sentences = [" ".join(passage[a:b].split()) for a, b in sentence_spans(passage)]
    with_answer, without = rng.choice(KEPT_WITH_ANSWER), rng.choice(KEPT)
    kept = [
        sentence
        for sentence in sentences
        if rng.random() < (with_answer if any(a in sentence for a in answers) else without)
    ]
    return " ".join(kept or sentences[:1])


def evaluation_rows(
    items: Sequence[Item], pool: Sequence[Item], seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Records of a questions file, shuffled, so that the first of them stand for all.

    SQuAD: the right passage and two others of its article. Natural Questions: the right one, or in
    one of three cases none that has an answer, and those of the `pool` that are nearest to the
    question. ClapNQ: the passage alone, or with two others.
    """
    rng = random.Random(seed)
    texts = list({item.passage: item.title for item in pool}.items())
    near = nearest([text for text, _ in texts], [item.question for item in items], len(texts))
    for number, item in rng.sample(list(enumerate(items)), len(items)):
        own = (item.title, item.passage)
        others = sorted({(one.title, one.passage) for one in items} - {own})
        if item.source == "squad2":
            shown = rng.sample([other for other in others if other[0] == item.title], 2)
        elif item.source == "nq":
            shown = [texts[at][::-1] for at in near[number] if texts[at][0] != item.passage]
            shown = [o for o in shown if not any(a in o[1] for a in item.accepted)][:EVALUATED_NEAR]
        else:
            shown = rng.sample(others, rng.choice((0, 2)))
        answerable = item.answer is not None and (item.source != "nq" or number % LEFT_OUT > 0)
        if answerable or item.source != "nq":
            shown.append(own)
        rng.shuffle(shown)
        yield {
            "id": number,
            "question": item.question,
            "answerable": answerable,
            "answers": list(item.accepted) if answerable else [],
            "passages": [{"title": title, "text": text} for title, text in shown],
            "gold_passage": shown.index(own) + 1 if own in shown else None,
        }


def main() -> None:
    """Write the training items and the held-out questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pool = nq_items(options.data)
    for name, items in read_items(options.data).items():
        rows: Iterable[Any] = (
            map(asdict, items) if name == "train" else evaluation_rows(items, pool)
        )
        with (options.out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for row in rows:
                print(json.dumps(row, ensure_ascii=False), file=file)
        print(
            f"{name}: {len(items)} questions, {sum(i.answer is None for i in items)} without answer"
        )


if __name__ == "__main__":
    main()
