"""The commands on an index and its surroundings: `index`, `forget`, `status`, `config`, `models`.

Parse, construct, call, render; everything heavy is imported inside the commands, so that `--help`
is instant.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ragqa import render
from ragqa.cli.arguments import existing_folder
from ragqa.cli.caller import Caller
from ragqa.cli.options import INDEX, EmbedderOption, IndexOptions, JsonOption
from ragqa.settings import NAMES, config_file
from ragqa.text.clean import clean_line


def index(
    caller: Caller,
    folders: Annotated[
        list[str] | None, typer.Argument(metavar="[FOLDER]...", help="Default: all known ones.")
    ] = None,
    where: IndexOptions = INDEX,
    embedder: EmbedderOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Read every file anew, as if all had changed.")
    ] = False,
    max_file_mb: Annotated[
        int | None, typer.Option("--max-file-mb", metavar="MB", help="Largest file to read.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", help="Threads that embed with MiniLM. Default: one a core."
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Index folders, or bring the index up to date with them."""
    terminal = caller.terminal
    own = {"embedder": embedder, "max_file_mb": max_file_mb, "threads": workers}
    settings = caller.settings({**where.flags, **own})
    named = [existing_folder(folder, terminal) for folder in folders or []]
    report = caller.collection(settings).index(named, dry_run=dry_run, force=force)
    for line in (*report.warnings, *render.failed_lines(report)):
        terminal.say(clean_line(line))
    if json:
        return terminal.write_json(render.report_json(report))
    return terminal.write(render.report_plain(report, dry_run))


def forget(
    caller: Caller,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="It need not exist any more.")],
    where: IndexOptions = INDEX,
    json: JsonOption = False,
) -> int:
    """Take a folder's documents out of the index; the files are not touched."""
    known = caller.terminal.path(folder).resolve()
    removed = caller.collection(caller.settings(where.flags)).forget(known)
    if json:
        return caller.terminal.write_json({"folder": str(known), "removed": removed})
    name = clean_line(str(known))
    return caller.terminal.write(f"forgot {name}: {removed} documents removed from the index\n")


def status(caller: Caller, where: IndexOptions = INDEX, json: JsonOption = False) -> int:
    """Show what is in the index, what could not be read, and why."""
    from ragqa.cli.status import status_rows

    facts = caller.collection(caller.settings(where.flags)).status()
    if json:
        return caller.terminal.write_json(facts)
    return caller.terminal.write(render.table_plain(status_rows(facts)))


def config(caller: Caller, json: JsonOption = False) -> int:
    """Show each setting, its value, and where that came from."""
    settings = caller.settings({})
    if json:
        values = {
            name: {"value": getattr(settings, name), "origin": settings.origins[name]}
            for name in NAMES
        }
        return caller.terminal.write_json({"config_file": str(config_file()), "settings": values})
    rows = [(n, f"{getattr(settings, n)!s:<24} {settings.origins[n]}") for n in NAMES]
    file = f"{config_file()} ({'found' if config_file().exists() else 'not there'})"
    return caller.terminal.write(render.table_plain([*rows, ("config file", file)]))


def models_list(caller: Caller, json: JsonOption = False) -> int:
    """Show the catalogue: where each file is, size, licence, languages, verified hash."""
    from ragqa.cli.status import model_facts, model_rows

    facts = model_facts()
    if json:
        return caller.terminal.write_json({"models": facts})
    return caller.terminal.write(render.table_plain(model_rows(facts)))
