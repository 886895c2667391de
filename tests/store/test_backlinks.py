"""What links to a document: names resolved as Obsidian does, kept with their document."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from ragqa.store.snapshot import LocalSnapshot
from tests.notes import Notes


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path)


def linked_from(notes: Notes, *names: str) -> dict[str, list[str]]:
    """By names within the folder."""
    with LocalSnapshot(notes.directory) as reader:
        found = reader.linked_from([str(notes.folder / name) for name in names])
    root = f"{notes.folder}/"
    return {
        path.removeprefix(root): [source.removeprefix(root) for source in sources]
        for path, sources in found.items()
    }


def write(notes: Notes, **links: str) -> None:
    """Notes by name, with a link each; `__` stands for a slash."""
    for name, link in links.items():
        notes.write(f"{name.replace('__', '/')}.md", f"words {link}")
    notes.run()


@pytest.mark.parametrize(
    "link",
    [
        "[[Target]]", "[[target]]", "[[TARGET.MD]]", "![[Target#Part|shown]]", "[[sub/Target]]",
        "[[/sub/Target]]", "[x](../sub/Target.md)", "[x](target.md)",
        "[x](../sub/target)", "[x](/sub/Target.md#a)", "[[Nick Name]]", "[[nick name|x]]",
        "[x](Nick%20name)", "[[../sub/Target]]", "[[./Target]]",
    ],
)  # fmt: skip
def test_names_of_a_document(notes: Notes, link: str) -> None:
    notes.write("sub/Target.md", "---\naliases: [Nick name]\n---\ntext")
    write(notes, sub__from=link, other__none="[[Targets]] [[get]] [x](https://x.org/Target.md)")
    assert linked_from(notes, "sub/Target.md") == {"sub/Target.md": ["sub/from.md"]}


def test_a_file_name_that_is_the_end_of_another_is_not_that_one(notes: Notes) -> None:
    write(notes, Target="x", My_Target="x", a="[[Target]]", b="[[My_Target]]", c="[[_Target]]")
    assert linked_from(notes, "Target.md", "My_Target.md") == {
        "Target.md": ["a.md"],
        "My_Target.md": ["b.md"],
    }


def test_of_several_files_the_one_beside_the_link_then_the_shortest_path(notes: Notes) -> None:
    write(notes, N="x", p__N="x", p__q__N="x", p__a="[[N]]", p__q__b="[[N]]", r__c="[[N]]",
          r__d="[[q/N]]", r__e="[[p/N]]")  # fmt: skip
    assert linked_from(notes, "N.md", "p/N.md", "p/q/N.md") == {
        "N.md": ["r/c.md"],
        "p/N.md": ["p/a.md", "r/e.md"],
        "p/q/N.md": ["p/q/b.md", "r/d.md"],
    }


def test_a_name_comes_before_an_alias_and_markdown_before_other_formats(notes: Notes) -> None:
    notes.write("one/Note.html", "<p>text</p>")
    notes.write("two/Note.md", "text")
    notes.write("alias.md", "---\naliases: [Note]\n---\ntext")
    write(notes, a="[[Note]]", b="[[note.html]]")
    assert linked_from(notes, "one/Note.html", "two/Note.md", "alias.md") == {
        "one/Note.html": ["b.md"],
        "two/Note.md": ["a.md"],
        "alias.md": [],
    }


def test_links_to_oneself_to_nothing_and_twice(notes: Notes) -> None:
    write(notes, A="[[A]] [[A#x]]", B="[[A]] [[a.md]] [[nowhere]]", C="nothing")
    assert linked_from(notes, "A.md", "C.md", "absent.md") == {
        "A.md": ["B.md"],
        "C.md": [],
        "absent.md": [],
    }


def test_another_indexed_folder_is_reached_by_path_alone(notes: Notes) -> None:
    write(notes, A="[[B]] [x](../other/B.md)")
    first, notes.folder = notes.folder, notes.folder.parent / "other"
    write(notes, B="[[A]]", C="[[B]]")
    assert linked_from(notes, "B.md") == {"B.md": [str(first / "A.md"), "C.md"]}
    notes.folder = first
    assert linked_from(notes, "A.md") == {"A.md": []}


def test_links_go_and_change_with_their_document(notes: Notes) -> None:
    write(notes, A="x", B="[[A]]", C="[[A]]")
    assert linked_from(notes, "A.md") == {"A.md": ["B.md", "C.md"]}
    (notes.folder / "B.md").unlink()
    write(notes, C="no more", D="[[A]]")
    assert linked_from(notes, "A.md") == {"A.md": ["D.md"]}
    with closing(connect(notes.directory / "index.sqlite")) as db:
        assert db.execute("SELECT target FROM links").fetchall() == [("A",)]


def test_hostile_targets(notes: Notes) -> None:
    notes.write(
        "a.md", '---\nx: "[[\\ud800]]"\n---\nw [[..]] [[/]] [[.]] [[%]] [[\'; DROP]] [x](%00)'
    )
    notes.write("b.md", "[x](%ED%A0%80) [y](%ff) [z](../../../../../a.md) [[" + "../" * 99 + "a]]")
    notes.run()
    assert linked_from(notes, "a.md") == {"a.md": []}
