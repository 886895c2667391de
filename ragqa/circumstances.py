"""In what an answer is given: models, settings, versions. What a receipt tells of, and what must be
the same for an answer to be given again.

Knows nothing of questions or commands.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ragqa import __version__, embedding, generators
from ragqa.errors import UsageError
from ragqa.models.local import embedder_hash
from ragqa.pipeline import Session
from ragqa.settings import NAMES
from ragqa.store.answers import AnswerCache
from ragqa.store.filters import Filter
from ragqa.system.files import data_file
from ragqa.text import lemmas

SEED = 0  # of the generator, which decodes greedily
# Where the index is stands elsewhere in a receipt; file sizes matter when it is made.
NO_MATTER = ("index", "collection", "max_file_mb")


def earlier_answers(session: Session) -> AnswerCache | None:
    """The answers that were given in the same circumstances; None without an index."""
    if session.snapshot is None:
        return None
    circumstances = {
        "ragqa": [__version__, _newest_file(), runtimes()],
        "index": session.snapshot.identity,
        "models": models_used(session),
        "settings": settings_used(session),
        # Not the filter: which documents it lets through may change without a new index.
        "allowed": None if session.allowed is None else session.allowed.tolist(),
    }
    return AnswerCache(session.snapshot.directory, session.snapshot.generation, circumstances)


def _newest_file() -> int:
    """When the newest file of this package was written: in a checkout the version says little."""
    files = data_file("").parent.rglob("*")
    return max(file.stat().st_mtime_ns for file in files if file.suffix not in ("", ".pyc"))


def models_used(session: Session) -> dict[str, Any]:
    """Names and hashes of the models that take part; None for one that does not."""
    embedder, reranker = session.embedder, session.reranker
    return {
        "embedder": {
            "name": embedder.name,
            "fingerprint": embedder.fingerprint,
            "sha256": embedder_hash(embedder.name),
        },
        "generator": session.model.identity() if session.model else None,
        "reranker": reranker.identity() if reranker else None,
    }


def settings_used(session: Session, strict: bool = False) -> dict[str, Any]:
    """The settings that an answer depends on, so that they mean the same in another folder."""
    settings = session.settings
    values = {name: getattr(settings, name) for name in NAMES if name not in NO_MATTER}
    return {
        **values,
        "model": settings.located("model"),
        "embedder": settings.located("embedder"),
        "reranker": settings.located("reranker"),
        "answer": settings.answer_mode,
        "threads": settings.threads or os.cpu_count() or 1,
        "strict": strict,
        "threshold": session.threshold,
        "calibration": list(session.calibration[:2]) if session.calibration else None,
        "seed": SEED,
    }


def runtimes() -> dict[str, str]:
    """What an answer's bytes may depend on besides models and settings."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in (*embedding.RUNTIMES, *generators.RUNTIMES, lemmas.TABLES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def filter_json(only: Filter) -> dict[str, Any] | None:
    """A filter as JSON holds it; None where there is none."""
    values = asdict(only)
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
    } if only else None  # fmt: skip


def filter_of(values: Mapping[str, Any] | None) -> Filter:
    """The filter that `filter_json` gave. Raises UsageError when it is none."""
    if values is None:
        return Filter()

    def texts(name: str) -> tuple[str, ...]:
        return tuple(map(str, values[name]))

    def day(name: str) -> date | None:
        return date.fromisoformat(values[name]) if values[name] else None

    try:
        where = tuple((str(key), str(value)) for key, value in values["where"])
        return Filter(
            texts("paths"), texts("titles"), texts("tags"), texts("aliases"), where,
            day("since"), day("until"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("the receipt's filter is damaged", "name another receipt") from error
