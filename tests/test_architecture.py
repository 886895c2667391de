"""Which module may import which: the table of the design, held against the code."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "ragqa"
MAX_LINES = 400

# module or package -> modules of ragqa that it may import, libraries that it may import.
# What stands here for a package holds for each module in it; its modules may import each other.
# A library marked "lazy:" is imported inside functions only.
TABLE: dict[str, tuple[str, str]] = {
    "records": ("", ""),
    "errors": ("", ""),
    "sentences": ("", ""),
    "surrogates": ("", ""),
    "instructions": ("records sentences", ""),
    "filters": ("errors", "lazy:pathspec"),
    "settings": ("errors", "platformdirs"),
    "documents": (
        "records errors",
        "pathspec docutils lazy:markdown_it lazy:mdit_py_plugins lazy:yaml lazy:charset_normalizer",
    ),
    "passages": ("records", ""),
    "models": ("errors files", "platformdirs lazy:huggingface_hub"),
    "late_interaction": ("", "numpy"),
    "lexical": ("sentences", "lazy:Stemmer"),
    "embedding": (
        "late_interaction llama models errors surrogates",
        "numpy lazy:onnxruntime lazy:sentence_transformers lazy:threadpoolctl lazy:tokenizers"
        " lazy:torch",
    ),
    "early": ("embedding models", ""),
    "reranking": ("models errors surrogates", "numpy lazy:sentence_transformers"),
    "store": ("filters lexical records errors surrogates", "numpy filelock lazy:faiss"),
    "indexing": ("documents passages embedding store records errors", ""),
    "given": ("documents passages embedding records", ""),
    "retrieval": ("records lexical late_interaction embedding reranking store", "numpy"),
    "refusal": ("records sentences", ""),
    "answer_types": ("", ""),
    "spans": ("answer_types records sentences", ""),
    "reading": ("answer_types extraction instructions sentences spans", "numpy"),
    "prompt": ("instructions records", ""),
    "shortlist": ("records embedding late_interaction", ""),
    "extraction": ("records embedding instructions sentences shortlist", ""),
    "llama": ("descriptors", "numpy lazy:llama_cpp"),
    "weights": ("llama models", "platformdirs filelock lazy:gguf"),
    "generation": ("llama models weights errors", "numpy"),
    "citations": ("instructions records sentences", ""),
    "answering": (
        "answer_types citations documents embedding errors extraction generation given"
        " instructions prompt reading records refusal sentences",
        "",
    ),
    "pipeline": (
        "records errors documents indexing given embedding lexical store reranking"
        " retrieval answering reading refusal generation citations",
        "",
    ),
    "render": ("instructions records errors surrogates", "lazy:rich"),
    "options": ("", "typer"),
    "descriptors": ("", ""),
    "terminal": ("descriptors errors render", "typer lazy:rich"),
    "sessions": (
        "settings early errors filters models records terminal embedding reranking generation store"
        " calibration pipeline",
        "",
    ),
    "reports": ("calibration models errors render settings store", ""),
    "locate": ("documents errors store", ""),
    "why": ("answering pipeline documents locate lexical prompt records retrieval store", ""),
    "output": ("answering pipeline render terminal given records why", "lazy:rich"),
    "files": ("", ""),
    "calibration": ("errors embedding files generation reading refusal reranking", "numpy"),
    "questions": ("terminal errors given surrogates", ""),
    "batch": ("pipeline questions render terminal errors output sessions", ""),
    "evaluation": ("answering pipeline filters questions records sessions store", "numpy"),
    "made_questions": ("errors lexical questions records sentences store", ""),
    "metrics": ("evaluation", "numpy"),
    "html_report": ("errors", "lazy:jinja2"),
    "evaluation_report": ("evaluation metrics html_report render errors surrogates", ""),
    "arguments": ("terminal errors documents given surrogates", ""),
    "receipts": ("documents errors files models records render", ""),
    "cli_receipts": (
        "__init__ arguments errors filters given models options output pipeline receipts records"
        " refusal render sessions settings store terminal",
        "typer",
    ),
    "calibration_report": (
        "calibration evaluation evaluation_report metrics html_report refusal render errors"
        " surrogates",
        "numpy",
    ),
    "cli_quality": (
        "arguments options sessions settings render terminal errors questions made_questions"
        " evaluation evaluation_report html_report metrics calibration calibration_report",
        "typer",
    ),
    "cli": (
        "cli_quality cli_receipts arguments options filters render sessions terminal errors"
        " settings batch output reports pipeline server",
        "typer",
    ),
    "__init__": ("", ""),
    "client": ("__init__", "lazy:platformdirs"),
    "server": ("__init__ client errors sessions terminal", ""),
    "__main__": ("cli client descriptors early terminal", ""),
}
# Heavy libraries, and the modules that may load them: one each, but that two kinds of model come
# from sentence-transformers.
HEAVY = {
    "torch": "embedding.minilm_runtimes",
    "sentence_transformers": "embedding.sentence_transformer reranking",
    "onnxruntime": "embedding.minilm_runtimes",
    "tokenizers": "embedding.minilm",
    "transformers": "",
    "faiss": "store.vectors",
    "llama_cpp": "llama",
}
# The stages in the order of the road; none may import one that comes after it.
STAGES = ["documents", "passages", "embedding", "store", "retrieval", "prompt", "generation",
          "citations", "pipeline", "render", "cli"]  # fmt: skip


class Import(NamedTuple):
    """One import statement: what, and whether it runs when the module is imported."""

    target: str
    at_import: bool
    for_types: bool


class _Collector(ast.NodeVisitor):
    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[Import] = []
        self._inside = 0
        self._types = 0

    def _add(self, target: str) -> None:
        self.found.append(Import(target, not self._inside and not self._types, self._types > 0))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            self._add(f"{node.module}.{alias.name}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside += 1
        self.generic_visit(node)
        self._inside -= 1

    def visit_If(self, node: ast.If) -> None:
        self._types += (typed := ast.unparse(node.test) == "TYPE_CHECKING")
        for child in node.body:
            self.visit(child)
        self._types -= typed
        for child in node.orelse:
            self.visit(child)


@cache
def _modules() -> dict[str, Path]:
    """Dotted name below ragqa and file of each module; a package goes by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1] == "__init__" and len(parts) > 1:
            parts = parts[:-1]
        found[".".join(parts)] = path
    return found


@cache
def _imports(module: str) -> list[Import]:
    collector = _Collector(module)
    collector.visit(ast.parse(_modules()[module].read_text(encoding="utf-8")))
    return collector.found


def _internal(target: str) -> str | None:
    """The module of ragqa that an import names: the longest part of it that is one."""
    if target.split(".")[0] != "ragqa":
        return None
    parts = target.split(".")[1:]
    while parts and ".".join(parts) not in _modules():
        parts.pop()
    return ".".join(parts) or "__init__"


def _edges(module: str) -> list[tuple[str, Import]]:
    return [(name, item) for item in _imports(module) if (name := _internal(item.target))]


def _libraries(module: str) -> set[tuple[str, Import]]:
    return {
        (name, item)
        for item in _imports(module)
        if (name := item.target.split(".")[0]) not in {*sys.stdlib_module_names, "ragqa"}
    }


@pytest.mark.parametrize("module", _modules())
def test_a_module_imports_what_the_table_allows(module: str) -> None:
    row = module.split(".")[0]
    modules, libraries = TABLE[row]
    allowed = {row, "__init__", *modules.split()}
    assert {name.split(".")[0] for name, _ in _edges(module)} <= allowed
    allowed_libraries = {name.removeprefix("lazy:"): name for name in libraries.split()}
    for name, item in _libraries(module):
        assert name in allowed_libraries, f"{module} imports {item.target}"
        lazy = allowed_libraries[name].startswith("lazy:")
        assert not (lazy and item.at_import), f"{module} imports {name} at import time"


def test_the_table_has_no_row_and_no_edge_that_the_code_has_not() -> None:
    found: dict[str, tuple[set[str], set[str]]] = {}
    for module in _modules():
        modules, libraries = found.setdefault(module.split(".")[0], (set(), set()))
        modules.update(name.split(".")[0] for name, _ in _edges(module))
        libraries.update(name for name, _ in _libraries(module))
    assert found.keys() == TABLE.keys()
    for row, (modules, libraries) in TABLE.items():
        assert set(modules.split()) <= found[row][0], row
        assert {name.removeprefix("lazy:") for name in libraries.split()} <= found[row][1], row


def test_no_stage_imports_a_later_one() -> None:
    for place, stage in enumerate(STAGES):
        later = set(STAGES[place + 1 :]) - ({"render"} if stage == "pipeline" else set())
        assert not later.intersection(TABLE[stage][0].split()), stage
    beside_cli = set(
        "cli cli_quality cli_receipts arguments batch output reports sessions terminal why"
        " questions evaluation made_questions metrics evaluation_report html_report"
        " calibration calibration_report server".split()
    )
    for row, (modules, _) in TABLE.items():
        if row not in beside_cli | {"__main__"}:
            assert not beside_cli.intersection(modules.split()), row


def test_only_what_stands_above_the_stages_knows_the_pipeline() -> None:
    knowing = {row for row, (modules, _) in TABLE.items() if "pipeline" in modules.split()}
    assert knowing == {
        "sessions", "output", "batch", "cli", "why", "cli_receipts", "evaluation"
    }  # fmt: skip


def test_there_are_no_cycles() -> None:
    rows = {row: set(modules.split()) for row, (modules, _) in TABLE.items()}
    tuple(TopologicalSorter(rows).static_order())
    graph = {
        module: {name for name, item in _edges(module) if not item.for_types and name != module}
        for module in _modules()
    }
    tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(("library", "owners"), HEAVY.items())
def test_a_heavy_library_is_loaded_by_its_owners_inside_functions(
    library: str, owners: str
) -> None:
    for module in _modules():
        for name, item in _libraries(module):
            if name == library:
                assert module in owners.split()
                assert not item.at_import


@pytest.mark.parametrize("module", _modules())
def test_a_module_is_short_and_says_what_it_is(module: str) -> None:
    text = _modules()[module].read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


def test_readers_are_loaded_by_name_from_modules_that_exist() -> None:
    from ragqa.documents import READERS

    for name in READERS.values():
        assert f"documents.{name}" in _modules()
        assert callable(importlib.import_module(f"ragqa.documents.{name}").read)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["status"], ["ask", "--help"], ["eval", "--help"], ["models"]],
)
def test_quick_commands_load_no_heavy_library(arguments: list[str]) -> None:
    script = (
        "import sys; from ragqa import terminal; from ragqa.cli import app\n"
        f"terminal.run(app, {arguments!r})\n"
        "print('\\nLOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r"\S+", done.stdout.split("\nLOADED")[1]))
    assert "ragqa" in loaded
    assert not loaded.intersection([*HEAVY, "llm", "openai", "huggingface_hub"])


def test_importing_every_module_loads_no_heavy_library() -> None:
    names = ["ragqa" if name == "__init__" else f"ragqa.{name}" for name in _modules()]
    names.remove("ragqa.__main__")
    script = (
        f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
        f"print(*set({list(HEAVY)!r}).intersection(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
