"""Filters: what each option means, how they combine, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.store.filters import DATE_HINT, DocumentFacts, Filter, date_of, folded

TODAY = date(2024, 5, 31)
NAMES = st.text(st.sampled_from("abAB/#é \u0301ß-"), max_size=8)


def facts(path: str = "/home/you/notes/ml/a.md", **values: Any) -> DocumentFacts:
    return DocumentFacts(path, **{"folders": ("/home/you/notes",), **values})


def fits(document: DocumentFacts, **options: Any) -> bool:
    return Filter.parse(**options, today=TODAY).matches(document)


def test_a_filter_without_conditions_is_false_and_fits_everything() -> None:
    assert not Filter.parse()
    assert not Filter.parse(path=[], tag=None)
    assert Filter().matches(facts())
    assert Filter.parse(tag=["x"])


# Paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "glob",
    ["a.md", "*.md", "ml", "ml/", "ml/*.md", "notes/ml", "notes/**/a.md", "**/ml/*", "*", "/ml/*",
     "/home/you/notes", "/home/you/notes/ml/a.md", "/home/**/*.md", "/home/you/*/ml", "a.??",
     "[ab].md", "not*"],
)  # fmt: skip
def test_paths_that_fit(glob: str) -> None:
    assert fits(facts(), path=[glob])


@pytest.mark.parametrize(
    "glob",
    ["b.md", "you", "home/you", "/a.md", "/notes/ml", "m", "A.md", "ml/*.txt", "#a.md", "/you"],
)
def test_paths_that_do_not_fit(glob: str) -> None:
    assert not fits(facts(), path=[glob])


def test_of_several_paths_one_is_enough() -> None:
    assert fits(facts(), path=["b.md", "a.md"])
    assert not fits(facts(), path=["b.md", "c.md"])


def test_a_name_with_a_number_sign_is_no_comment() -> None:
    assert fits(facts("/home/you/notes/#1.md"), path=["#1.md"])


def test_paths_from_home_and_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    document = facts(f"{tmp_path}/notes/a.md", folders=(f"{tmp_path}/notes",))
    assert fits(document, path=["~/notes/*.md"])
    assert fits(document, path=["./notes"])
    assert not fits(document, path=["~/a.md"])


def test_a_file_in_two_indexed_folders_is_seen_from_both() -> None:
    document = facts(folders=("/home/you/notes", "/home/you/notes/ml"))
    assert fits(document, path=["/a.md"])
    assert fits(document, path=["/ml/a.md"])
    assert fits(facts("/a.md", folders=("/",)), path=["/a.md"])


# Titles, aliases, tags ----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Draft [1]: Bees", "draft [1]: BEES", "draft*", "*bee?", " * "])
def test_titles_that_fit(text: str) -> None:
    assert fits(facts(title="Draft [1]: Bees"), title=["other", text])


@pytest.mark.parametrize("text", ["Bees", "Draft", "draft [1]", "?"])
def test_titles_that_do_not_fit(text: str) -> None:
    assert not fits(facts(title="Draft [1]: Bees"), title=[text])


def test_an_accent_is_the_same_in_both_of_its_forms() -> None:
    assert fits(facts(title="Cafe\u0301"), title=["CAF\u00c9"])


def test_aliases() -> None:
    document = facts(aliases=("LLM", "Language model"))
    assert fits(document, alias=["llm"])
    assert fits(document, alias=["other", "LANGUAGE MODEL"])
    assert not fits(document, alias=["language"])
    assert not fits(facts(), alias=["llm"])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(["ml"], True), (["#ML"], True), (["ml/nlp"], True), (["ml/"], True), (["m"], False),
     (["nlp"], False), (["ml/nlp/x"], False), (["ml", "todo"], True), (["ml", "x"], False)],
)  # fmt: skip
def test_tags(wanted: list[str], expected: bool) -> None:
    assert fits(facts(tags=("ml/nlp", "Todo")), tag=wanted) is expected


@given(st.lists(NAMES.filter(lambda name: folded(name.strip("#/ \t\n"))), max_size=3))
def test_a_document_fits_its_own_names(names: list[str]) -> None:
    names = [name.strip().lstrip("#/") for name in names]
    tags = tuple(name.strip().lstrip("#").strip("/") for name in names)
    document = facts(tags=tags, aliases=tuple(names))
    assert fits(document, tag=names)
    assert fits(document, tag=[f"#{tag.upper().lower()}" for tag in tags])
    assert all(fits(document, alias=[name.upper()]) for name in names)
    assert all(fits(facts(title=name), title=[name]) for name in names)


# Properties ---------------------------------------------------------------------------------

PROPERTIES: dict[str, Any] = {
    "Status": "In Progress", "rating": 4, "weight": 2.50, "draft": True, "done": False,
    "due": "2024-05-31", "at": "2024-05-31T10:00:00", "people": ["Ann", "Bob", 3],
    "source": {"kind": "Book", "by": [{"name": "Knuth"}]}, "a.b": "dotted", "url": "x=y",
}  # fmt: skip


@pytest.mark.parametrize(
    "pair",
    ["status=in progress", "STATUS = In Progress", "rating=4", "rating=4.0", "weight=2.5",
     "weight=2.50", "draft=true", "draft=yes", "done=False", "due=2024-05-31",
     "at=2024-05-31 10:00:00", "at=2024-05-31T10:00:00", "people=ann", "people=3",
     "source.kind=book", "source.by.name=knuth", "a.b=dotted", "url=x=y"],
)  # fmt: skip
def test_properties_that_fit(pair: str) -> None:
    assert fits(facts(properties=PROPERTIES), where=[pair])


@pytest.mark.parametrize(
    "pair",
    ["status=in", "status=", "rating=5", "rating=x", "draft=false", "draft=1", "due=2024-05",
     "people=Ann, Bob", "source=book", "source.by=knuth", "name=knuth", "status.x=y", "b=dotted",
     "a=dotted"],
)  # fmt: skip
def test_properties_that_do_not_fit(pair: str) -> None:
    assert not fits(facts(properties=PROPERTIES), where=[pair])
    assert not fits(facts(), where=[pair])


def test_all_properties_must_fit() -> None:
    document = facts(properties=PROPERTIES)
    assert fits(document, where=["rating=4", "people=ann", "people=bob"])
    assert not fits(document, where=["rating=4", "people=eve"])


# Dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"date": "2021-02-03", "updated": "2022-01-01", "created": "2020-01-01"}, (2022, 1, 1)),
        ({"created": "2020-01-01", "Last-Modified": "2021-05-06T07:08:09"}, (2021, 5, 6)),
        ({"created at": "2020-01-02 03:04"}, (2020, 1, 2)),
        ({"file-created": "[[2023-03-25]]"}, (2023, 3, 25)),
        ({"date": 2021}, (2021, 1, 1)),
        ({"date": "2021-07"}, (2021, 7, 1)),
        ({"date": "2021/7/4"}, (2021, 7, 4)),
        ({"updated": "soon", "modified": "2021-02-31", "date": "2021-01-01"}, (2021, 1, 1)),
        ({"updated": True, "date": ["2021-01-01"], "n": "2020-01-01"}, (2024, 5, 1)),
        ({"date": "20210101"}, (2024, 5, 1)),
        ({}, (2024, 5, 1)),
    ],
)
def test_the_date_of_a_document(properties: dict[str, Any], expected: tuple[int, int, int]) -> None:
    modified = int(datetime(2024, 5, 1, 12).timestamp()) * 10**9
    assert date_of(facts(properties=properties, mtime_ns=modified)) == date(*expected)


def test_a_document_without_a_date_is_in_no_span_of_time() -> None:
    assert date_of(facts()) is None
    assert not fits(facts(), since="1000")
    assert not fits(facts(), until="2999")


@pytest.mark.parametrize(
    ("option", "text", "day"),
    [
        ("since", "2024", "2024-01-01"), ("until", "2024", "2024-12-31"),
        ("since", "2024-02", "2024-02-01"), ("until", "2024-02", "2024-02-29"),
        ("since", "2024-2-3", "2024-02-03"), ("until", " 2024-02-03 ", "2024-02-03"),
        ("since", "30d", "2024-05-01"), ("since", "2w", "2024-05-17"),
        ("since", "0d", "2024-05-31"),
        ("since", "3m", "2024-02-29"), ("until", "6m", "2023-11-30"), ("since", "1Y", "2023-05-31"),
        ("since", "12m", "2023-05-31"), ("since", "5m", "2023-12-31"),
    ],
)  # fmt: skip
def test_both_ends_are_included(option: str, text: str, day: str) -> None:
    at = date.fromisoformat(day)
    outside = at + timedelta(days=-1 if option == "since" else 1)
    assert fits(facts(properties={"date": day}), **{option: text})
    assert not fits(facts(properties={"date": outside.isoformat()}), **{option: text})


@given(st.dates(min_value=date(1000, 1, 1)), st.dates(min_value=date(1000, 1, 1)))
def test_a_day_is_between_itself_and_no_other(day: date, other: date) -> None:
    document = facts(properties={"date": day.isoformat()})
    span = {"since": other.isoformat(), "until": other.isoformat()}
    assert fits(document, **span) is (day == other)


# Together, and what is refused --------------------------------------------------------------


def test_different_options_must_all_fit() -> None:
    document = facts(title="A", tags=("ml",), aliases=("x",), properties={"date": "2024-01-01"})
    every = {"path": ["a.md"], "title": ["a"], "tag": ["ml"], "alias": ["x"], "since": "2024",
             "until": "2024", "where": ["date=2024-01-01"]}  # fmt: skip
    assert fits(document, **every)
    wrong = {"path": ["b.md"], "title": ["b"], "tag": ["x"], "alias": ["y"], "since": "2024-02",
             "until": "2024", "where": ["date=2024"]}  # fmt: skip
    for name in ("path", "title", "tag", "alias", "since", "where"):
        assert not fits(document, **{**every, name: wrong[name]})


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"where": ["foo"]}, "--where: not KEY=VALUE: 'foo'", "write it like: --where status=done"),
        ({"where": ["=x"]}, "--where: not KEY=VALUE: '=x'", "write it like: --where status=done"),
        ({"since": "soon"}, "--since: not a date: 'soon'", DATE_HINT),
        ({"until": "2024-13"}, "--until: not a date: '2024-13'", DATE_HINT),
        ({"until": "2023-02-29"}, "--until: not a date: '2023-02-29'", DATE_HINT),
        ({"since": "0000"}, "--since: not a date: '0000'", DATE_HINT),
        ({"since": "99999y"}, "--since: not a date: '99999y'", DATE_HINT),
        ({"since": "99999m"}, "--since: not a date: '99999m'", DATE_HINT),
        ({"since": ""}, "--since: not a date: ''", DATE_HINT),
        ({"since": "2024", "until": "2023"}, "--since 2024 is after --until 2023", "swap the two"),
        ({"tag": ["#"]}, "--tag is empty", "give it a value, or leave it out"),
        ({"title": [" "]}, "--title is empty", "give it a value, or leave it out"),
        ({"alias": [""]}, "--alias is empty", "give it a value, or leave it out"),
        ({"path": [""]}, "--path is empty", "give it a value, or leave it out"),
        ({"path": ["a\\"]}, "--path: not a pattern: a\\", "write it as in .gitignore"),
        ({"path": ["!a"]}, "--path: cannot negate: !a", "name what is wanted"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_usage_error(
    options: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Filter.parse(**options, today=TODAY)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@given(st.text(max_size=12))
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    document = facts(title=text, properties={text: text, "date": text}, mtime_ns=0)
    for option in ("path", "title", "tag", "alias", "where", "since", "until"):
        try:
            chosen = Filter.parse(**{option: text if option in ("since", "until") else [text]})
        except UsageError:
            continue
        assert chosen.matches(document) in (True, False)


@example(["[[]"])
@given(st.lists(st.text("ab*?[]!/\\ #-", min_size=1, max_size=8), min_size=1, max_size=3))
def test_any_glob_is_a_filter_or_a_usage_error(globs: list[str]) -> None:
    try:
        chosen = Filter.parse(path=globs)
    except UsageError:
        return
    assert chosen.matches(facts("/home/you/notes/a b/#a!.b")) in (True, False)
