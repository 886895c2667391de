"""Settings: flag > environment > user config file > default, and where each came from.

Knows nothing of the commands. The config file is TOML (https://toml.io), one `name = value` line
for each setting; the environment has RAGQA_NAME.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import platformdirs

from ragqa.errors import UsageError

ANSWER_MODES = ("auto", "read", "extract", "generate")
AnswerMode = Literal["read", "extract", "generate"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default.

    index: directory of the index; empty for the collection's own
    collection: name of the index under the user's data directory
    embedder: catalogue name, folder or hub name; empty for what the index was made with
    reranker: folder or hub name of a cross-encoder; empty for none
    model: catalogue name or path of a GGUF model that writes the answers
    answer: `read` (the documents' own words, pointed at by the bundled model), `extract` (whole
        sentences of the documents), `generate` (the model writes), or `auto`: `generate` where a
        model was chosen, else `read`
    threshold: a question is refused when the confidence is below it; 0 to 1, 0 always answers
    k: passages offered to the prompt before the token budget
    max_tokens: longest answer, in tokens of the model
    context_tokens: context window given to the model, in tokens
    threads: processor threads; 0 for one a core
    max_file_mb: largest file that is indexed, in MB (10^6 bytes)

    `origins` says where each comes from; relative paths are from `directory` on.
    """

    index: str = ""
    collection: str = "default"
    embedder: str = ""
    reranker: str = ""
    model: str = "SmolLM2-135M-Instruct"
    answer: str = "auto"
    threshold: float = 0.3
    k: int = 6
    max_tokens: int = 256
    context_tokens: int = 4096
    threads: int = 0
    max_file_mb: int = 20
    origins: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()

    @property
    def names_index(self) -> bool:
        """True when the user said which index is meant."""
        return bool(self.index) or self.collection != "default"

    @property
    def index_directory(self) -> Path:
        """Where the index lies."""
        if self.index:
            return (self.directory / Path(self.index).expanduser()).absolute()
        return data_directory() / self.collection

    @property
    def answer_mode(self) -> AnswerMode:
        """How answers are made: what was asked for, else what the model is good at.

        The bundled model points at words better than it writes (measure it with `ragqa eval`); one
        that the user has chosen is taken to be better, and one that was named on the command line
        is meant to be used.
        """
        chosen = self.origins.get("model", "default")
        named = chosen == "flag" and self.origins.get("answer") != "flag"
        if self.answer == "generate" or named:
            return "generate"
        if self.answer == "auto":
            return "read" if chosen == "default" else "generate"
        return "extract" if self.answer == "extract" else "read"

    def located(self, name: Literal["model", "embedder", "reranker"]) -> str:
        """A model's name, or its path from the root where it is one that exists."""
        value: str = getattr(self, name)
        path = self.directory / Path(value).expanduser()
        return str(path.resolve()) if value and path.exists() else value


LIMITS = {
    "k": (1, 100),
    "max_tokens": (1, 100_000),
    "context_tokens": (512, 10_000_000),
    "threads": (0, 1024),
    "max_file_mb": (1, 100_000),
}
NAMES = tuple(one.name for one in fields(Settings) if one.name not in ("origins", "directory"))


def data_directory() -> Path:
    """The platform's user data directory for ragqa."""
    return platformdirs.user_data_path("ragqa")


def config_file() -> Path:
    """The user's config file, whether it exists or not."""
    return platformdirs.user_config_path("ragqa") / "config.toml"


def load_settings(
    flags: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    directory: Path = Path(),
) -> Settings:
    """The settings in force. `flags` holds what the command line gave; None means not given.

    Relative paths in them are from `directory` on.

    Raises UsageError for an unknown name or a value of the wrong kind.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(NAMES, "default")
    sources = (
        (f"config file {config_file()}", _read_config()),
        ("environment", _read_environment(environment)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    )
    if unknown := [name for name in flags if name not in NAMES]:
        raise UsageError(f"unknown setting {unknown[0]!r}", f"known: {', '.join(NAMES)}")
    for origin, given in sources:
        if "collection" in given and "index" not in given:
            values["index"], origins["index"] = "", "default"  # the nearer source decides
        for name, value in given.items():
            where = f"{origin} RAGQA_{name.upper()}" if origin == "environment" else origin
            values[name] = _checked(name, value, where)
            origins[name] = where
    return Settings(**values, origins=origins, directory=directory)


def _read_config() -> dict[str, Any]:
    path = config_file()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"cannot read {path}: {reason}", "mend or delete the file") from error
    for name in values:
        if name not in NAMES:
            raise UsageError(f"unknown setting {name!r} in {path}", f"known: {', '.join(NAMES)}")
    return values


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given = ((name, environment.get(f"RAGQA_{name.upper()}", "")) for name in NAMES)
    return {name: value for name, value in given if value}


def _checked(name: str, value: Any, where: str) -> Any:
    """The value as its setting's type; UsageError when it is none."""
    if name in LIMITS:
        low, high = LIMITS[name]
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = low - 1
        if isinstance(value, bool | float) or not low <= number <= high:
            message = f"{name} must be a whole number from {low} to {high}, not {value!r} ({where})"
            raise UsageError(message, "see: ragqa config")
        return number
    if name == "threshold":
        return _share(value, where)
    if not isinstance(value, str):
        raise UsageError(f"{name} must be text, not {value!r} ({where})", "put it in quotes")
    if not value and where == "flag":
        raise UsageError(f"{name} is empty (flag)", "give it a value, or leave it out")
    if name == "answer" and value not in ANSWER_MODES:
        known = ", ".join(ANSWER_MODES)
        raise UsageError(
            f"answer must be one of {known}, not {value!r} ({where})", "see: ragqa config"
        )
    if name == "collection" and (not value or value.startswith(".") or {"/", "\\"} & set(value)):
        raise UsageError(f"not a collection name: {value!r} ({where})", "use letters and digits")
    return value


def _share(value: Any, where: str) -> float:
    """The threshold as a number."""
    try:
        number = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        message = f"threshold must be a number from 0 to 1, not {value!r} ({where})"
        raise UsageError(message, "see: ragqa config")
    return number
