"""Which documents a search may look at: path, title, tags, aliases, properties, dates.

A document's date is that of its front matter: the first readable one of `DATE_KEYS`, in that
order, in any spelling ("Last-Modified" is "last_modified"); without one, the file's modification
time. A date of a month or a year stands for its first day. Knows nothing of the index.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ragqa.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

DATE_KEYS = (
    "updated", "lastupdated", "updatedat", "dateupdated",
    "modified", "lastmodified", "modifiedat", "datemodified", "lastmod", "filemodified",
    "date", "published", "publishdate",
    "created", "createdat", "datecreated", "creationdate", "filecreated",
)  # fmt: skip
DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
# A property may have a time behind its date, or be a link: "[[2024-05-01]]".
PROPERTY_DATE = re.compile(r"[\s\[]*(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)", re.ASCII)
AGE = re.compile(r"(\d{1,5})([dwmy])", re.ASCII | re.IGNORECASE)
DATE_HINT = "write YYYY, YYYY-MM, YYYY-MM-DD, or an age like 30d, 2w, 6m, 1y"
TRUE, FALSE = {"true", "yes", "on"}, {"false", "no", "off"}  # as YAML 1.1 has them


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a filter looks at. `folders`: the indexed ones that the file is in.

    `title` is the one shown; `mtime_ns` is in nanoseconds since the epoch, negative: not known.
    """

    path: str
    folders: tuple[str, ...] = ()
    title: str = ""
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] | None = None
    mtime_ns: int = -1


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that a document must meet, all of them; false when there is none."""

    paths: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    since: date | None = None
    until: date | None = None

    @classmethod
    def parse(
        cls,
        *,
        path: Sequence[str] | None = None,
        title: Sequence[str] | None = None,
        tag: Sequence[str] | None = None,
        alias: Sequence[str] | None = None,
        where: Sequence[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        today: date | None = None,
        directory: Path | None = None,
    ) -> Self:
        """A filter as it is written on the command line in a directory.

        Raises UsageError, with a hint.
        """
        here = directory or Path.cwd()
        today = today or date.today()
        first = None if since is None else _days("since", since, today)[0]
        last = None if until is None else _days("until", until, today)[1]
        if first and last and first > last:
            raise UsageError(f"--since {since} is after --until {until}", "swap the two")
        return cls(
            tuple(_glob(text, here) for text in path or ()),
            tuple(_name("title", text) for text in title or ()),
            tuple(_tag(text) for text in tag or ()),
            tuple(_name("alias", text) for text in alias or ()),
            tuple(_pair(text) for text in where or ()),
            first,
            last,
        )

    def __bool__(self) -> bool:
        return self != Filter()

    def matches(self, facts: DocumentFacts) -> bool:
        """Whether a document meets every condition."""
        return (
            self._has_tags(facts)
            and self._has_name(facts)
            and (not self.paths or any(_is_below(glob, facts) for glob in self.paths))
            and all(_says(facts.properties or {}, *pair) for pair in self.where)
            and self._is_in_time(facts)
        )

    def _has_tags(self, facts: DocumentFacts) -> bool:
        """A tag is also said by those nested in it: `ml` by `ml/nlp`."""
        tags = [f"{folded(tag)}/" for tag in facts.tags] if self.tags else []
        return all(any(tag.startswith(f"{wanted}/") for tag in tags) for wanted in self.tags)

    def _has_name(self, facts: DocumentFacts) -> bool:
        if self.titles:
            title = folded(facts.title)
            if not any(title == text or fnmatchcase(title, text) for text in self.titles):
                return False
        return not self.aliases or not set(self.aliases).isdisjoint(map(folded, facts.aliases))

    def _is_in_time(self, facts: DocumentFacts) -> bool:
        if self.since is None and self.until is None:
            return True
        day = date_of(facts)
        if day is None:
            return False
        return (self.since or day) <= day <= (self.until or day)


def folded(text: str) -> str:
    """Text as names are compared: case and the two Unicode forms of an accent aside."""
    text = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", text).strip()  # folding may take a letter apart


def is_in(path: str, folder: str) -> bool:
    """True for a file somewhere in a folder, by their absolute paths."""
    return path.startswith(f"{folder.rstrip('/')}/")


def date_of(facts: DocumentFacts) -> date | None:
    """The day of a document, as the module's docstring says; None when it is not known."""
    names = {re.sub(r"[\s_-]", "", folded(key)): key for key in facts.properties or {}}
    for name in DATE_KEYS:
        if name in names and (day := _day((facts.properties or {})[names[name]])):
            return day
    if facts.mtime_ns < 0:
        return None
    return datetime.fromtimestamp(facts.mtime_ns / 1e9).date()


def _day(value: Any) -> date | None:
    """The first day that a property's value names; None when it names none."""
    match = PROPERTY_DATE.match(str(value)) if isinstance(value, str | int) else None
    try:
        return _span(match)[0] if match else None
    except ValueError:
        return None


def _span(match: re.Match[str]) -> tuple[date, date]:
    """First and last day of a year, a month or a day. Raises ValueError for 2024-13."""
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    first = date(year, month or 1, day or 1)
    if day:
        return first, first
    return first, date(year, month or 12, monthrange(year, month or 12)[1])


def _days(option: str, text: str, today: date) -> tuple[date, date]:
    """First and last day of what --since or --until names. Raises UsageError."""
    text = text.strip()
    try:
        if match := DATE.fullmatch(text):
            return _span(match)
        if match := AGE.fullmatch(text):
            return (_before(today, int(match[1]), match[2].lower()),) * 2
    except (ValueError, OverflowError):
        pass  # there is no such day
    raise UsageError(f"--{option}: not a date: {text!r}", DATE_HINT)


def _before(today: date, count: int, unit: str) -> date:
    """The day so many days, weeks, months or years ago. Raises ValueError, OverflowError."""
    if unit in "dw":
        return today - timedelta(days=count * (7 if unit == "w" else 1))
    months = today.year * 12 + today.month - 1 - count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    if year < 1:
        raise ValueError(count)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _name(option: str, text: str) -> str:
    if not folded(text):
        raise UsageError(f"--{option} is empty", "give it a value, or leave it out")
    return folded(text)


def _tag(text: str) -> str:
    return _name("tag", text.strip().lstrip("#").strip("/"))


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not folded(key):
        raise UsageError(f"--where: not KEY=VALUE: {text!r}", "write it like: --where status=done")
    return folded(key), folded(value)


# Paths --------------------------------------------------------------------------------------


def _glob(text: str, here: Path) -> str:
    """A pattern as .gitignore has them; with a slash inside it still fits at any level."""
    if not text.strip("/ ") and text != "/":
        raise UsageError("--path is empty", "give it a value, or leave it out")
    if text.startswith("!"):
        raise UsageError(f"--path: cannot negate: {text}", "name what is wanted")
    for short, folder in (("~/", Path("~").expanduser()), ("./", here)):
        if text.startswith(short):
            text = f"{folder.as_posix()}/{text[2:]}"
    floats = "/" in text.rstrip("/") and not text.startswith(("/", "**/"))
    prefix = "\\" if text.startswith("#") else ""  # else a comment, as in .gitignore
    glob = f"**/{text}" if floats else prefix + text
    try:
        _spec(glob)
    except (ValueError, re.error) as error:
        raise UsageError(f"--path: not a pattern: {text}", "write it as in .gitignore") from error
    return glob


def _is_below(glob: str, facts: DocumentFacts) -> bool:
    """Whether a pattern fits the file, or a folder that it is in.

    A leading slash is the root of the file system or of the indexed folder. Without one, folders
    above the indexed folder do not count: `notes` is not everything below /home/notes/.
    """
    rooted = glob.startswith("/")
    candidates = [facts.path] if rooted else []
    for folder in facts.folders:
        inside = facts.path[len(folder.rstrip("/")) + 1 :]
        candidates.append(inside if rooted else f"{Path(folder).name}/{inside}")
    return any(map(_spec(glob).match_file, candidates))


@lru_cache(maxsize=64)
def _spec(glob: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        # "[[]" makes `re` warn of what a later version may read otherwise; it is fine here.
        warnings.simplefilter("ignore", FutureWarning)
        return GitIgnoreSpec.from_lines([glob])


# Properties ---------------------------------------------------------------------------------


def _says(properties: Mapping[str, Any], key: str, wanted: str) -> bool:
    """Whether a property, or an element of it, has that value."""
    return any(_equals(value, wanted) for value in _values(properties, key))


def _values(properties: Mapping[str, Any], key: str) -> Iterator[Any]:
    """The values of a key; `a.b` is a key of its own or `b` within `a`."""
    for name, value in properties.items():
        name, items = folded(name), value if isinstance(value, list) else [value]
        if name == key:
            yield from items
        elif key.startswith(f"{name}."):
            for item in items:
                if isinstance(item, Mapping):
                    yield from _values(item, key[len(name) + 1 :])


def _equals(value: Any, wanted: str) -> bool:
    """Whether YAML's value is what was written, whichever way it was written."""
    if isinstance(value, bool):
        return wanted in (TRUE if value else FALSE)
    if isinstance(value, int | float):
        try:
            return float(wanted) == value
        except ValueError:
            return False
    # A time is stored with a T; "2024-05-01 10:00:00" is the same.
    text = folded(str(value))
    return text == wanted or text == re.sub(r"(?<=\d\d-\d\d) (?=\d\d:)", "t", wanted)
