"""Front matter: properties of a note, also where its YAML is broken or hostile."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents.readers.markdown.frontmatter import FrontMatter, split

BROKEN = "front matter is not valid YAML"


def read(*lines: str) -> FrontMatter:
    return split("\n".join(["---", *lines, "---", "body\n"]))


def test_without_front_matter_nothing_is_taken() -> None:
    for text in ("", "body", "\n---\na: b\n---\n", "text\n---\na: b\n---\n", "---\na: b\n"):
        assert split(text) == FrontMatter(0, None, (), (), {}, ())


@pytest.mark.parametrize("end", ["---\n", "--- \t\n", "...\n", "---"])
def test_it_ends_at_its_mark(end: str) -> None:
    text = f"---\ntitle: T\n{end}"
    found = split(text)
    assert (found.end, found.title) == (len(text), "T")


def test_an_empty_one_is_taken_away() -> None:
    assert split("---\n---\nbody").end == 8


@pytest.mark.parametrize("inside", ["Some text.\n", "- a\n- b\n", "\n# Head\n\ntext\n", "{[\n"])
def test_text_between_two_rules_is_not_taken(inside: str) -> None:
    assert split(f"---\n{inside}---\nmore").end == 0


@pytest.mark.parametrize(
    ("lines", "aliases"),
    [
        (["aliases: [a b, c]"], ("a b", "c")),
        (["aliases:", "  - a b", "  - c", "  - a b"], ("a b", "c")),
        (["aliases: a b, c"], ("a b", "c")),
        (["alias: one"], ("one",)),
        (["aliases: [2023, 1.5, 2023-03-25]"], ("2023", "1.5", "2023-03-25")),
        (["aliases:"], ()),
        (["aliases: [[nested], {a: b}, null, '']"], ()),
    ],
)
def test_aliases(lines: list[str], aliases: tuple[str, ...]) -> None:
    assert read(*lines).aliases == aliases


@pytest.mark.parametrize(
    ("lines", "tags"),
    [
        (["tags: [a, b/c]"], ("a", "b/c")),
        (["tags: a b, c"], ("a", "b", "c")),
        (["tags:", '  - "#a"', "  - a"], ("a",)),
        (["tag: one"], ("one",)),
    ],
)
def test_tags(lines: list[str], tags: tuple[str, ...]) -> None:
    assert read(*lines).tags == tags


@pytest.mark.parametrize(
    ("value", "title"),
    [("T", "T"), ("'a: b'", "a: b"), ("2023", "2023"), ("2023-09-12", "2023-09-12"), ("", None),
     ("[a]", None), ('"  "', None)],
)  # fmt: skip
def test_titles(value: str, title: str | None) -> None:
    assert read(f"title: {value}").title == title


def test_properties_are_what_json_can_hold() -> None:
    found = read("created: 2023-03-25", "at: 2023-03-25 10:00:00", "n: 1", "ok: true", "s: x",
                 "l: [a, 2023-01-01, [x]]", "m: {a: b}", "none:", "7: seven")  # fmt: skip
    assert found.properties == {
        "created": "2023-03-25", "at": "2023-03-25T10:00:00", "n": 1, "ok": True, "s": "x",
        "l": ["a", "2023-01-01"], "m": {"a": "b"}, "7": "seven",
    }  # fmt: skip
    json.dumps(found.properties)


def test_mappings_nest_up_to_a_bound_and_are_taken_once() -> None:
    found = read("a: &a {b: {c: 1}, l: [{d: x}, [y]]}", "again: *a", "self: &s {of: *s, n: 2}",
                 "deep: " + "{k: " * 50 + "1" + "}" * 50)  # fmt: skip
    assert found.properties["a"] == {"b": {"c": 1}, "l": [{"d": "x"}]}
    assert found.properties["self"] == {"n": 2}
    assert "again" not in found.properties
    assert json.dumps(found.properties["deep"]).count("k") == 6


def test_of_duplicated_keys_the_last_one_counts() -> None:
    found = read("title: first", "tags: [a]", "title: second", "tags: [b]")
    assert (found.title, found.tags, found.warnings) == ("second", ("b",), ())


def test_broken_yaml_still_gives_what_its_lines_say() -> None:
    found = read("title: A: B: C", "aliases:", "  - one", "  - 'two'", "tags: [x", "date: 1")
    assert found.title == "A: B: C"
    assert found.aliases == ("one", "two")
    assert found.properties["date"] == "1"
    assert found.warnings == (f"{BROKEN} at line 2",)


@pytest.mark.parametrize(
    "line",
    ["date: 2023-02-31", "? [a]\n: b", "x: !!python/object:os.system {}", "x: \t- %", "x: *a"],
)
def test_values_that_yaml_cannot_make_lose_nothing_else(line: str) -> None:
    found = read("title: T", line)
    assert found.title == "T"
    assert len(found.warnings) == 1 and found.warnings[0].startswith(BROKEN)


@pytest.mark.parametrize("value", ["'", '"a" b', "@x", "`x`", "%x", "a: b", "- x"])
def test_a_value_in_bad_quotes_spares_the_aliases(value: str) -> None:
    assert read(f"x: {value}", "aliases: [known]").title is None
    assert read(f"x: {value}", "aliases:", "  - known").aliases == ("known",)


@pytest.mark.parametrize(
    "kind", ["list", "merge", "explicit merge", "map", "deep", "deep map", "deep list"]
)
def test_yaml_bombs_do_not_explode(kind: str) -> None:
    levels = range(1, 12)
    bombs = {
        "list": ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in levels),
                 "tags: *a11"],
        "merge": ["a0: &a0 {k: v}",
                  *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in levels)],
        "explicit merge": ["a0: &a0 {k: v}",
                           *(f"a{i}: &a{i} {{!!merge x: [{', '.join([f'*a{i - 1}'] * 9)}]}}"
                             for i in levels)],
        "map": ["a0: &a0 {k: v}",
                *(f"a{i}: &a{i} {{{', '.join(f'k{n}: *a{i - 1}' for n in range(9))}}}"
                  for i in levels)],
        "deep": ["a: " + "[" * 5000],
        "deep map": ["a: " + "{a: " * 3000 + "1" + "}" * 3000],
        "deep list": ["- " * 5000],
    }  # fmt: skip
    found = read("title: T", *bombs[kind])
    assert found.title == "T" or kind == "deep list"
    assert len(json.dumps(found.properties)) < 20_000


@given(st.text("ab: \n-[]{}'\"#&*!|>%@`,?<=1.\té", max_size=60))
def test_any_front_matter_is_survived(inside: str) -> None:
    found = split(f"---\n{inside}\n---\nbody")
    json.dumps(found.properties)
    assert found.end <= len(inside) + 9
    assert all(isinstance(text, str) and text for text in (*found.aliases, *found.tags))
