"""What the README and docs/ show is what happens."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragqa.settings import NAMES, Settings
from tests.conftest import CORPUS, ROOT, Result
from tests.reading import check_document

Run = Callable[..., Result]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
README, USAGE = PAGES["README.md"], PAGES["docs/usage.md"]
EXAMPLE_ROOT = "/home/you/ragqa"
HELP_SCRIPT = "scripts/write_help.py"
MOST_LINES, LONGEST_LINE = 220, 110  # of the README
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HELP_BLOCK = re.compile(r"<!-- help:(.*?) -->\n(.*?)<!-- end of help -->", re.DOTALL)
WITH_NAMES_OF_THEIR_OWN = (
    "trace", "models", "settings", "encodings", "bytes", "last_run", "runtimes",
)  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


# Examples -----------------------------------------------------------------------------------


def console_commands(page: str) -> list[tuple[str, str]]:
    """Each `$ command` of the console blocks with the output shown below it."""
    pairs = []
    for block in re.findall(r"```console\n(.*?)```", PAGES[page], re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output))
    return pairs


def without_figures(text: str) -> str:
    """Without times and scores: the processor decides in which form of numbers vectors are made."""
    return re.sub(r"\d+\.\d s|[+-]?\d\.\d{3,4}|(?<=  )\d\.\d\d(?=  )", "N", text)


@pytest.mark.parametrize(("page", "at_least"), [("README.md", 4), ("docs/usage.md", 12)])
def test_console_examples(page: str, at_least: int, tmp_path: Path) -> None:
    folder = tmp_path / "ragqa"
    shutil.copytree(CORPUS, folder / "corpus")
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    del environment["RAGQA_ANSWER"]  # what a user gets
    # Those that begin with python are benchmarks: see below.
    commands = [pair for pair in console_commands(page) if not pair[0].startswith("python ")]
    assert sum("ragqa" in command for command, _ in commands) >= at_least
    for command, expected in commands:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        shown = done.stdout
        if "|| echo" in command:  # stderr comes first: the shell speaks after it
            shown = done.stderr + done.stdout
        shown = shown.replace(str(folder.resolve()), EXAMPLE_ROOT)
        assert without_figures(shown).strip() == without_figures(expected).strip(), command


def test_all_examples_of_the_program_are_run() -> None:
    """Of the other pages none has any: the test above would not run them."""
    for page in PAGES.keys() - {"README.md", "docs/usage.md"}:
        assert all(command.startswith("python ") for command, _ in console_commands(page)), page


@pytest.mark.parametrize(
    "script",
    sorted(
        {
            script
            for text in PAGES.values()
            for script in re.findall(r"^(?:\$ )?python (benchmarks/\S+\.py)", text, re.MULTILINE)
        }
    ),
)
def test_benchmarks_that_are_named_exist_and_explain_themselves(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout[:6]) == (0, "usage:")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for text in PAGES.values():
        for target in re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


# The README ---------------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    for line in FENCED.sub("", README).splitlines():
        assert len(line) <= LONGEST_LINE or line.startswith("|"), line


def test_the_map_names_every_folder_and_every_file_beside_them() -> None:
    section = README.split("## Where things are")[1]
    for path in (ROOT / "ragqa").iterdir():
        if path.name not in ("__init__.py", "__main__.py", "__pycache__"):
            name = f"{path.name}/" if path.is_dir() else path.name
            assert f"`ragqa/{name}`" in section, path


def test_the_figures_of_the_readme_are_those_of_the_evaluation() -> None:
    section = README.split("## How good is it?")[1].split("```")[0]
    measured = PAGES["docs/evaluation.md"]
    with_intervals = re.findall(r"(\d\.\d{3}) \[(\d\.\d{3}), (\d\.\d{3})\]", section)
    assert len(with_intervals) >= 5
    for figure, low, high in with_intervals:
        assert re.search(rf"{figure}\s+\[?{low}(?:,| to) {high}", measured), figure
    others = re.findall(r"vectors alone (\d\.\d{3})|(\d+\.\d\d s)|(\d+ %)(?=;| of)", section)
    assert len(others) >= 8
    for figure in map("".join, others):
        assert re.search(rf"(?<![\d.]){figure.removesuffix(' s')}(?!\d)", measured), figure


def test_commands_table_names_every_command(run_cli: Run) -> None:
    for name in commands_of(run_cli("--help").out):
        assert f"`ragqa {name}" in README


# Commands and options -----------------------------------------------------------------------


def commands_of(help_text: str) -> list[str]:
    """The commands that a `--help` lists."""
    shown = help_text.split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+) ", shown, re.MULTILINE)


def all_commands(run_cli: Run) -> Iterator[str]:
    """The program itself ("") and every command of it, `models list` as one."""
    yield ""
    for name in commands_of(run_cli("--help").out):
        shown = run_cli(name, "--help").out
        inner = commands_of(shown) if "Commands:\n" in shown else []
        yield from [f"{name} {one}" for one in inner] or [name]


def test_the_help_of_every_command_stands_in_the_usage(run_cli: Run) -> None:
    blocks = {command.strip() for command, _ in HELP_BLOCK.findall(USAGE)}
    assert blocks == set(all_commands(run_cli))


def test_the_help_in_the_usage_is_what_the_program_says() -> None:
    as_it_should_be = runpy.run_path(str(ROOT / HELP_SCRIPT))["with_help"](USAGE)
    assert as_it_should_be == USAGE, f"docs/usage.md is behind; run: python {HELP_SCRIPT}"


def test_every_option_is_explained_outside_of_the_help(run_cli: Run) -> None:
    told = README + HELP_BLOCK.sub("", USAGE)
    for command in all_commands(run_cli):
        shown = run_cli(*command.split(), "--help").out.split("Options:\n")[1]
        options = re.findall(r"(?<![\w-])--?[a-z][\w-]*", "\n".join(option_columns(shown)))
        assert options
        for option in options:
            if option not in ("-h", "--help"):
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", told), f"{command} {option}"


def option_columns(shown: str) -> list[str]:
    """The left column of a list of options."""
    return [line.split("   ")[0] for line in re.findall(r"^  (-.*)$", shown, re.MULTILINE)]


def test_settings_table_has_every_default() -> None:
    section = USAGE.split("## Settings")[1].split("## ")[0]
    defaults = Settings()
    for name in NAMES:
        value = getattr(defaults, name)
        shown = f" `{value}` " if value != "" else " "
        assert f"| `{name}` |{shown}|" in section, name


def test_every_field_of_json_is_named(run_cli: Run, tmp_path: Path) -> None:
    section = USAGE.split("\n## JSON\n")[1].split("\n## ")[0]
    notes, receipt = tmp_path / "notes", tmp_path / "receipt.json"
    notes.mkdir()
    (notes / "tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 degrees for two minutes.\n")
    (notes / "bad.md").write_text("")
    question = "How is green tea brewed?"
    for arguments in (
        ("index", notes), ("ask", question), ("ask", "--receipt", receipt, question),
        ("search", "--links", "--explain", "--timings", "tea"), ("why", "tea.md", question),
        ("verify", receipt), ("status",), ("models", "list"), ("config",), ("forget", notes),
        ("ask", question),
    ):  # fmt: skip
        document = json.loads(run_cli(*arguments, "--json").out)
        for name in field_names(document):
            assert f"`{name}`" in section or name == "version", (arguments, name)
    for name in field_names(json.loads(receipt.read_text())):
        assert f"`{name}`" in section or name == "version", ("receipt", name)


def field_names(document: Any) -> Iterator[str]:
    """The fields of a document and of what is in it, but for those whose names are data."""
    if isinstance(document, list):
        for one in document:
            yield from field_names(one)
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            is_catalogue = name == "models" and isinstance(value, list)
            if is_catalogue or name not in WITH_NAMES_OF_THEIR_OWN:
                yield from field_names(value)


# Links --------------------------------------------------------------------------------------


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = [link for link in LINK.findall(FENCED.sub("", PAGES[page])) if "://" not in link]
    assert links
    for link in links:
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT.resolve()), link
        assert not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")), link


# CONTRIBUTING -------------------------------------------------------------------------------


def test_the_reader_of_the_example_reads() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    reader = names["Reader"]()
    data = b"1\n00:00:01,000 --> 00:00:02,000\nGood morning.\n\n2\n00:00:03 --> 00:00:04\nTea?\n"
    document = reader.parse(Path("a.srt"), reader.extract(data))
    check_document(document)
    assert [(block.text, block.line) for block in document.blocks] == [
        ("Good morning.", 3), ("Tea?", 7),
    ]  # fmt: skip


def test_the_seams_of_contributing_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(
        r"`((?:documents|embedding|generators|store|retrieval)/[\w/.]+\.py)`", text
    ):
        assert (ROOT / "ragqa" / path).exists(), path
    for path in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_the_example_from_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", USAGE, re.DOTALL)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 degrees.\n")
    monkeypatch.chdir(tmp_path)
    exec(source, {})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{tmp_path.resolve()}/notes/tea.md (3, 3) ")
    assert shown[1:] == [
        "answered Green tea is brewed at 80 degrees [1].",
        f"{tmp_path.resolve()}/notes/tea.md 3 Green tea is brewed at 80 degrees.",
    ]
