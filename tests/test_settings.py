"""Settings: which source wins, what is refused, where an index lies."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from ragqa.errors import UsageError
from ragqa.settings import (
    ANSWER_MODES,
    LIMITS,
    NAMES,
    Settings,
    config_file,
    data_directory,
    load_settings,
)


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


# How answers are made ------------------------------------------------------------------------


# Which origins the model and the mode may have, from the one that counts least on.
DEFAULT, FILE, ENVIRONMENT, FLAG = "default", "config file /c", "environment RAGQA_X", "flag"
CHOSEN = (FILE, ENVIRONMENT, FLAG)


MODES = [("auto", DEFAULT), *itertools.product(ANSWER_MODES, CHOSEN)]  # the default is auto


@pytest.mark.parametrize("model", [DEFAULT, *CHOSEN])
@pytest.mark.parametrize(("mode", "answer"), MODES)
def test_how_answers_are_made(model: str, mode: str, answer: str) -> None:
    settings = Settings(answer=mode, origins={"model": model, "answer": answer})
    if model == FLAG and answer != FLAG:
        expected = "generate"  # it was named to be used
    elif mode == "auto":
        expected = "read" if model == DEFAULT else "generate"
    else:
        expected = mode
    assert settings.answer_mode == expected


@pytest.mark.parametrize(
    ("config", "environment", "flags", "mode"),
    [
        ("", {}, {}, "read"),
        ("", {}, {"model": "m.gguf"}, "generate"),
        ("", {"RAGQA_MODEL": "m.gguf"}, {}, "generate"),
        ('model = "m.gguf"', {}, {}, "generate"),
        ('model = "m.gguf"', {"RAGQA_ANSWER": "extract"}, {}, "extract"),
        ("", {"RAGQA_ANSWER": "extract"}, {"model": "m.gguf"}, "generate"),
        ("", {"RAGQA_ANSWER": "extract"}, {"model": "m.gguf", "answer": "read"}, "read"),
        ("", {}, {"model": "m.gguf", "answer": "auto"}, "generate"),
        ('answer = "generate"', {}, {}, "generate"),
        ('answer = "generate"', {}, {"answer": "auto"}, "read"),
    ],
)
def test_how_answers_are_made_by_where_it_was_said(
    config: str, environment: dict[str, str], flags: dict[str, str], mode: str
) -> None:
    write_config(config)
    assert load_settings(flags, environment).answer_mode == mode


def test_without_origins_the_bundled_model_reads() -> None:
    assert Settings().answer_mode == "read"


# Where models lie ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model", "embedder", "reranker"])
def test_a_model_that_is_there_is_named_from_the_root(tmp_path: Path, name: Any) -> None:
    (tmp_path / "my.gguf").touch()
    (tmp_path / "folder").mkdir()
    (Path.home() / "home.gguf").touch()
    real = tmp_path.resolve()
    for value, located in (
        ("my.gguf", str(real / "my.gguf")),
        ("folder", str(real / "folder")),
        ("folder/../my.gguf", str(real / "my.gguf")),
        ("~/home.gguf", str(Path.home().resolve() / "home.gguf")),
        (str(tmp_path / "my.gguf"), str(real / "my.gguf")),
    ):
        assert load_settings({name: value}, {}, tmp_path).located(name) == located


@pytest.mark.parametrize("value", ["all-MiniLM-L6-v2", "org/name", "none.gguf", "/none/x.gguf"])
def test_a_model_that_is_not_there_keeps_its_name(tmp_path: Path, value: str) -> None:
    settings = load_settings({"model": value, "embedder": value}, {}, tmp_path)
    assert (settings.located("model"), settings.located("embedder")) == (value, value)


def test_no_model_is_no_folder(tmp_path: Path) -> None:
    assert load_settings({}, {}, tmp_path).located("reranker") == ""


def test_an_index_is_taken_from_the_folder_on_in_which_the_command_was_given(
    tmp_path: Path,
) -> None:
    assert load_settings({"index": "i"}, {}, tmp_path).index_directory == tmp_path / "i"
    assert load_settings({"index": "/i"}, {}, tmp_path).index_directory == Path("/i")
