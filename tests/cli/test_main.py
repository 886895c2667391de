"""The program as a whole: help, version, completion, settings, models, errors and bugs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ragqa import __version__
from tests.conftest import Result
from tests.programs import RAGQA, error_of, make_index, parsed, write_notes

RunCli = Callable[..., Result]

COMMANDS = ["index", "ask", "search", "why", "status", "forget", "config", "models", "models list"]
HEAVY = ["torch", "sentence_transformers", "faiss", "llama_cpp", "onnxruntime"]


def test_the_version(run_cli: RunCli) -> None:
    assert run_cli("--version") == Result(0, f"ragqa {__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_the_commands_and_an_example(run_cli: RunCli, option: str) -> None:
    done = run_cli(option)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: ragqa [OPTIONS] COMMAND [ARGS]...\n")
    for command in COMMANDS:
        assert f"\n  {command.split()[0]}  " in done.out
    assert "Example: ragqa index notes/ && ragqa ask" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_plain_words(run_cli: RunCli, command: str) -> None:
    done = run_cli(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: ragqa {command} [OPTIONS]")
    assert "\x1b" not in done.out
    if command != "models":
        assert f"Example: ragqa {command}" in done.out


def test_without_a_command_the_help_goes_to_stderr(run_cli: RunCli) -> None:
    assert run_cli() == Result(2, "", run_cli("--help").out)
    assert run_cli("models") == Result(2, "", run_cli("models", "--help").out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "No such command 'bogus'; see: ragqa --help"),
        (["--bogus"], "No such option: --bogus; see: ragqa --help"),
        (["models", "bogus"], "No such command 'bogus'; see: ragqa models --help"),
        (["ask", "--bogus"], "No such option: --bogus (Possible options: --docs)"),
        (["ask", "a", "b"], "Got unexpected extra argument(s) (b); put the question in quotes, or"),
        (["ask", "-k"], "Option '-k' requires an argument; see: ragqa --help"),
        (["forget"], "Missing argument 'FOLDER'; see: ragqa forget --help"),
        (["ask", "--resume", "x"], "--resume goes with --batch; see: ragqa ask --help"),
        (["ask", "q", "--batch", "x"], "--batch brings its own questions and texts; leave the"),
        (["ask", "--answer", "x", "q"], "answer must be one of auto, read, extract, generate,"),
    ],
)
def test_a_usage_error_is_one_line(run_cli: RunCli, arguments: list[str], message: str) -> None:
    done = run_cli(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"ragqa: {message}")


@pytest.mark.parametrize("arguments", [["bogus"], ["ask", "--bogus"], ["ask", "-k", "x", "q"]])
def test_a_usage_error_as_json(run_cli: RunCli, arguments: list[str]) -> None:
    done = run_cli(*arguments, "--json")
    assert (done.code, error_of(done.out)) == (2, ("usage", 2))
    assert done.err.count("\n") == 1


def test_json_as_a_question_is_no_option(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("ask", "--index", tmp_path, "--", "--json")
    message = f"ragqa: there is no index in {tmp_path}; run: ragqa index FOLDER\n"
    assert done == Result(3, "", message)


# Bugs ---------------------------------------------------------------------------------------


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.cli.index.NAMES", ("no_such_setting",))


def test_a_bug_is_one_line(run_cli: RunCli, bug: None) -> None:
    message = "internal error: AttributeError: 'Settings' object has no attribute 'no_such_setting'"
    hint = "run ragqa --debug COMMAND, report it"
    assert run_cli("config") == Result(70, "", f"ragqa: {message}; {hint}\n")
    done = run_cli("config", "--json")
    assert (done.code, error_of(done.out)) == (70, ("bug", 70))


def test_debug_shows_where_a_bug_is(run_cli: RunCli, bug: None) -> None:
    done = run_cli("--debug", "config")
    assert (done.code, done.out) == (70, "")
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert f"{Path('ragqa', 'cli', 'index.py')}" in done.err
    assert done.err.splitlines()[-1].startswith("ragqa: internal error: AttributeError: ")


def test_debug_changes_no_exit_code(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("--debug", "status", "--index", tmp_path)
    last = f"ragqa: there is no index in {tmp_path}; run: ragqa index FOLDER"
    assert (done.code, done.out, done.err.splitlines()[-1]) == (3, "", last)
    assert done.err.startswith("Traceback (most recent call last):\n")


# config and models --------------------------------------------------------------------------


def test_config_shows_values_and_origins(
    run_cli: RunCli, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own_home / "config" / "ragqa" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('k = 3\ncollection = "work"\n')
    monkeypatch.setenv("RAGQA_K", "9")
    done = run_cli("config")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "index                                    default",
        f"collection      work                     config file {file}",
        "embedder                                 default",
        "reranker                                 default",
        "model           SmolLM2-135M-Instruct    default",
        "answer          extract                  environment RAGQA_ANSWER",
        "threshold       0.3                      default",
        "k               9                        environment RAGQA_K",
        "max_tokens      256                      default",
        "context_tokens  4096                     default",
        "threads         0                        default",
        "max_file_mb     20                       default",
        f"config file     {file} (found)",
    ]


def test_config_as_json(run_cli: RunCli, own_home: Path) -> None:
    values = parsed(run_cli("config", "--json").out)
    assert list(values) == ["version", "config_file", "settings"]
    assert values["config_file"] == f"{own_home}/config/ragqa/config.toml"
    assert values["settings"]["k"] == {"value": 6, "origin": "default"}


def test_a_config_file_that_is_broken(run_cli: RunCli, own_home: Path) -> None:
    file = own_home / "config" / "ragqa" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("k = = 3\n")
    done = run_cli("status")
    message = f"ragqa: cannot read {file}: Invalid value (at line 1, column 5); mend or delete"
    assert done == Result(2, "", f"{message} the file\n")
    assert run_cli("--version").code == 0


def test_models_list(run_cli: RunCli) -> None:
    done = run_cli("models", "list")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("(verified)\n") == 2
    assert done.out.startswith("embedder     all-MiniLM-L6-v2: 384 dimensions, passages of up to")
    assert "\n\ngenerator    SmolLM2-135M-Instruct: " in done.out


def test_models_list_as_json(run_cli: RunCli) -> None:
    models = parsed(run_cli("models", "list", "--json").out)["models"]
    assert [model["name"] for model in models] == ["all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"]
    for model in models:
        assert list(model) == [
            "name", "kind", "path", "size", "licence", "languages", "sha256", "state", "source",
            "summary",
        ]  # fmt: skip
        assert (model["state"], model["languages"]) == ("verified", "English")
        assert Path(model["path"]).stat().st_size == model["size"]


# Processes ----------------------------------------------------------------------------------


def test_completion() -> None:
    def complete(**environment: str) -> Result:
        done = subprocess.run(
            RAGQA,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    script = complete(_RAGQA_COMPLETE="source_bash")
    assert (script.code, script.err) == (0, "")
    assert "complete -o default -F _ragqa_completion ragqa" in script.out
    asked = {"_RAGQA_COMPLETE": "complete_bash", "COMP_WORDS": "ragqa s", "COMP_CWORD": "1"}
    assert complete(**asked) == Result(0, "serve\nsearch\nstatus\n", "")


def loaded_by(*arguments: object) -> set[str]:
    """The modules that the program has imported when it ends."""
    code = (
        "import sys\nfrom ragqa.cli.caller import Caller\nfrom ragqa.cli.main import run\n"
        "from ragqa.system.terminal import LocalTerminal\n"
        f"code = run({[str(a) for a in arguments]!r}, Caller(LocalTerminal()))\n"
        "print(*sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_importing_the_commands_is_light() -> None:
    code = "import sys, ragqa.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "ragqa.cli.main" in loaded
    assert not loaded & {*HEAVY, "numpy", "sqlite3", "tokenizers", "yaml", "markdown_it"}


def test_help_and_version_load_no_model_library() -> None:
    for arguments in (["--help"], ["ask", "--help"], ["--version"], ["config"]):
        assert not loaded_by(*arguments) & {*HEAVY, "numpy", "tokenizers"}


def test_status_and_a_run_with_nothing_to_do_load_no_model_library(tmp_path: Path) -> None:
    index = make_index(tmp_path / "index", write_notes(tmp_path / "notes"))
    assert not loaded_by("status", "--index", index) & {*HEAVY, "tokenizers"}
    assert not loaded_by("index", "--index", index) & {*HEAVY, "tokenizers"}
    loaded = loaded_by("ask", "What does a lower perplexity mean?", "--index", index)
    assert {"onnxruntime", "faiss", "tokenizers"} <= loaded
    assert not loaded & {"torch", "sentence_transformers", "llama_cpp"}


def test_the_module_and_the_command_are_the_same_program() -> None:
    command = Path(sys.executable).with_name("ragqa")
    if not command.exists():
        pytest.skip("the package is not installed with its command")
    for program in ([str(command)], RAGQA):
        done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, f"ragqa {__version__}\n"), shlex.join(program)
