"""What was typed -> folders, the question, a text to ask about; checked, with clear errors.

Knows no commands and no settings.
"""

from __future__ import annotations

from pathlib import Path

from ragqa.cli.options import IndexOptions
from ragqa.errors import DocumentError, UsageError
from ragqa.records import GivenText
from ragqa.system.terminal import EXAMPLE, Terminal
from ragqa.text.surrogates import encodable

MAX_QUESTION = 10_000  # characters
MAX_CONTEXT = 50_000  # characters of --context


def existing_folder(folder: str, terminal: Terminal) -> Path:
    """The real path of a folder. Raises UsageError when there is none.

    An empty name (`ragqa index "$UNSET"`) is not the current folder.
    """
    path = terminal.path(folder)
    if folder and path.is_dir():
        return path.resolve()
    if folder and path.exists():
        raise UsageError(f"not a folder: {folder}", "name the folder that the file is in")
    raise UsageError(
        f"no such folder: {folder or repr(folder)}",
        "check the spelling; to drop it from the index: ragqa forget",
    )


def docs_folder(docs: str | None, where: IndexOptions, terminal: Terminal) -> Path | None:
    """The folder of --docs, which has an index of its own."""
    if docs is None:
        return None
    if where.index or where.collection:
        raise UsageError("--docs has an index of its own", "leave out --index and --collection")
    return existing_folder(docs, terminal)


def question_from(argument: str | None, context: str | None, terminal: Terminal) -> str:
    """The question from the command line or from stdin. Raises UsageError when there is none."""
    if argument is None or argument == "-":
        if context == "-":
            raise UsageError("stdin is taken by --context -", "give the question as an argument")
        argument = terminal.read_stdin("question").decode("utf-8-sig", "replace")
    question = " ".join(encodable(argument).split())
    if not question:
        raise UsageError("the question is empty", EXAMPLE)
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters, more than {MAX_QUESTION:,}",
            "ask a shorter one; a text to ask about goes into --context",
        )
    return question


def context_from(source: str, terminal: Terminal) -> GivenText:
    """The text of --context, cut to a bound; stdin is called "stdin"."""
    from ragqa.documents import text_of

    name = "stdin" if source == "-" else str(terminal.path(source).resolve())
    try:
        data = terminal.read_stdin("context") if source == "-" else Path(name).read_bytes()
        text = text_of(Path(name), data).text
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot read the context {source}: {reason}", "name a file") from error
    except DocumentError as error:
        raise DocumentError(
            f"cannot read the context {source}: {error.message}", "give a text"
        ) from error
    if not text.strip():
        raise UsageError(f"the context is empty: {source}", "give a text, or leave out --context")
    if len(text) > MAX_CONTEXT:
        terminal.say(f"warning: only the first {MAX_CONTEXT:,} characters of {source} are used")
    return GivenText(name, Path(name).name, text[:MAX_CONTEXT])
