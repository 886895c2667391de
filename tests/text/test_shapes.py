"""Where JSON's values differ from a shape."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest

from ragqa.text.shapes import misfit


class Inner(TypedDict):
    number: int


class Outer(TypedDict):
    name: str
    items: list[Inner]
    note: str | None


GOOD = {"name": "a", "items": [{"number": 1}], "note": None, "more": object}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, None),
        ({"name": 1}, "name"),
        ({"items": [{"number": 1}, {"number": "1"}]}, "items.number"),
        ({"items": [{}]}, "items.number"),
        ({"items": [1]}, "items"),
        ({"items": {"number": 1}}, "items"),
        ({"note": 3}, "note"),
        ({"items": [{"number": True}]}, "items.number"),
    ],
)
def test_the_first_place_that_differs(changes: dict[str, Any], place: str | None) -> None:
    assert misfit({**GOOD, **changes}, Outer) == place


def test_what_is_missing_and_what_is_no_object() -> None:
    assert misfit({"items": [], "note": None}, Outer) == "name"
    assert misfit([1], Outer) == ""
    assert misfit(None, Outer) == ""


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"name": "a", "items": [], "note": "\ud800", "\ud800": 1}, None),
        ({"name": "a", "items": "\ud800", "note": None}, "items"),
        ({"name": "a", "items": [{"\udfff": 1}], "note": None}, "items.number"),
        ("\ud800", ""),
    ],
)
def test_half_of_a_surrogate_pair_in_a_name_or_a_text(value: Any, place: str | None) -> None:
    assert misfit(value, Outer) == place
