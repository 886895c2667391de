"""Commands for typer: the caller is handed in, groups of options come as one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from ragqa.cli import boundary
from ragqa.cli.caller import Caller
from ragqa.cli.main import COMMANDS
from ragqa.cli.options import FilterOptions, IndexOptions, ModelOptions, command
from ragqa.store.filters import Filter
from ragqa.system.terminal import LocalTerminal


@dataclass(frozen=True, slots=True)
class Group:
    first: Annotated[str | None, typer.Option("--first", help="One.")] = None
    second: Annotated[int, typer.Option("--second", "-s", help="Two.")] = 2


GROUP = Group()
seen: list[dict[str, Any]] = []


def act(
    caller: Caller,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    group: Group = GROUP,
    loud: Annotated[bool, typer.Option("--loud", help="Three.")] = False,
) -> int:
    """Do something."""
    seen.append({"caller": caller, "name": name, "group": group, "loud": loud})
    return 4


def run(*arguments: str) -> tuple[int, Caller]:
    """The code of a program with this one command, and who called it."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command("act")(command(act))
    caller = Caller(LocalTerminal())
    seen.clear()
    return boundary.run(app, arguments, caller), caller


def test_a_group_of_options_comes_as_one() -> None:
    code, caller = run("x", "--loud", "--first", "a", "-s", "3")
    assert code == 4
    assert seen == [{"caller": caller, "name": "x", "group": Group("a", 3), "loud": True}]
    assert seen[0]["caller"] is caller


def test_what_is_not_given_is_the_default() -> None:
    assert run("x")[0] == 4
    assert (seen[0]["group"], seen[0]["loud"]) == (GROUP, False)


def test_help_shows_each_option_in_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help")[0] == 0
    out = capsys.readouterr().out
    assert "Do something." in out
    places = [out.index(name) for name in ("NAME", "--first", "--second", "--loud")]
    assert places == sorted(places)
    for hidden in ("--group", "--given", "--caller"):
        assert hidden not in out
    assert seen == []


def test_a_mistake_never_reaches_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("x", "--second", "no"), ("x", "--group", "y")):
        assert run(*arguments)[0] == 2
        assert seen == []
    assert capsys.readouterr().out == ""


def test_a_command_keeps_its_name_and_its_words() -> None:
    made = command(act)
    assert (made.__name__, made.__doc__) == ("act", "Do something.")
    for function, *_ in COMMANDS:
        assert command(function).__doc__ == function.__doc__


def test_groups_as_settings_and_filters(tmp_path: Path) -> None:
    assert IndexOptions("i").flags == {"index": "i", "collection": None}
    assert ModelOptions(reranker="r").flags == {"embedder": None, "reranker": "r"}
    options = FilterOptions(path=["./a"], tag=["ml"])
    wanted = Filter.parse(path=["./a"], tag=["ml"], directory=tmp_path)
    assert options.parse(tmp_path) == wanted
    assert not FilterOptions().parse(tmp_path)
