"""The errors, their codes and the tree in the docstring."""

from __future__ import annotations

import re

import pytest

from ragqa import errors
from ragqa.errors import RagqaError


def test_the_docstring_names_every_error_with_its_exit_code() -> None:
    drawn = dict(re.findall(r"-- (\w+) +exit (\d)", errors.__doc__ or ""))
    assert drawn == {kind.__name__: str(kind.exit_code) for kind in RagqaError.__subclasses__()}


def test_codes_are_distinct() -> None:
    codes = [kind.code for kind in RagqaError.__subclasses__()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", RagqaError.__subclasses__())
def test_an_error_says_what_happened_and_what_to_do(kind: type[RagqaError]) -> None:
    error = kind("it broke", "mend it")
    assert (str(error), error.message, error.hint) == ("it broke", "it broke", "mend it")
    assert kind("x").hint == ""
