"""What a process keeps loaded from one question to the next: models, vectors; one of each kind.

Passed to whoever loads something. Used from several threads. Knows nothing of what it keeps, but
that a question needs the bundled embedder nearly always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ragqa.embedding.minilm import MiniLM

Kept = TypeVar("Kept")


class Runtime:
    """Keeps the last that was made of each kind, while its key stays the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Any]] = {}
        self._making: defaultdict[str, Lock] = defaultdict(Lock)

    def keep(self, kind: str, key: object, make: Callable[[], Kept]) -> Kept:
        """What was made before for this key, else what `make` gives; it takes the other's place."""
        with self._making[kind]:
            if kind not in self._kept or self._kept[kind][0] != key:
                self._kept.pop(kind, None)  # never two of a kind in memory
                self._kept[kind] = key, make()
            made: Kept = self._kept[kind][1]
            return made

    def clear(self) -> None:
        """Keep nothing any more; what is in use stays until it is not."""
        for kind in list(self._kept):
            with self._making[kind]:
                self._kept.pop(kind, None)

    def preload_embedder(self) -> None:
        """Begin to load the bundled embedder while the rest of the program is still imported.

        Of all that comes before a search it takes longest. What goes wrong comes again, and is
        told, where it is used.
        """

        def load(embedder: MiniLM) -> None:
            with suppress(Exception):
                embedder.load()

        with suppress(Exception):
            from ragqa.embedding.minilm import MiniLM
            from ragqa.models.catalogue import BUNDLED_EMBEDDER

            embedder = MiniLM(BUNDLED_EMBEDDER)
            self._kept["embedder"] = embedder_key(BUNDLED_EMBEDDER), embedder
            Thread(target=load, args=(embedder,)).start()


def embedder_key(model: str) -> object:
    """What an embedder is kept by: its name, and what its files look like."""
    from pathlib import Path

    from ragqa.system.files import stamp_of

    return model, stamp_of(Path(model))
