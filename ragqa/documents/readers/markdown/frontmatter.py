"""YAML front matter: title, aliases, tags and other properties, also where it is broken.

Knows nothing of Markdown; `split` only says where the front matter ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.M)
MERGE = re.compile(r"<<|!!merge|:merge>")
LINE = re.compile(r"^([\w][\w .-]*?):(?:[ \t]+(.*))?$")
ITEM = re.compile(r"^\s*-\s+(.+)$")
MAX_DEPTH = 8  # of mappings in mappings


class FrontMatter(NamedTuple):
    """What the front matter says. `end` is the offset of the text after it."""

    end: int
    title: str | None
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    properties: Mapping[str, Any]
    warnings: tuple[str, ...]


def split(text: str) -> FrontMatter:
    """Read the front matter at the start of `text`; empty fields where there is none."""
    match = FRONT_MATTER.match(text)
    if match is None:
        return FrontMatter(0, None, (), (), {}, ())
    values, warnings = _load(match[1])
    if not values and match[1].strip():
        return FrontMatter(0, None, (), (), {}, ())  # text between two rules
    title = values.get("title")
    aliases = _strings(values.get("aliases")) or _strings(values.get("alias"))
    tags = _strings(values.get("tags"), spaces=True) or _strings(values.get("tag"), spaces=True)
    return FrontMatter(
        match.end(),
        str(title).strip() or None if isinstance(title, str | int | float | date) else None,
        aliases,
        tuple(dict.fromkeys(tag.lstrip("#") for tag in tags if tag.strip("#"))),
        _plain(values, set()),
        warnings,
    )


def _load(source: str) -> tuple[dict[Any, Any], tuple[str, ...]]:
    """The mapping in `source`; where YAML refuses it, what its lines plainly say."""
    import yaml

    try:
        # A merge of merges of merges would grow without bound; nobody needs one here.
        if MERGE.search(source):
            raise yaml.YAMLError
        values = yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        # ValueError: a date that does not exist; TypeError: a list as a key.
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 2}" if place else ""
        return _load_lines(source), (f"front matter is not valid YAML{where}",)
    return (values, ()) if isinstance(values, dict) else ({}, ())


def _load_lines(source: str) -> dict[Any, Any]:
    """`key: value` lines and `- item` lists, the rest ignored."""
    values: dict[Any, Any] = {}
    key = ""
    for line in source.splitlines():
        if item := ITEM.match(line):
            if isinstance(values.get(key), list):
                values[key].append(_unquote(item[1]))
        elif pair := LINE.match(line):
            key = pair[1]
            values[key] = _unquote(pair[2]) if pair[2] else []
    return values


def _unquote(value: str) -> str:
    return value.strip().strip("\"'")


def _strings(value: Any, spaces: bool = False) -> tuple[str, ...]:
    """A YAML value as distinct strings: a list, or one string with commas (or spaces)."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = re.split(r"[,\s]+" if spaces else r"\s*,\s*", value)
    if not isinstance(value, list):
        value = [value]
    texts = [str(item).strip() for item in value if isinstance(item, str | int | float | date)]
    return tuple(dict.fromkeys(text for text in texts if text))


def _plain(value: Any, seen: set[int], depth: int = 0) -> Any:
    """A property as JSON can hold it: scalars, lists and mappings; None for anything else.

    A mapping that YAML's aliases repeat is taken once (`seen`), so nothing grows without bound.
    """
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        found = (_plain(item, seen, depth) for item in value if not isinstance(item, list))
        return [item for item in found if item is not None]
    if isinstance(value, dict) and id(value) not in seen and depth < MAX_DEPTH:
        seen.add(id(value))
        pairs = ((str(key), _plain(item, seen, depth + 1)) for key, item in value.items())
        return {key: item for key, item in pairs if item is not None}
    return None
