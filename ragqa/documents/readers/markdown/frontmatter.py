"""YAML front matter: title, aliases, tags and other properties, also where it is broken.

Knows nothing of Markdown; `split` only says where the front matter ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.M)
MERGE = re.compile(r"<<|!!merge|:merge>")
LINE = re.compile(r"^([\w][\w .-]*?):(?:[ \t]+(.*))?$")
ITEM = re.compile(r"^\s*-\s+(.+)$")
MAX_DEPTH = 8  # of mappings in mappings


class Property(NamedTuple):
    """A property as it is written, somewhere in `[start:end]` of the text; no mapping has one."""

    key: str
    values: tuple[str, ...]
    start: int
    end: int


class FrontMatter(NamedTuple):
    """What the front matter says. `end` is the offset of the text after it."""

    end: int
    title: str | None
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    properties: Mapping[str, Any]
    warnings: tuple[str, ...]
    written: tuple[Property, ...] = ()


def split(text: str) -> FrontMatter:
    """Read the front matter at the start of `text`; empty fields where there is none."""
    match = FRONT_MATTER.match(text)
    if match is None:
        return FrontMatter(0, None, (), (), {}, ())
    values, written, warnings = _load(match[1])
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
        tuple(_placed(written, match.start(1), match.end(1))),
    )


Written = tuple[int, str, tuple[str, ...]]  # where in the YAML a key stands, the key, its values


def _placed(written: list[Written], start: int, end: int) -> Iterator[Property]:
    """What is written in YAML that stands at `[start:end]` of the text."""
    ends = [place for place, *_ in written[1:]] + [end - start] * bool(written)
    for (place, key, values), stop in zip(written, ends, strict=True):
        yield Property(key, values, start + place, start + stop)


def _load(source: str) -> tuple[dict[Any, Any], list[Written], tuple[str, ...]]:
    """The mapping in `source`; where YAML refuses it, what its lines plainly say."""
    import yaml

    try:
        # A merge of merges of merges would grow without bound; nobody needs one here.
        if MERGE.search(source):
            raise yaml.YAMLError
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(source)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        # ValueError: a date that does not exist; TypeError: a list as a key.
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 2}" if place else ""
        return *_load_lines(source), (f"front matter is not valid YAML{where}",)
    return (values, list(_written(node)), ()) if isinstance(values, dict) else ({}, [], ())


def _written(mapping: Any) -> Iterator[Written]:
    """The keys of a YAML node with what is written below each: numbers and dates as they stand."""
    for key, value in () if mapping.flow_style else mapping.value:
        if isinstance(key.value, str) and value.start_mark.index >= key.end_mark.index:
            yield key.start_mark.index, key.value, tuple(filter(None, _scalars(value)))


def _scalars(node: Any) -> Iterator[str]:
    """A scalar, or those of a list; YAML takes a bare [[link]] for a list in a list."""
    for item in node.value if node.id == "sequence" else [node]:
        marks = ("", "")
        while item.id == "sequence" and len(item.value) == 1:
            marks, item = ("[[", "]]"), item.value[0]
        # What stands before is an alias: it was taken where it is written.
        is_here = item.start_mark.index >= node.start_mark.index
        if item.id == "scalar" and is_here and not item.tag.endswith(":null"):
            yield item.value.strip().join(marks)


def _load_lines(source: str) -> tuple[dict[Any, Any], list[Written]]:
    """`key: value` lines and `- item` lists, the rest ignored."""
    values: dict[Any, Any] = {}
    places: dict[str, int] = {}
    key, place = "", 0
    for line in source.split("\n"):
        if item := ITEM.match(line):
            if isinstance(values.get(key), list):
                values[key].append(_unquote(item[1]))
        elif pair := LINE.match(line):
            key, places[pair[1]] = pair[1], place
            values[key] = _unquote(pair[2]) if pair[2] else []
        place += len(line) + 1
    return values, [(place, key, _listed(values[key])) for key, place in places.items()]


def _listed(value: str | list[str]) -> tuple[str, ...]:
    """What is written in a line, or in the items below it; `[a, b]` are two."""
    if isinstance(value, list):
        return tuple(value)
    is_list = value.startswith("[") and value.endswith("]") and not value.startswith("[[")
    items = map(_unquote, value[1:-1].split(",")) if is_list else [value]
    return tuple(item for item in items if item)


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
