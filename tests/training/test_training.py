"""What the reader is trained on is what it is shown, and what is held out is not trained on."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ragqa.answering.span_reader import read
from tests.conftest import ROOT
from tests.fakes import FakeSpanModel
from tests.hits import hits_of, query_of, ranked_in

NOTES = (
    ("Metals", "Gold melts at 1,064 degrees. Tin melts at 232 degrees."),
    ("Bread", "Bread rises with wild yeast."),
)


@pytest.fixture(autouse=True)
def training_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The scripts of `training/` import each other by their bare names."""
    monkeypatch.syspath_prepend(str(ROOT / "training"))
    yield
    for name in ("adapter", "convert", "examples", "sources", "train"):
        sys.modules.pop(name, None)


class Recorder(FakeSpanModel):
    """Remembers the tokens that it has read, in their places."""

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.seen: list[int] = []

    def logits(self, tokens: Sequence[int], past: int, last: int = 1) -> Any:
        self.seen[past:] = tokens
        return super().logits(tokens, past, last)


class Tokenizer:
    """The tokens of a fake model, as a tokenizer of transformers gives them."""

    def __init__(self, model: FakeSpanModel) -> None:
        self._model = model

    def __call__(self, text: str, **_: bool) -> SimpleNamespace:
        words = re.finditer(r" ?[^\W\d]+| ?\d| ?[^\w\s]|\s", text)
        return SimpleNamespace(
            input_ids=self._model.encode(text), offset_mapping=[word.span() for word in words]
        )

    def convert_tokens_to_ids(self, token: str) -> int:
        return 0


def group_of(*questions: tuple[str, tuple[int, int, int] | None]) -> Any:
    from examples import Group

    return Group(NOTES, questions)


def test_a_trained_answer_is_what_reading_asks_for() -> None:
    from train import Layout

    model = Recorder("[1] 232")
    hits = [
        hit
        for n, (title, text) in enumerate(NOTES)
        for hit in hits_of(f"# {title}\n\n{text}\n", f"/{n}.md")
    ]
    question = "At what temperature does tin melt, and not bread?"
    found = read(query_of(question), ranked_in(question, hits), model)
    assert found
    assert found.text == "232"
    layout, first = Layout(Tokenizer(model)), NOTES[0][1].index("232")
    gold = (0, first, first + 3)
    group = group_of((question, gold))
    trained = [*layout.prefix(group), *layout.suffix(question), *layout.answer(group, gold)]
    end = len(trained) - 1  # need not be read; the model may have read on in the sentence
    assert model.seen[:end] == trained[:end]


def test_questions_of_a_group_do_not_see_each_other() -> None:
    import torch
    from train import IGNORED, Layout, attention_mask, packs

    layout = Layout(Tokenizer(FakeSpanModel("")))
    group = group_of(("What melts at 232?", (0, 29, 32)), ("Who rises?", None))
    (packed,) = packs(group, layout)
    assert packed.refused == [False, True]
    mask = attention_mask(torch.tensor(packed.owners))[0, 0]
    first, second = (packed.owners.index(number) for number in (1, 2))
    assert mask[second, :first].all()
    assert not mask[second:, first:second].any()
    assert packed.positions[second] == packed.positions[first] == first
    answers = [packed.tokens[place + 1] for place in packed.decided]
    assert answers == [layout.opening, layout.refusal]
    assert all(packed.labels[place + 1] == IGNORED for place in packed.decided)
    assert packed.labels[packed.decided[1] :] == [IGNORED] * 2  # of a refusal no more is learnt


def test_a_pair_in_the_wrong_order_costs_more() -> None:
    import torch
    from train import refusal_loss

    refused = torch.tensor([True, False])
    right, wrong = (refusal_loss(torch.tensor(s), refused) for s in ([1.0, -1.0], [-1.0, 1.0]))
    assert right < wrong
    assert refusal_loss(torch.tensor([1.0]), torch.tensor([True])) < 1


def test_questions_that_have_no_room_go_into_another_sequence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import train

    layout = train.Layout(Tokenizer(FakeSpanModel("")))
    group = group_of(("What melts at 232?", (0, 29, 32)), ("Who rises?", None), ("Why?", None))
    prefix = layout.prefix(group)
    monkeypatch.setattr(train, "MAX_TOKENS", len(prefix) + 20)
    found = list(train.packs(group, layout))
    assert len(found) > 1
    assert all(packed.tokens[: len(prefix)] == prefix for packed in found)
    assert [refused for packed in found for refused in packed.refused] == [False, True, True]
    monkeypatch.setattr(train, "MOST_TOKENS", len(prefix))
    assert not list(train.packs(group, layout))


def test_a_sentence_with_an_answer_is_seldom_left_out() -> None:
    from examples import thinned

    text = "Gold melts at 1,064 degrees. Tin is soft. Lead is heavy. Iron rusts."
    shown = [thinned(text, ["1,064"], random.Random(n)) for n in range(100)]
    kept = {word: sum(word in one for one in shown) for word in ("Gold", "Tin")}
    assert kept["Gold"] > 80 > kept["Tin"] > 30
    assert all(shown)


def test_passages_on_the_same_topic_are_the_nearest() -> None:
    from examples import nearest

    texts = ["Gold melts at high heat.", "Bread needs yeast.", "Tin melts at low heat.", "No."]
    assert nearest(texts, ["at which heat does tin melt"], 2) == [[2, 0]]


def test_an_adapter_is_read_as_it_was_written(tmp_path: Path) -> None:
    from adapter import ALPHA
    from convert import read, write

    from ragqa.models.local import span_adapter

    write(read(span_adapter()), ALPHA, tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == span_adapter().read_bytes()


def test_the_questions_that_we_wrote_are_of_passages_that_are_trained_on(eval_data: Path) -> None:
    from sources import MADE_UP, WRITTEN, read_items

    items = read_items(eval_data / "data")["train"]
    written = [item for item in items if item.source == "written"]
    lines = [line for file in (WRITTEN, MADE_UP) for line in file.read_text("utf-8").splitlines()]
    rows = list(map(json.loads, lines))
    asked = sum(len(row["answerable"]) + len(row["unanswerable"]) for row in rows)
    assert len(written) > 0.9 * asked  # those on notes that were changed are left out
    assert all(item.answer is None or item.answer in item.passage for item in written)


def test_the_same_seed_gives_the_same_groups(eval_data: Path) -> None:
    from examples import groups
    from sources import read_items

    splits = read_items(eval_data / "data")
    some = splits["train"][::40]
    assert list(groups(some, 1)) == list(groups(some, 1)) != list(groups(some, 2))


def test_no_passage_that_is_held_out_is_trained_on(eval_data: Path) -> None:
    from sources import read_items

    splits = read_items(eval_data / "data")
    trained_on = {item.passage for item in splits.pop("train")}
    for items in splits.values():
        assert items
        assert not trained_on & {item.passage for item in items}
