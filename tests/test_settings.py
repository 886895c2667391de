"""Settings: which source wins, what is refused, where an index lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragqa.errors import UsageError
from ragqa.settings import LIMITS, NAMES, Settings, config_file, data_directory, load_settings


def write_config(text: str) -> Path:
    file = config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_any_source_there_are_the_defaults() -> None:
    settings = load_settings({}, {})
    assert settings == Settings(origins=dict.fromkeys(NAMES, "default"))
    assert settings.index_directory == data_directory() / "default"


def test_a_flag_outranks_the_environment_and_that_the_file() -> None:
    file = write_config('k = 2\nmax_tokens = 20\nanswer = "extract"\n')
    environment = {"RAGQA_K": "3", "RAGQA_MAX_TOKENS": "30"}
    settings = load_settings({"k": 4, "answer": None}, environment)
    assert (settings.k, settings.max_tokens, settings.answer) == (4, 30, "extract")
    assert settings.origins["k"] == "flag"
    assert settings.origins["max_tokens"] == "environment RAGQA_MAX_TOKENS"
    assert settings.origins["answer"] == f"config file {file}"
    assert settings.origins["threads"] == "default"


def test_an_empty_variable_is_not_set() -> None:
    assert load_settings({}, {"RAGQA_K": "", "RAGQA_INDEX": ""}).k == 6


@pytest.mark.parametrize(
    ("config", "environment", "flags", "directory"),
    [
        ("", {"RAGQA_INDEX": "/i"}, {}, "/i"),
        ("", {"RAGQA_INDEX": "/i"}, {"collection": "work"}, "work"),
        ('index = "/f"', {"RAGQA_COLLECTION": "work"}, {}, "work"),
        ('collection = "work"', {"RAGQA_INDEX": "/i"}, {}, "/i"),
        ("", {"RAGQA_COLLECTION": "work"}, {"index": "/i"}, "/i"),
        ("", {}, {"index": "~/i"}, "~/i"),
    ],
)
def test_the_nearest_source_names_the_index(
    config: str, environment: dict[str, str], flags: dict[str, str], directory: str
) -> None:
    write_config(config)
    expected = Path(directory).expanduser()
    found = load_settings(flags, environment).index_directory
    assert found == (expected if expected.is_absolute() else data_directory() / directory)


@pytest.mark.parametrize("name", LIMITS)
def test_numbers_within_their_limits(name: str) -> None:
    low, high = LIMITS[name]
    variable = f"RAGQA_{name.upper()}"
    for value in (low, high):
        assert getattr(load_settings({}, {variable: str(value)}), name) == value
    for wrong in (str(low - 1), str(high + 1), "x", "1.5", "9" * 5000):
        with pytest.raises(UsageError, match=f"^{name} must be a whole number from {low} to"):
            load_settings({}, {variable: wrong})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("k = true", "k must be a whole number from 1 to 100, not True"),
        ("k = 6.0", "k must be a whole number from 1 to 100, not 6.0"),
        ("k = [1]", "k must be a whole number from 1 to 100, not \\[1\\]"),
        ("model = 3", "model must be text, not 3"),
        ('answer = "guess"', "answer must be one of auto, read, extract, generate, not 'guess'"),
        ('collection = "../x"', "not a collection name: '../x'"),
        ("colour = 1", "unknown setting 'colour' in "),
        ("k = ", "cannot read "),
    ],
)
def test_a_config_file_with_a_mistake(line: str, message: str) -> None:
    file = write_config(line + "\n")
    with pytest.raises(UsageError, match=f"^{message}") as caught:
        load_settings({}, {})
    assert str(file) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0"])
def test_a_config_file_that_is_no_text(data: bytes) -> None:
    write_config("").write_bytes(data)
    with pytest.raises(UsageError, match=r"^cannot read "):
        load_settings({}, {})


def test_a_folder_in_place_of_the_config_file() -> None:
    config_file().mkdir(parents=True)
    with pytest.raises(UsageError, match=r"^cannot read "):
        load_settings({}, {})


@pytest.mark.parametrize("value", ["", ".", "..", ".docs", "a/b", "a\\b"])
def test_what_is_no_name_of_a_collection(value: str) -> None:
    with pytest.raises(UsageError):
        load_settings({"collection": value}, {})


@pytest.mark.parametrize("value", ["work", "Café", "a b", "2024", "x.y"])
def test_names_of_collections(value: str) -> None:
    assert load_settings({"collection": value}, {}).index_directory.name == value


def test_an_unknown_variable_is_none_of_our_business() -> None:
    values: dict[str, Any] = {"RAGQA_EVAL_DATA": "/x", "RAGQA_": "y"}
    assert load_settings({}, values).origins == dict.fromkeys(NAMES, "default")
