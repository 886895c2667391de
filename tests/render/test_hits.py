"""What a search found, as text and JSON."""

from __future__ import annotations

from ragqa import render
from tests.hits import hits_of


def test_what_links_to_a_hit_is_one_bounded_line_and_whole_in_json() -> None:
    hits = hits_of("text")
    linked = {"/notes/a.md": [f"/{n}\n.md" for n in range(10)]}
    line = render.hits_plain(hits, linked).splitlines()[-1]
    assert line == "   linked from: " + ", ".join(f"/{n} .md" for n in range(8)) + " and 2 more"
    assert "linked from" not in render.hits_plain(hits, {"/notes/a.md": []})
    assert "linked_from" not in render.hits_json("q", hits)["hits"][0]
    assert render.hits_json("q", hits, linked)["hits"][0]["linked_from"] == linked["/notes/a.md"]
