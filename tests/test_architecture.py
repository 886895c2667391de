"""The house: who may import whom (the contracts in pyproject.toml), what is loaded when, sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ragqa"
MAX_FILES, MAX_LINES, MAX_BODY = 14, 400, 60
HEAVY = (
    "torch", "sentence_transformers", "onnxruntime", "tokenizers", "transformers", "faiss",
    "llama_cpp", "scipy", "sklearn", "simplemma",
)  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _modules() -> dict[str, Path]:
    """Dotted name and file of each module; a package goes by its own name."""
    paths = {path.relative_to(ROOT).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    names = {".".join(path.parts).removesuffix(".__init__"): path for path in paths}
    return {name: paths[path] for name, path in sorted(names.items())}


def _body_lines(function: Function) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_imports_follow_the_layers() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_few_files_stand_beside_the_folders() -> None:
    assert len([path for path in PACKAGE.iterdir() if path.suffix == ".py"]) <= MAX_FILES


@pytest.mark.parametrize("module", _modules())
def test_a_module_is_short_and_says_what_it_is(module: str) -> None:
    text = _modules()[module].read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(tree)
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    assert {
        node.name: _body_lines(node) for node in functions if _body_lines(node) > MAX_BODY
    } == {}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["status"], ["ask", "--help"], ["eval", "--help"], ["models"]],
)
def test_quick_commands_load_no_heavy_library(arguments: list[str]) -> None:
    script = (
        "import sys; from ragqa.cli.caller import Caller; from ragqa.cli.main import run\n"
        "from ragqa.system.terminal import LocalTerminal\n"
        f"run({arguments!r}, Caller(LocalTerminal()))\n"
        "print('\\nLOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"\S+", done.stdout.split("\nLOADED")[1]))
    assert "ragqa" in loaded
    assert not loaded.intersection([*HEAVY, "llm", "openai", "huggingface_hub"])


def test_importing_every_module_loads_no_heavy_library() -> None:
    names = [name for name in _modules() if name != "ragqa.__main__"]
    script = (
        f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
        f"print(*set({list(HEAVY)!r}).intersection(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_an_answer_in_the_documents_words_loads_no_tables_of_lemmas() -> None:
    script = (
        "import sys, ragqa.pipeline\n"
        "from ragqa.answering.citations import Citer\n"
        "from ragqa.answering.excerpts import sentences_of\n"
        "from ragqa.answering.selection import Excerpt\n"
        "from tests.hits import LLAMA_NOTE, sources_in, units_in\n"
        "citer = Citer(sources_in(LLAMA_NOTE), {})\n"
        "shown = [Excerpt(unit, unit.parts) for unit in units_in(LLAMA_NOTE)]\n"
        "made = {one.support for excerpt in shown for one in sentences_of(excerpt, citer)}\n"
        "print(*made, 'simplemma' in sys.modules)\n"
        "said = 'MMLU holds 15,908 questions from 57 subjects.'\n"
        "print(citer.add(said).support, 'simplemma' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["supported", "False", "supported", "True"]
