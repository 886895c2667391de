"""The bundled embedder, loaded in a thread while the rest of the program is still imported.

A question needs it nearly always, and of all that comes before the search it takes longest. Knows
nothing of settings, or of whether it will be wanted.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.embedding.minilm import MiniLM

_embedder: MiniLM | None = None


def begin() -> None:
    """Load it from now on. What goes wrong comes again, and is told, where it is used."""
    global _embedder

    def load(embedder: MiniLM) -> None:
        with suppress(Exception):
            embedder.load()

    with suppress(Exception):
        from ragqa.embedding.minilm import MiniLM
        from ragqa.models.catalogue import BUNDLED_EMBEDDER

        _embedder = MiniLM(BUNDLED_EMBEDDER)
        Thread(target=load, args=(_embedder,)).start()


def begun(model: str, threads: int) -> MiniLM | None:
    """The embedder of that catalogue name, if it was begun; its `load` waits for the rest.

    `threads` is how many it is to use, 0 for one a core.
    """
    if _embedder is None or _embedder.name != model:
        return None
    _embedder.threads = threads or _embedder.threads
    return _embedder
