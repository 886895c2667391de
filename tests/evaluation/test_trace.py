"""Documents that were lost at each stage on purpose, and what the trace says of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragqa import indexing
from ragqa.errors import UsageError
from ragqa.evaluation.trace import locate, trace
from ragqa.pipeline import Session
from ragqa.records import Step, Trace
from ragqa.render import trace_json, trace_plain
from ragqa.retrieval.hybrid import POOL
from ragqa.store.snapshot import LocalSnapshot
from tests.fakes import FakeEmbedder, FakeGenerator
from tests.hits import retrieved
from tests.notes import Notes

STAGES = ["folder", "reading", "splitting", "searching", "fusion", "folding", "prompt", "found"]
QUESTION = "Where does the zebra sleep?"
ZEBRA = "# Zebra\n\nA zebra does sleep where the grass is tall.\n"

Why = Callable[..., Trace]


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    """Some notes of which one answers the question."""
    notes = Notes(tmp_path.resolve())
    notes.write("zebra.md", ZEBRA)
    notes.write("bread.md", "# Bread\n\nBread rises because of yeast.\n")
    return notes


@pytest.fixture
def why(notes: Notes) -> Why:
    """Traces a document of the notes, as they were indexed when it is called."""

    def traced(name: object, question: str = QUESTION, **options: Any) -> Trace:
        with LocalSnapshot(notes.directory) as snapshot:
            return trace(str(name), question, Session(notes.embedder, snapshot, **options))

    return traced


def lost(found: Trace, stage: str) -> Step:
    """The step that lost the document; the steps before it are all there, and ok."""
    *before, last = found.steps
    assert [step.stage for step in found.steps] == STAGES[: STAGES.index(stage) + 1]
    assert all(step.ok for step in before)
    assert (last.ok, found.found) == (False, False)
    assert last.advice
    return last


# folder -------------------------------------------------------------------------------------


def test_a_file_that_does_not_exist(notes: Notes, why: Why) -> None:
    notes.run()
    with pytest.raises(UsageError, match="no such file, and no document of that name in the index"):
        why(notes.folder / "lion.md")


def test_a_file_in_no_indexed_folder(notes: Notes, why: Why, tmp_path: Path) -> None:
    notes.run()
    file = tmp_path / "my notes" / "zebra.md"
    file.parent.mkdir()
    file.write_text(ZEBRA)
    step = lost(why(file), "folder")
    assert step.detail == f"{file} is in none of the indexed folders ({notes.folder})"
    assert step.advice == f"run: ragqa index '{file.parent}'"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".secret/z.md", "{}/.secret is hidden: its name begins with a dot"),
        ("drafts/z.md", "the rule drafts/ in {}/.gitignore leaves it out"),
        ("z.pdf", "files of this kind are not read, only: .md "),
        ("venv/z.md", "{}/venv is a folder of tools"),
    ],
)
def test_a_file_that_is_left_out(notes: Notes, why: Why, name: str, reason: str) -> None:
    (notes.folder / ".gitignore").write_text("drafts/\n")
    file = notes.write(name, ZEBRA)
    notes.run()
    step = lost(why(file), "folder")
    assert step.detail.startswith(reason.format(notes.folder))
    assert step.advice == f"change that, then run: ragqa index {notes.folder}"


def test_a_file_that_is_new_since_the_last_run(notes: Notes, why: Why) -> None:
    notes.run()
    file = notes.write("lion.md", "# Lion\n\nA lion does sleep a lot.\n")
    step = lost(why(file), "folder")
    assert step.detail == f"the last run of index has not seen {file}"
    assert step.advice == f"run: ragqa index {notes.folder}"


# reading ------------------------------------------------------------------------------------


def test_a_file_that_could_not_be_read(notes: Notes, why: Why) -> None:
    notes.write("empty.md", "")
    notes.run()
    step = lost(why("empty.md"), "reading")
    assert step.detail == "it could not be read: the file is empty"
    assert step.figures == {"reason": "the file is empty", "encoding": None, "file": "unchanged"}
    assert step.advice == "mend the file, then run: ragqa index"


def test_a_file_whose_name_is_no_text(notes: Notes, why: Why) -> None:
    name = os.fsdecode(os.fsencode(notes.folder) + b"/caf\xe9.md")
    Path(name).write_text(ZEBRA)
    notes.run()
    step = lost(why(name), "reading")
    assert step.figures["reason"] == "cannot be opened: its name is not valid UTF-8; rename it"


@pytest.mark.parametrize("state", ["changed", "gone"])
def test_a_file_that_is_not_what_was_read_is_traced_all_the_same(
    notes: Notes, why: Why, state: str
) -> None:
    notes.run()
    file = notes.folder / "zebra.md"
    file.write_text("x") if state == "changed" else file.unlink()
    found = why(file)
    assert found.found
    assert found.steps[1].figures["file"] == state
    detail = f"read as utf-8; the file has {state} since then (run: ragqa index)"
    assert found.steps[1].detail == detail


def test_a_file_that_can_no_longer_be_opened_is_traced_by_its_old_text(
    notes: Notes, why: Why
) -> None:
    notes.run()
    (notes.folder / "zebra.md").unlink()
    (notes.folder / "zebra.md").symlink_to("nowhere")
    notes.run()
    found = why("zebra.md")
    assert found.found
    reason = "cannot be opened: no such file or directory"
    assert found.steps[1].figures["reason"] == reason
    assert found.steps[1].detail == (
        f"read as utf-8; what was read before is searched, for now it {reason}"
    )


# splitting ----------------------------------------------------------------------------------


def test_a_file_without_a_passage(notes: Notes, why: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    split = indexing.split
    monkeypatch.setattr(
        indexing, "split", lambda d, *a: [] if d.path.stem == "zebra" else split(d, *a)
    )
    notes.run()
    step = lost(why("zebra"), "splitting")
    assert (step.detail, step.figures) == ("no passage came of it", {"passages": 0})


def test_the_words_of_the_question_are_counted(notes: Notes, why: Why) -> None:
    notes.write("zebra.md", f"{ZEBRA}\n# More\n\nIt is striped, and sleeps.\n")
    notes.run()
    step = why("zebra", "Where do striped zebras sleep at noon?").steps[2]
    words = {"striped": 1, "zebras": 2, "sleep": 2, "noon": 0}
    assert step.figures == {"passages": 2, "words": words}
    counts = "striped 1, zebras 2, sleep 2, noon 0"
    assert step.detail == f"2 passages; with each word of the question: {counts}"


# searching ----------------------------------------------------------------------------------


def test_a_document_that_no_search_proposes(notes: Notes, why: Why) -> None:
    for number in range(POOL + 9):
        notes.write(f"z{number}.md", f"# Z{number}\n\nThe zebra does sleep in place {number}.\n")
    notes.write("lion.md", "# Lion\n\nCats hunt.\n")
    notes.run()
    step = lost(why("lion.md"), "searching")
    dense = step.figures["dense"]
    with LocalSnapshot(notes.directory) as snapshot:
        nearest = snapshot.dense(notes.embedder.encode_question(QUESTION).vector, 10**6)
        rank = [number for number, _ in nearest].index(notes.ids()["lion.md"][0]) + 1
    assert (dense["rank"], dense["of"], dense["limit"]) == (rank, POOL + 12, POOL)
    assert dense["missed_by"] == rank - POOL > 0
    assert dense["score"] == pytest.approx(nearest[rank - 1][1], abs=1e-4)
    assert dense["limit_score"] == pytest.approx(nearest[POOL - 1][1], abs=1e-4)
    assert step.figures["lexical"] is None
    missing = f"{dense['limit_score'] - dense['score']:.3f}"
    assert step.detail == (
        "no search proposes a passage of it. The nearest, lines 3-3:"
        f" cosine {dense['score']:.3f} is place {rank} of {POOL + 12},"
        f" {rank - POOL} beyond the first {POOL} ({missing} less);"
        " no place in the full-text list"
    )
    assert step.advice == "ask with words of the passage, such as: Lion"


def test_a_document_beyond_both_limits(notes: Notes, why: Why) -> None:
    for number in range(POOL + 9):
        notes.write(f"z{number}.md", f"The zebra does sleep where zebra {number} sleeps.\n")
    filler = " ".join(f"word{number}" for number in range(40))
    notes.write("lion.md", f"{filler} zebra\n")
    notes.run()
    step = lost(why("lion.md"), "searching")
    dense, lexical = step.figures["dense"], step.figures["lexical"]
    assert dense["missed_by"] == dense["rank"] - POOL > 0
    assert lexical["missed_by"] == lexical["rank"] - POOL > 0
    assert (lexical["of"], lexical["rank"]) == (POOL + 11, POOL + 11)
    assert lexical["score"] <= lexical["limit_score"]
    assert (
        f"full-text score {lexical['score']:.3f} is place {lexical['rank']} of {POOL + 11}"
        in step.detail
    )


def test_a_document_that_an_approximate_search_misses(
    notes: Notes, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragqa.store.vectors.faiss_index.EXACT_UP_TO", 10)
    monkeypatch.setattr("ragqa.store.vectors.faiss_index.PROBED_SHARE", 0)
    monkeypatch.setattr("ragqa.store.vectors.faiss_index.PROBED_AT_LEAST", 1)
    for number in range(60):
        notes.write(f"z{number}.md", f"Bread number {number} rises with yeast {number % 7}.\n")
    notes.write("lion.md", "Cats hunt.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        asked = notes.embedder.encode_question(QUESTION).vector
        probed = {number for number, _ in snapshot.dense(asked, POOL)}
        every = [number for number, _ in snapshot.by_cosine(asked)]
        assert len(set(every)) == snapshot.counts()[1] == 63
        missed = next(number for number in every if number not in probed)
        file = snapshot.passages([missed])[missed].path
    step = lost(why(file), "searching")
    assert step.figures["dense"]["missed_by"] == 0
    approximate = "; a large index is searched by approximation, which missed it"
    assert step.detail.endswith(approximate)


# fusion -------------------------------------------------------------------------------------


def test_a_document_below_k(notes: Notes, why: Why) -> None:
    notes.write("lion.md", "# Lion\n\nA lion does sleep.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        first, second, *_ = retrieved(QUESTION, notes.embedder, snapshot, 6)
    step = lost(why("lion.md", k=1), "fusion")
    assert step.figures.keys() == {"rank", "k", "score", "kth_score", "kth_path", "parts"}
    assert (step.figures["rank"], step.figures["k"]) == (2, 1)
    assert (step.figures["score"], step.figures["kth_score"]) == (second.score, first.score)
    assert step.figures["kth_path"] == first.path == f"{notes.folder}/zebra.md"
    parts = step.figures["parts"]
    assert list(parts) == ["late", "cosine", "bm25", "coverage", "named"]
    assert sum(parts.values()) == pytest.approx(second.score - first.score, abs=1e-5)
    assert step.detail.startswith(
        f"place 2 of 3, but -k takes 1: score {second.score:.4f},"
        f" {first.score - second.score:.4f} less than place 1, {first.path}:3-3;"
        " most is lost by late interaction: late interaction -0."
    )
    assert step.advice == "raise -k to 2, or ask with words of the passage, such as: Lion"
    assert why("lion.md", k=2).rank == 2


def test_equal_scores_are_said_to_be_equal(notes: Notes, why: Why) -> None:
    one = notes.write("c.md", "Herds sleep 1.\n")
    notes.write("d.md", "Herds sleep 2.\n")
    notes.run()
    step = lost(why("d.md", "herds", k=1), "fusion")
    assert step.detail.endswith(
        f"0.0000 less than place 1, {one}:1-1; equal scores keep the order of the index"
    )


# folding ------------------------------------------------------------------------------------


def test_a_near_duplicate_is_found_in_another_file(notes: Notes, why: Why) -> None:
    notes.write("copy.md", ZEBRA.replace("# Zebra", "# Copied"))
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        hit = retrieved(QUESTION, notes.embedder, snapshot, 6)[0]
    assert hit.also_in == (f"{notes.folder}/copy.md",)
    found = why("copy.md")
    assert (found.found, found.rank) == (True, 1)
    step = found.steps[5]
    assert step.figures == {"into": hit.path, "rank": 1}
    assert step.detail == (
        f"a near-duplicate, shown as `also in` with {hit.path}:3-3, whose score is {hit.score:.4f}"
    )
    assert why("zebra.md").steps[5].figures == {"into": None, "rank": 1}


def test_a_near_duplicate_of_a_passage_below_k(notes: Notes, why: Why) -> None:
    notes.write("lion.md", "# Lion\n\nA lion does sleep every day in the shade of trees.\n")
    notes.write("lion.txt", "Skip\n\nA lion does sleep every day in the shade of trees.\n")
    notes.run()
    ranks = {why(name, k=1).steps[-1].detail.partition(",")[0] for name in ("lion.md", "lion.txt")}
    assert ranks == {"place 2 of 3", "place 2 of 3 as a near-duplicate"}


# prompt -------------------------------------------------------------------------------------


def test_a_hit_for_which_the_prompt_has_no_room(notes: Notes, why: Why) -> None:
    notes.write("lion.md", f"# Lion\n\n{'The lion does sleep. ' * 5}\n")
    notes.run()
    generator = FakeGenerator("", context_tokens=140)
    step = lost(why("lion.md", generator=generator, max_tokens=10), "prompt")
    figures = dict(step.figures)
    missing = figures.pop("missing")
    assert figures == {"rank": 2, "budget": 66, "offered": 1, "hits": 3}
    assert (
        step.detail
        == f"place 2, but there is room for 1 of 3 passages in 66 tokens: {missing} too few"
    )
    assert step.advice.startswith(f"raise context_tokens by {missing} (")
    roomy = FakeGenerator("", context_tokens=140 + missing)
    found = why("lion.md", generator=roomy, max_tokens=10)
    assert found.found
    assert found.steps[6].detail == f"room for 2 of 3 passages in {66 + missing} tokens"


def test_neighbouring_passages_share_a_place_in_the_prompt(notes: Notes, why: Why) -> None:
    sentences = " ".join(f"The zebra {n} eats grass {n} and sleeps {n} times." for n in range(40))
    notes.write("long.md", f"# Zebras\n\n{sentences}\n")
    notes.run()
    found = why("long.md", k=8, generator=FakeGenerator("", context_tokens=4_000))
    step = next(step for step in found.steps if step.stage == "prompt")
    assert found.found
    assert step.figures["offered"] == step.figures["hits"]


def test_a_question_that_fills_the_prompt(notes: Notes, why: Why) -> None:
    notes.run()
    step = lost(why("zebra", generator=FakeGenerator("", context_tokens=120)), "prompt")
    assert (step.figures["offered"], step.figures["rank"]) == (0, 1)


def test_without_a_model_there_is_no_budget(notes: Notes, why: Why) -> None:
    notes.run()
    assert why("zebra").steps[6].figures == {"budget": None}


# found --------------------------------------------------------------------------------------


def test_a_document_that_is_found(notes: Notes, why: Why) -> None:
    notes.run()
    found = why("zebra.md")
    assert [step.stage for step in found.steps] == STAGES
    assert (found.found, found.rank, found.path) == (True, 1, f"{notes.folder}/zebra.md")
    figures = dict(found.steps[-1].figures)
    confidence = figures.pop("confidence")
    assert figures == {"rank": 1, "threshold": 0.3, "refused": False}
    assert confidence >= 0.55
    assert found.steps[-1].detail == f"place 1 of 2; `ask` answers: confidence {confidence}"
    assert found.steps[-1].advice == ""


def test_a_document_that_is_found_but_refused(notes: Notes, why: Why) -> None:
    notes.run()
    found = why("bread", "Who won the world cup in 1998?")
    assert found.found
    step = found.steps[-1]
    assert step.figures["refused"]
    assert step.detail.endswith(
        f"; but `ask` says `not in the documents`: confidence {step.figures['confidence']}"
        f" is less than 0.3"
    )
    assert step.advice == "ask with more words of the passage"


@pytest.mark.parametrize("question", ["?!", "the of", "a" * 9_000, 'NEAR("', "zebra " * 2_000])
def test_no_question_is_too_strange(notes: Notes, why: Why, question: str) -> None:
    notes.run()
    assert why("zebra", question).steps[-1].stage in STAGES


def test_each_stage_that_is_passed_is_what_retrieval_says(notes: Notes, why: Why) -> None:
    for number in range(20):
        notes.write(f"z{number}.md", f"# Z{number}\n\nThe zebra does sleep in place {number}.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        shown = [hit.path for hit in retrieved(QUESTION, notes.embedder, snapshot, 6)]
        also = {
            path for hit in retrieved(QUESTION, notes.embedder, snapshot, 6) for path in hit.also_in
        }
    for file in sorted(notes.folder.iterdir()):
        found = why(file)
        assert found.found == (str(file) in (*shown, *also))
        if str(file) in shown:
            assert found.rank == shown.index(str(file)) + 1


# The name of a document ---------------------------------------------------------------------


@pytest.fixture
def snapshot(notes: Notes) -> Any:
    notes.write("a/first.md", "---\ntitle: The Zebra's Home\n---\nGrass.\n")
    notes.write("b/first.md", "# First\n\nGrass.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        yield snapshot


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("zebra.md", "zebra.md"),
        ("ZEBRA", "zebra.md"),
        ("the zebra's home", "a/first.md"),
        ("a/first.md", "a/first.md"),
        ("notes/b/first.md", "b/first.md"),
    ],
)
def test_a_document_goes_by_name_title_and_end_of_its_path(
    notes: Notes, snapshot: LocalSnapshot, name: str, file: str
) -> None:
    assert locate(name, snapshot) == str(notes.folder / file)


def test_a_path_may_be_relative_or_a_link(
    notes: Notes, snapshot: LocalSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes.folder / "a")
    assert locate("first.md", snapshot) == str(notes.folder / "a" / "first.md")
    assert locate("../b/first.md", snapshot) == str(notes.folder / "b" / "first.md")
    monkeypatch.chdir(tmp_path)
    for name, folder in (("first.md", "a"), ("../b/first.md", "b")):
        found = locate(name, snapshot, notes.folder / "a")
        assert found == str(notes.folder / folder / "first.md")
    (tmp_path / "link").symlink_to(notes.folder)
    assert locate(str(tmp_path / "link" / "zebra.md"), snapshot) == str(notes.folder / "zebra.md")


def test_a_file_that_is_there_is_meant_before_a_name(
    snapshot: LocalSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zebra.md").write_text("another")
    monkeypatch.chdir(tmp_path)
    assert locate("zebra.md", snapshot) == str(tmp_path.resolve() / "zebra.md")


def test_a_name_of_several_documents(notes: Notes, snapshot: LocalSnapshot) -> None:
    with pytest.raises(UsageError) as caught:
        locate("first.md", snapshot)
    paths = f"{notes.folder}/a/first.md; {notes.folder}/b/first.md"
    assert caught.value.message == f"2 documents are called first.md: {paths}"


def test_five_candidates_are_named_at_most(notes: Notes) -> None:
    for number in range(7):
        notes.write(f"{number}/same.md", ZEBRA)
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot, pytest.raises(UsageError) as caught:
        locate("same", snapshot)
    assert caught.value.message.count("/same.md") == 5
    assert caught.value.message.endswith(f"{notes.folder}/4/same.md and 2 more")


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_document(snapshot: LocalSnapshot, name: str) -> None:
    with pytest.raises(UsageError, match="not a file: "):
        locate(name, snapshot)


@pytest.mark.parametrize("name", ["x" * 5_000, "~nobody-at-all/x", "\udce9", "a\nb"])
def test_no_name_is_too_strange(snapshot: LocalSnapshot, name: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        locate(name, snapshot)


def test_a_link_to_itself_is_no_document(snapshot: LocalSnapshot, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="no such file"):
        locate(str(tmp_path / "loop"), snapshot)


# Rendering ----------------------------------------------------------------------------------


def test_a_trace_as_json(notes: Notes, why: Why) -> None:
    notes.run()
    values = trace_json(why("bread", k=1))
    trail = values.pop("trace")
    assert values == {
        "path": f"{notes.folder}/bread.md",
        "question": QUESTION,
        "stage": "fusion",
        "found": False,
        "rank": 2,
        "advice": "raise -k to 2, or ask with words of the passage, such as: Bread",
    }
    assert [list(step)[:3] for step in trail] == [["stage", "ok", "detail"]] * 5
    assert trail[0] == {
        "stage": "folder",
        "ok": True,
        "detail": f"bread.md in {notes.folder}",
        "folder": str(notes.folder),
    }


def test_a_trace_as_text() -> None:
    passed = Step("folder", True, "a.md in /n\x1b[2J\nfake  ok")
    missed = Step("reading", False, "it is empty", advice="mend it")
    assert trace_plain(Trace("/n/a.md", "q", (passed, missed))) == (
        "folder   ok, a.md in /n fake  ok\nreading  lost, it is empty\nadvice   mend it\n"
    )
    found = Step("found", True, "place 1 of 6")
    assert trace_plain(Trace("/n/a.md", "q", (found,))) == "found  place 1 of 6\n"


def test_an_embedder_without_words_is_traced_too(notes: Notes) -> None:
    import numpy as np

    from ragqa.embedding.base import QuestionEncoding

    class Wordless(FakeEmbedder):
        def encode_question(self, text: str) -> QuestionEncoding:
            encoded = super().encode_question(text)
            return QuestionEncoding(encoded.vector, np.empty((0, 192), dtype=np.float32))

    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        found = trace("bread", QUESTION, Session(Wordless(), snapshot, k=1))
    parts = found.steps[-1].figures["parts"]
    assert parts["late"] == 0
    figures = found.steps[-1].figures
    assert sum(parts.values()) == pytest.approx(figures["score"] - figures["kth_score"], abs=1e-5)
