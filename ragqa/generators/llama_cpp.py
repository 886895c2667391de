"""Messages -> stream of text, by llama.cpp in this process.

It also serves as `base.TokenModel`, token by token. Knows nothing of passages. The chat
template is the model's own; what stands in a message is tokenized without special tokens, so that
no text can pose as a part of the template.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqa.errors import ModelError
from ragqa.generators.base import Message
from ragqa.generators.lora_merge import fastest_form, prepared, prepared_folder
from ragqa.generators.native import (
    chat_text,
    ends_answer,
    load_llama,
    native_output_silenced,
    scores_after,
)
from ragqa.models.hashes import file_hash
from ragqa.models.local import generator_file

# Marks the place of a message in the rendered template: private-use characters.
PLACEHOLDER = "\ue000message {}\ue001"
PLACE = re.compile("\ue000message (\\d+)\ue001")
# For models without a template of their own.
PLAIN_TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n\nAnswer: {% endfor %}"
LONGEST_LOOP = 40  # tokens of a phrase whose repetition is looked for
LOOP_ROUNDS = 3
MIN_LOOP_TOKENS = 12


class LlamaCppGenerator:
    """A GGUF model in this process, through llama-cpp-python; loaded at its first use.

    `model` is a catalogue name or a path (from `directory` on), `adapter` a LoRA adapter for it as
    GGUF. Raises UsageError when there is no such file, ModelError when it is damaged or
    cannot be loaded.
    """

    @classmethod
    def takes(cls, model: str) -> bool:
        """Names of the catalogue, and files."""
        return True

    def __init__(
        self,
        model: str,
        context_tokens: int = 4096,
        threads: int = 0,
        adapter: Path | None = None,
        directory: Path = Path(),
    ) -> None:
        self._threads = threads or os.cpu_count() or 1
        self._shipped_as, self._path, self._sha256 = generator_file(model, directory)
        self._given = model
        self._adapter = adapter
        self._on_preparing: Callable[[], None] = lambda: None  # of who loads it now
        self._wanted_context = context_tokens
        self._known_pieces: dict[int, bytes] = {}
        self._in_use = RLock()  # the state of what was read is the model's
        self._choosing, self._loading = Lock(), Lock()

    def load(self, on_preparing: Callable[[], None] = lambda: None) -> None:
        """Load the model, which it would do at its first use. Raises ModelError.

        `on_preparing` is told when weights and adapter are made one, which takes some seconds once
        (`lora_merge`).
        """
        with self._choosing:
            self._on_preparing = on_preparing
            try:
                _ = self._chosen
            finally:
                self._on_preparing = lambda: None
        _ = self._llama

    @cached_property
    def _chosen(self) -> tuple[Path, Path | None, str]:
        """Weights, an adapter that is not in them, and what both are called."""
        path, adapter = self._path, self._adapter
        if not adapter:
            return path, None, self._shipped_as
        reader, form = f"reader {file_hash(adapter)[:8]}", fastest_form()
        if found := prepared(path, self._sha256, adapter, form, self._on_preparing):
            return found, None, f"{self._shipped_as} {form} + {reader}"
        return path, adapter, f"{self._shipped_as} + {reader}"

    @cached_property
    def _loaded(self) -> Any:
        """The model, with the adapter in its weights where they can be kept."""
        with self._choosing:
            path, adapter, _ = self._chosen
        try:
            return load_llama(path, self._wanted_context, self._threads, adapter)
        except (ValueError, AssertionError, RuntimeError, OSError) as error:
            is_ours = path.parent == prepared_folder()
            named = path if is_ours else self._named
            raise ModelError(
                f"cannot load the model {named}: it is damaged or of a kind that this"
                " version of llama.cpp does not know",
                "delete it: it will be made anew"
                if is_ours
                else "get the file again, or name another with --model",
            ) from error

    @property
    def _named(self) -> Path:
        """The file as errors call it: as it was given."""
        given = Path(self._given).expanduser()
        return given if given.name == self._path.name else self._path

    @property
    def _llama(self) -> Any:
        with self._loading:  # by one thread, while others wait
            return self._loaded

    @property
    def name(self) -> str:
        """The model's name, with the form of its weights where they were made ready.

        It is known before the model is loaded.
        """
        with self._choosing:
            return self._chosen[2]

    def identity(self) -> dict[str, str]:
        """Name and SHA-256 of the file, and of the adapter where there is one."""
        found = {"name": self._shipped_as, "sha256": self._sha256}
        return {**found, "adapter_sha256": file_hash(self._adapter)} if self._adapter else found

    def exclusive(self) -> RLock:
        """Held while one text is read."""
        return self._in_use

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation by the model's own chat template."""
        template = self._llama.metadata.get("tokenizer.chat_template") or PLAIN_TEMPLATE
        marked = [one._replace(text=PLACEHOLDER.format(n)) for n, one in enumerate(messages)]
        try:
            parts = PLACE.split(chat_text(self._llama, template, marked))
        except (
            Exception
        ) as error:  # a template is a program of the model's author: it may do anything
            raise self._no_template(error) from error
        if parts[1::2] != [str(number) for number in range(len(messages))]:
            raise self._no_template(ValueError("it leaves messages out"))
        tokens = self._tokens(parts[0], special=True)
        for message, after in zip(messages, parts[2::2], strict=True):
            tokens += self._tokens(message.text, special=False)
            tokens += self._tokens(after, special=True)
        return tokens

    def _no_template(self, error: Exception) -> ModelError:
        return ModelError(
            f"the chat template of {self._named} does not work: {error}",
            "name another model with --model",
        )

    @property
    def context_tokens(self) -> int:
        """The context window in force: the wanted one, or the model's own where that is less."""
        trained = int(self._llama._model.n_ctx_train())
        return min(int(self._llama.n_ctx()), trained or self._wanted_context)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, control tokens in it taken as plain text."""
        return len(self._tokens(text, special=False))

    def stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        """The model's answer; ends at its end token, at a loop, or after `max_tokens`."""
        with self.exclusive():
            yield from self._stream(messages, max_tokens)

    def _stream(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        prompt = self._prompt(messages)
        room = self.context_tokens - len(prompt)
        if room < 1:
            raise ModelError(
                f"the prompt has {len(prompt)} tokens, the context {self.context_tokens}",
                "ask for fewer passages with -k, or raise context_tokens",
            )
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        produced: list[int] = []
        self._llama.reset()  # what is left of another prompt would change the last bits
        tokens = self._llama.generate(prompt, temp=0.0, repeat_penalty=1.0, reset=True)
        while len(produced) < min(max_tokens, room):
            with native_output_silenced():  # never across a yield: stderr is the caller's
                token = next(tokens)
            if ends_answer(self._llama, token):
                break
            produced.append(token)
            piece = self._llama.detokenize([token], prev_tokens=prompt + produced[:-1])
            if text := decoder.decode(piece):
                yield text
            if is_looping(produced):
                break
        if text := decoder.decode(b"", final=True):
            yield text

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, control tokens in it taken as plain text."""
        return self._tokens(text, special=False)

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token stands for, in UTF-8; together they are the text."""
        known = self._known_pieces
        for token in set(tokens).difference(known):
            known[token] = self._llama.detokenize([token])
        return [known[token] for token in tokens]

    def end_token(self) -> int:
        """The token that ends an answer."""
        return int(self._llama.token_eos())

    def logits(self, tokens: Sequence[int], past: int, last: int = 1) -> npt.NDArray[np.float32]:
        """Scores (one a token of the vocabulary) after each of the `last` of `tokens`: [last, n].

        `past` is how many tokens were read before these in the same text.
        """
        return scores_after(self._llama, tokens, past, last)

    def _tokens(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        tokens: list[int] = self._llama.tokenize(data, add_bos=False, special=special)
        return tokens


def is_looping(tokens: Sequence[int]) -> bool:
    """True when the end of `tokens` is one phrase three times over."""
    for length in range(1, LONGEST_LOOP + 1):
        rounds = max(LOOP_ROUNDS, -(-MIN_LOOP_TOKENS // length))
        if len(tokens) < length * rounds:
            continue
        phrase = tokens[-length:]
        tail = tokens[-length * rounds :]
        if all(tail[i] == phrase[i % length] for i in range(len(tail))):
            return True
    return False
