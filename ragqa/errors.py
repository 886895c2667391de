"""The errors that a user can mend. Each says what happened and what to do next.

    RagqaError
    |-- UsageError          exit 2   a bad argument, a named file or folder that does not exist
    |-- NoIndexError        exit 3   no index there yet, or an empty one
    |-- IndexDamagedError   exit 3   index unreadable, of a newer format, or of another embedder
    |-- IndexBusyError      exit 3   another process is writing to the index
    |-- ModelError          exit 3   a model file is missing, truncated or not what it should be
    `-- DocumentError       exit 3   nothing readable there (one file of many: listed as failed)

`cli.boundary` turns what escapes a command into one line and an exit code, `cli.batch` into a
record. Anything else that escapes is a bug (exit 70).
"""

from __future__ import annotations

from pathlib import Path


class RagqaError(Exception):
    """An expected failure: `message` says what happened, `hint` what to do next."""

    code = "error"
    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RagqaError):
    """The command was called in a way that cannot work."""

    code = "usage"
    exit_code = 2


class NoIndexError(RagqaError):
    """There is no index, or nothing in it."""

    code = "no_index"


class IndexDamagedError(RagqaError):
    """The index cannot be used as it is."""

    code = "index_damaged"


class IndexBusyError(RagqaError):
    """Another process holds the index for writing."""

    code = "index_busy"


class ModelError(RagqaError):
    """A model could not be found, verified or loaded."""

    code = "model"


class DocumentError(RagqaError):
    """A file could not be read as a document."""

    code = "document"


def no_index(directory: Path) -> NoIndexError:
    """The error for a directory without an index."""
    return NoIndexError(f"there is no index in {directory}", "run: ragqa index FOLDER")
