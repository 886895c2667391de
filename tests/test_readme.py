"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.settings import NAMES, Settings
from tests.conftest import CORPUS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE_ROOT = "/home/you/ragqa"


def console_commands() -> list[tuple[str, str]]:
    """Each `$ command` of the console blocks with the output shown below it."""
    pairs = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            pairs.append((command, output))
    return pairs


def without_figures(text: str) -> str:
    """Without times and scores: the processor decides in which form of numbers vectors are made."""
    return re.sub(r"\d+\.\d s|[+-]?\d\.\d{3,4}", "N", text)


def test_console_examples(tmp_path: Path) -> None:
    folder = tmp_path / "ragqa"
    shutil.copytree(CORPUS, folder / "corpus")
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    del environment["RAGQA_ANSWER"]  # what a user gets
    commands = [pair for pair in console_commands() if pair[0].startswith("ragqa")]
    assert len(commands) >= 4
    for command, expected in commands:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        shown = done.stdout
        if "not in the documents" in expected:  # stderr comes first: the shell speaks after it
            shown = done.stderr + done.stdout
        shown = shown.replace(str(folder.resolve()), EXAMPLE_ROOT)
        assert without_figures(shown).strip() == without_figures(expected).strip(), command


@pytest.mark.parametrize("script", re.findall(r"^\$ python (\S+\.py)", README, re.MULTILINE))
def test_benchmarks_that_are_named_exist_and_explain_themselves(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout[:6]) == (0, "usage:")


def test_the_map_names_every_folder_and_every_file_beside_them() -> None:
    section = README.split("## Where things are")[1]
    for path in (ROOT / "ragqa").iterdir():
        if path.name not in ("__init__.py", "__main__.py", "__pycache__"):
            name = f"{path.name}/" if path.is_dir() else path.name
            assert f"`ragqa/{name}`" in section, path


def test_settings_table_has_every_default() -> None:
    section = README.split("## Settings")[1].split("## ")[0]
    defaults = Settings()
    for name in NAMES:
        value = getattr(defaults, name)
        shown = f" `{value}` " if value != "" else " "
        assert f"| `{name}` |{shown}|" in section, name


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_commands_table_names_every_command(run_cli) -> None:  # type: ignore[no-untyped-def]
    shown = run_cli("--help").out.split("Commands:\n")[1].split("\n\n")[0]
    for name in re.findall(r"^  (\w+) ", shown, re.MULTILINE):
        assert f"`ragqa {name}" in README
