"""Train the reader: a LoRA adapter for the bundled generator, on groups of questions.

    python training/train.py ITEMS.jsonl OUT [--start ADAPTER.gguf] [--epochs 1] [--seed 0]

All questions of a group share the passages before them: they are read once, and each question sees
the passages and itself but no other question. Runs on a GPU where there is one. OUT holds the
adapter and the state of the optimizer after every 50 steps; started again, it goes on there.
Needs the extra `train`. Knows nothing of where the items come from.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from adapter import add_adapter
from convert import read
from examples import Group, groups
from sources import Item
from transformers import AutoModelForCausalLM, AutoTokenizer

from ragqa.answering.span_reader import OPENING, REFUSED, Line, prompt_end, prompt_start
from ragqa.models.catalogue import BUNDLED_GENERATOR
from ragqa.models.local import generator_file

LEARNING_RATE = 4e-4
WARM_UP = 40
SAVE_EVERY = 50  # steps
IGNORED = -100
MAX_TOKENS = 900  # of a packed sequence: longer ones cost more in attention than they save
MOST_TOKENS = 1400  # of passages and one question
RANK_LOSS = 0.5  # weight of it


class Packed(NamedTuple):
    """One sequence: passages once, then every question with its answer."""

    tokens: list[int]
    positions: list[int]
    owners: list[int]  # 0: passages; n: the n-th question
    labels: list[int]
    decided: list[int]  # places of the tokens after which each answer starts
    refused: list[bool]


def load_base(device: str) -> tuple[Any, Any]:
    """The bundled generator's weights as they are in the file, and its tokenizer."""
    _, path, _ = generator_file(BUNDLED_GENERATOR)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        dtype=torch.bfloat16,
        attn_implementation="eager",  # on a processor faster than the masked kernel
    )
    return model.to(device), tokenizer


class Layout:
    """The tokens of prompts and answers, as `ragqa.answering.span_reader` lays them out."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._end = tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.refusal, self.opening = self.encode(REFUSED)[0], self.encode(OPENING)[0]

    def encode(self, text: str) -> list[int]:
        """Tokens of a text."""
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def prefix(self, group: Group) -> list[int]:
        """What stands before the questions of a group."""
        lines = [Line(title, (text,)) for title, text in group.passages]
        return self.encode(prompt_start(lines))

    def suffix(self, question: str) -> list[int]:
        """The question, up to where the answer starts."""
        return self.encode(prompt_end(question))

    def answer(self, group: Group, gold: tuple[int, int, int] | None) -> list[int]:
        """What the model should say: `[2] the span`, or that the documents do not say it.

        Of a refusal only the first token is ever looked at.
        """
        if gold is None:
            return [self.refusal]
        place, first, last = gold
        span = self._span(group.passages[place][1], first, last)
        return [self.opening, *self.encode(f"{place + 1}]"), *span, self._end]

    def _span(self, text: str, first: int, last: int) -> list[int]:
        """The tokens of `text`, as it stands after a space, that hold `text[first:last]`."""
        made = self._tokenizer(f" {text}", add_special_tokens=False, return_offsets_mapping=True)
        tokens, offsets = list(made.input_ids), list(made.offset_mapping)
        inside = [at for at, (a, b) in enumerate(offsets) if a <= last and b > first + 1]
        start = inside[0]
        # A space before a digit is a token of its own; it belongs to the word.
        if start and tuple(offsets[start - 1]) == (first, first + 1) and f" {text}"[first] == " ":
            start -= 1
        return tokens[start : inside[-1] + 1]


def packs(group: Group, layout: Layout) -> Iterator[Packed]:
    """A group as sequences, each with the passages and as many of its questions as have room.

    A question that has no room beside the passages is left out.
    """
    prefix = layout.prefix(group)
    packed = _started(prefix)
    for question, gold in group.questions:
        asked, target = layout.suffix(question), layout.answer(group, gold)
        size = len(asked) + len(target)
        if packed.decided and len(packed.tokens) + size > MAX_TOKENS:
            yield packed
            packed = _started(prefix)
        if len(packed.tokens) + size > MOST_TOKENS:
            continue
        packed.decided.append(len(packed.tokens) + len(asked) - 1)
        packed.refused.append(gold is None)
        packed.tokens.extend(asked + target)
        # The first token of an answer has a loss of its own.
        packed.labels.extend([IGNORED] * (len(asked) + 1) + target[1:])
        packed.owners.extend([len(packed.decided)] * size)
        packed.positions.extend(range(len(prefix), len(prefix) + size))
    if packed.decided:
        yield packed


def _started(prefix: Sequence[int]) -> Packed:
    """A sequence with the passages alone."""
    size = len(prefix)
    return Packed(list(prefix), list(range(size)), [0] * size, [IGNORED] * size, [], [])


def attention_mask(owners: torch.Tensor) -> torch.Tensor:
    """(1, 1, n, n): a token sees the earlier ones of the passages and of its own question."""
    causal = torch.ones(len(owners), len(owners), dtype=torch.bool, device=owners.device).tril()
    return (causal & ((owners[None] == 0) | (owners[None] == owners[:, None])))[None, None]


def loss_of(model: Any, packed: Packed, layout: Layout, device: str) -> torch.Tensor:
    """How wrong the refusals are, each and against the others, and the tokens of the answers."""
    hidden = hidden_states(model, packed, device)
    loss = refusal_loss(
        refusal_scores(model, hidden, packed, layout),
        torch.tensor(packed.refused, device=device),
    )
    labels = torch.tensor([*packed.labels[1:], IGNORED], device=device)
    at = labels != IGNORED
    if at.any():
        scores = model.lm_head(hidden[at]).float()
        loss = loss + torch.nn.functional.cross_entropy(scores, labels[at])
    return loss


def refusal_scores(
    model: Any, hidden: torch.Tensor, packed: Packed, layout: Layout
) -> torch.Tensor:
    """(questions,): the logit of a refusal against an answer, as `span_reader` reads it."""
    refusal, opening = model.lm_head.weight[[layout.refusal, layout.opening]]
    return (hidden[packed.decided] @ (refusal - opening)).float()


def refusal_loss(scores: torch.Tensor, refused: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and for each pair how far the one to be refused is from being above the other.

    Questions of a pair share their passages: nothing but what is asked tells them apart.
    """
    loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, refused.float())
    above = scores[refused][:, None] - scores[~refused][None]
    if above.numel():
        loss = loss + RANK_LOSS * torch.nn.functional.softplus(-above).mean()
    return loss


def hidden_states(model: Any, packed: Packed, device: str) -> torch.Tensor:
    """(n, hidden size): what the last layer makes of each token."""
    mask = attention_mask(torch.tensor(packed.owners, device=device))
    output = model.model(
        torch.tensor([packed.tokens], device=device),
        attention_mask=torch.zeros_like(mask, dtype=torch.bfloat16).masked_fill(~mask, -1e9),
        position_ids=torch.tensor([packed.positions], device=device),
        use_cache=False,
    )
    return output.last_hidden_state[0]


class Run:
    """A training run with its state on disk."""

    def __init__(self, model: Any, folder: Path, device: str, start: Path | None = None) -> None:
        self._parameters = add_adapter(model)
        if start:
            model.load_state_dict(read(start), strict=False)
        self._optimizer = torch.optim.AdamW(
            self._parameters.values(), lr=LEARNING_RATE, weight_decay=0.0
        )
        self._state = folder / "state.pt"
        self.done = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            saved = torch.load(self._state, map_location=device)
            model.load_state_dict(saved["adapter"], strict=False)
            self._optimizer.load_state_dict(saved["optimizer"])
            self.done = saved["done"]

    def step(self, loss: torch.Tensor, total: int) -> None:
        """One step down; the rate warms up, then falls along a cosine."""
        share = self.done / total
        factor = 0.05 + 0.95 * (1 + math.cos(math.pi * share)) / 2
        for setting in self._optimizer.param_groups:
            setting["lr"] = LEARNING_RATE * factor * min((self.done + 1) / WARM_UP, 1.0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters.values(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.done += 1

    def save(self) -> None:
        """Write the state, whole or not at all."""
        adapter = {name: p.data for name, p in self._parameters.items()}
        state = {"adapter": adapter, "optimizer": self._optimizer.state_dict(), "done": self.done}
        torch.save(state, self._state.with_suffix(".new"))
        self._state.with_suffix(".new").replace(self._state)


def main() -> None:
    """Train, save, print the loss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("items", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, metavar="ADAPTER.gguf")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(options.seed)
    items = [Item(**json.loads(line)) for line in options.items.open(encoding="utf-8")]
    model, tokenizer = load_base(device)
    layout = Layout(tokenizer)
    sequences = [
        packed
        for epoch in range(options.epochs)
        for group in groups(items, options.seed + epoch)
        for packed in packs(group, layout)
    ]
    run = Run(model, options.out, device, options.start)
    started, losses = time.monotonic(), []
    while run.done < len(sequences) and time.monotonic() - started < options.minutes * 60:
        loss = loss_of(model, sequences[run.done], layout, device)
        run.step(loss, len(sequences))
        losses.append(loss.item())
        if run.done % SAVE_EVERY == 0:
            minutes = (time.monotonic() - started) / 60
            mean = sum(losses[-SAVE_EVERY:]) / len(losses[-SAVE_EVERY:])
            print(
                f"step {run.done} of {len(sequences)}, loss {mean:.3f}, {minutes:.1f} min",
                flush=True,
            )
            run.save()
    run.save()


if __name__ == "__main__":
    main()
