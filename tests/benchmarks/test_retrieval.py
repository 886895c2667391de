"""The retrieval benchmark: what it reads, what it counts, what it prints."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import retrieval
from benchmarks.retrieval import Collection
from ragqa.errors import UsageError
from ragqa.pipeline import build_index
from ragqa.query import make_query
from ragqa.records import Hit, Passage
from ragqa.retrieval.hybrid import retrieve
from ragqa.store import index_at
from tests.conftest import CORPUS
from tests.fakes import FakeEmbedder
from tests.programs import load_embedder_once

Write = Callable[[Path, Sequence[dict[str, Any]]], None]

ANIMALS = {
    "cats": "Cats sleep through most of the day and hunt at dusk.",
    "dogs": "Dogs bark at strangers and like long walks.",
    "bees": "Bees make honey from the nectar of flowers.",
    "owls": "Owls turn their heads very far and fly without a sound.",
}
QUERIES = {"q1": "what do bees make from nectar", "q2": "who barks at strangers: dogs"}


def write_plain(path: Path, items: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")


def write_compressed(path: Path, items: Sequence[dict[str, Any]]) -> None:
    with gzip.open(f"{path}.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)


@pytest.fixture(params=[write_plain, write_compressed])
def write(request: pytest.FixtureRequest) -> Write:
    """Both ways to keep JSON Lines."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "animals"
    folder.mkdir()
    return folder


@pytest.fixture
def fake_embedder(monkeypatch: pytest.MonkeyPatch) -> FakeEmbedder:
    embedder = FakeEmbedder()
    monkeypatch.setattr(retrieval, "load_embedder", lambda _: embedder)
    return embedder


def write_qrels(path: Path, *lines: str) -> None:
    path.parent.mkdir(exist_ok=True)
    rows = ["query-id\tcorpus-id\tscore", *lines]
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def write_beir(folder: Path, write: Write = write_plain) -> Path:
    """Four documents, one of them without a title, and two queries that are judged."""
    write(
        folder / "corpus.jsonl",
        [
            {"_id": name, "title": "" if name == "owls" else f"About {name}", "text": text}
            for name, text in ANIMALS.items()
        ],
    )
    queries = {**QUERIES, "q3": "not judged"}
    write(folder / "queries.jsonl", [{"_id": n, "text": text} for n, text in queries.items()])
    write_qrels(folder / "qrels.tsv", "q1\tbees\t1", "q2\tdogs\t2", "q2\tcats\t0")
    return folder


def read(source: Path, split: str = "all") -> Collection:
    """A source, read into a folder beside it."""
    folder = source.parent / "documents"
    folder.mkdir()
    return retrieval.format_of(source).read(source, folder, split)


def files(collection: Collection) -> dict[str, str]:
    """Name and text of each document."""
    return {path.name: path.read_text() for path in sorted(collection.folder.iterdir())}


# Reading -------------------------------------------------------------------------------------


def test_beir(source: Path, write: Write) -> None:
    collection = read(write_beir(source, write))
    assert retrieval.format_of(source).name == "BEIR"
    assert files(collection) == {
        "bees.md": f"# About bees\n\n{ANIMALS['bees']}",
        "cats.md": f"# About cats\n\n{ANIMALS['cats']}",
        "dogs.md": f"# About dogs\n\n{ANIMALS['dogs']}",
        "owls.txt": ANIMALS["owls"],
    }
    assert collection.queries == QUERIES
    assert collection.relevant == {"q1": {"bees.md": 1}, "q2": {"dogs.md": 2, "cats.md": 0}}
    assert collection.left_out == {"without a relevant document": 1}


def test_of_a_folder_of_judgements_the_test_split_counts(source: Path) -> None:
    write_beir(source)
    (source / "qrels.tsv").unlink()
    write_qrels(source / "qrels" / "dev.tsv", "q1\tbees\t1")
    assert read(source).queries.keys() == {"q1"}
    write_qrels(source / "qrels" / "test.tsv", "q2\tdogs\t1")
    assert retrieval.qrels_files(source) == [source / "qrels" / "test.tsv"]


def test_what_is_relevant_and_missing_lowers_the_recall(source: Path) -> None:
    write_beir(source)
    write_qrels(source / "qrels.tsv", "q1\tbees\t1", "q1\twasps\t1")
    relevant = read(source).relevant
    assert retrieval.scores({"q1": ["bees.md"]}, relevant)["R@10"] == [0.5]


def test_a_document_with_the_id_of_the_query_is_not_counted(source: Path) -> None:
    write_beir(source)
    write_plain(source / "queries.jsonl", [{"_id": "cats", "text": "like dogs"}])
    write_qrels(source / "qrels.tsv", "cats\tdogs\t1")
    assert read(source).uncounted == {"cats": ["cats.md"]}


def test_faq_with_an_id_that_occurs_twice(source: Path, write: Write) -> None:
    ids = {"a": "cats", "b": "dogs"}
    documents = [
        {"id": number, "question": f"And {name}?", "text": ANIMALS[name], "course": "c"}
        for number, name in ids.items()
    ]
    again = {"id": "a", "question": "And\nowls?", "text": ANIMALS["owls"], "course": "c"}
    write(source / "documents.jsonl", [*documents, again])
    asked = [("when do they sleep", "a"), ("who barks", "b"), ("gone", "z")]
    write(
        source / "questions_dev.jsonl",
        [{"question": text, "course": "c", "document": number} for text, number in asked],
    )
    collection = read(source)
    assert files(collection) == {
        "a.md": f"# And cats?\n\n{ANIMALS['cats']}",
        "a~2.md": f"# And owls?\n\n{ANIMALS['owls']}",
        "b.md": f"# And dogs?\n\n{ANIMALS['dogs']}",
    }
    assert collection.queries == {"q0": "when do they sleep", "q1": "who barks"}
    assert collection.relevant == {"q0": {"a.md": 1, "a~2.md": 1}, "q1": {"b.md": 1}}
    assert collection.left_out == {"document missing": 1}


def test_questions_with_passages(source: Path, write: Write) -> None:
    def item(question: str, name: str, **more: object) -> dict[str, Any]:
        return {
            "question": question,
            "title": name,
            "passage": ANIMALS[name],
            "answers": [],
            **more,
        }

    asked = [item("one", "cats"), item("two", "dogs"), item("three", "cats")]
    write(source / "dev.jsonl", [*asked, item("four", "bees", answerable=False)])
    collection = read(source)
    assert list(files(collection)) == ["d0.md", "d1.md", "d2.md"]
    assert collection.queries == {"q0": "one", "q1": "two", "q2": "three"}
    assert collection.relevant == {"q0": {"d0.md": 1}, "q1": {"d1.md": 1}, "q2": {"d0.md": 1}}
    assert collection.left_out == {"not answerable": 1}


def test_archive_of_files(source: Path, write: Write, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    for name, text in ANIMALS.items():
        for number in range(11 if name == "owls" else 1):
            path = docs / name / f"{number}.mdx"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(" ", "\n", 1))
    (docs / "image.png").write_text(ANIMALS["dogs"])
    (docs / ".hidden").mkdir()
    (docs / ".hidden" / "notes.md").write_text(ANIMALS["dogs"])
    with tarfile.open(source / "docs.tar.xz", "w:xz") as archive:
        archive.add(docs, arcname=".")
    answers = ["DOGS  bark at\nstrangers", "nobody knows", "owls turn"]
    write(source / "questions.jsonl", [{"question": a[:3], "answer": a} for a in answers])
    collection = read(source)
    assert collection.queries == {"q0": "DOG"}
    assert collection.relevant == {"q0": {"dogs/0.mdx": 1}}
    assert collection.left_out == {"answer in no file": 1, "answer in more than 10 files": 1}


@pytest.mark.parametrize(("split", "answerable"), [("dev", 75), ("test", 75), ("all", 150)])
def test_the_notes_of_this_repository(split: str, answerable: int, tmp_path: Path) -> None:
    collection = retrieval.format_of(CORPUS).read(CORPUS, tmp_path, split)
    assert len(collection.queries) == answerable
    assert sum(collection.left_out.values()) == 200 - answerable
    names = {name for grades in collection.relevant.values() for name in grades}
    assert all((collection.folder / name).is_file() for name in names)


def test_names_of_files_are_distinct_and_visible() -> None:
    ids = [".hidden", "a/b", "a%2Fb", "a~2", "ä ö", "..", "a", "A b"]
    stems = [retrieval.file_stem(number) for number in ids]
    assert len(set(stems)) == len(ids)
    assert all(re.fullmatch(r"[\w%-]+", stem, re.ASCII) for stem in stems)


def test_a_sample_is_always_the_same_and_keeps_the_order() -> None:
    queries = {f"q{n}": str(n) for n in range(20)}
    collection = Collection(Path(), queries, {})
    kept = list(retrieval.sampled(collection, 5).queries)
    assert kept == list(retrieval.sampled(collection, 5).queries)
    assert kept == [number for number in queries if number in kept]
    assert len(kept) == 5
    for count in (0, 20, 99):
        assert retrieval.sampled(collection, count) is collection


def test_an_unknown_folder_is_told_in_one_line(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_plain(source / "other.jsonl", [{"name": "value"}])
    assert retrieval.main([str(source)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"error: no documents with questions in {source}; known are: ")
    assert retrieval.main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"error: no such folder: {tmp_path / 'nowhere'}\n"


def test_a_missing_library_is_told_before_the_work(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    assert retrieval.main([str(write_beir(source))]) == 2
    assert capsys.readouterr() == (
        "",
        "error: ir-measures is missing; run: pip install '.[bench]'\n",
    )


@pytest.mark.parametrize("line", ["{", "[]", '{"_id": "x"}'])
def test_a_broken_record_is_named(source: Path, line: str) -> None:
    write_beir(source)
    with (source / "corpus.jsonl").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(UsageError, match=r"corpus\.jsonl:6 is not a JSON object with _id, text"):
        read(source)


@pytest.mark.parametrize("line", ["q1\tbees", "q1\tbees\tmuch"])
def test_a_broken_judgement_is_named(source: Path, line: str) -> None:
    write_beir(source)
    write_qrels(source / "qrels.tsv", line)
    with pytest.raises(UsageError, match=r"qrels\.tsv has a line without query-id"):
        read(source)


# Ranking -------------------------------------------------------------------------------------


def test_folded_twins_follow_their_hit_and_count_once() -> None:
    def hit(path: str, *twins: str) -> Hit:
        return Hit(Passage(None, (), ()), path, 1.0, 1.0, also_in=twins)

    hits = [hit("a", "b", "c"), hit("b"), hit("d", "a", "e"), hit("a")]
    assert retrieval.paths_of(hits) == ["a", "b", "c", "d", "e"]


def test_a_twin_is_retrieved(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for name in ("a", "b"):
        (tmp_path / "notes" / f"{name}.txt").write_text(ANIMALS["bees"])
    embedder = FakeEmbedder()
    index = index_at(tmp_path / "index")
    build_index(index, [tmp_path / "notes"], lambda _: embedder, lambda *_: None)
    collection = Collection(tmp_path / "notes", {"q": "honey"}, {"q": {"b.txt": 1}})
    with index.snapshot() as reader:
        runs = retrieval.runs_of(collection, embedder, reader, lambda *_: None)
        assert list(runs) == list(retrieval.METHODS)
        for method, run in runs.items():
            assert sorted(run["q"]) == ["a.txt", "b.txt"], method
        query = make_query("honey", embedder, reader)
        assert len(retrieve(query, embedder, reader, 5)) == 1  # the other one is folded into it


def test_fusion_of_ranks() -> None:
    # a: 1/61 + 1/63, b: 1/62 + 1/61, c: 1/63, d: 1/62
    assert retrieval.fused([["a", "b", "c"], ["b", "d", "a"]]) == ["b", "a", "d", "c"]
    assert retrieval.fused([[], []]) == []


# Figures -------------------------------------------------------------------------------------


def test_measures_by_hand() -> None:
    relevant = {"x": {"a": 1, "b": 2}, "y": {"c": 1, "d": 0}, "z": {"e": 1}}
    run = {"y": ["d", "1", "2", "3", "4", "c"], "x": ["b", "1", "a"], "z": []}
    found = retrieval.scores(run, relevant)
    ideal = 2 + 1 / math.log2(3)
    assert found["nDCG@10"] == pytest.approx([1 / math.log2(7), (2 + 1 / 2) / ideal, 0])
    assert found["MRR@10"] == pytest.approx([1 / 6, 1, 0])
    assert found["R@5"] == [0, 1, 0]
    assert found["R@10"] == found["R@100"] == [1, 1, 0]


def test_measures_look_no_deeper_than_they_say() -> None:
    documents = [str(n) for n in range(100)]
    found = retrieval.scores({"q": documents}, {"q": {"10": 1, "99": 1, "100": 1}})
    assert found["nDCG@10"] == found["MRR@10"] == found["R@10"] == [0]
    assert found["R@100"] == pytest.approx([2 / 3])


def test_interval_contains_the_mean_and_is_always_the_same() -> None:
    values = [random.Random(n).random() for n in range(50)]
    low, high = retrieval.interval(values, 500)
    assert low < sum(values) / 50 < high
    assert (low, high) == retrieval.interval(values, 500)
    few = retrieval.interval(values[:10], 500)
    assert few[1] - few[0] > high - low
    assert retrieval.interval([0.5, 0.5], 10) == (0.5, 0.5)


def test_p_value() -> None:
    numbers = random.Random(3)
    base = [numbers.random() for _ in range(60)]
    better = [value + 0.1 + 0.1 * numbers.random() for value in base]
    other = [value + numbers.gauss(0, 0.2) for value in base]
    assert retrieval.p_value(base, base) == 1
    assert retrieval.p_value(better, base) < 0.001
    assert retrieval.p_value(base, better) == retrieval.p_value(better, base)
    assert retrieval.p_value(other, base) > 0.05


def test_p_value_by_hand() -> None:
    # Of the eight ways to give three equal differences signs, two are as large as what was seen.
    assert retrieval.p_value([1, 1, 1], [0, 0, 0]) == pytest.approx(2 / 8, abs=0.02)


# The whole of it -----------------------------------------------------------------------------


def test_table_and_json(
    source: Path, fake_embedder: FakeEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    out_file = source.parent / "out.json"
    arguments = [str(write_beir(source)), "--json", str(out_file), "--bootstrap", "50"]
    assert retrieval.main(arguments) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(r".+, \d+ cores, Python 3\.\d+\.\d+", lines[0])
    counts = "4 documents, 4 passages, 2 queries"
    left_out = "1 without a relevant document"
    assert lines[1:3] == ["", f"animals (BEIR): {counts}; left out: {left_out}"]
    header = r"method  nDCG@10 \[95 % CI\] +R@5 +R@10 +R@100  MRR@10 \[95 % CI\] +p nDCG +p MRR"
    assert re.fullmatch(header, lines[3])
    assert [line.split()[0] for line in lines[4:]] == list(retrieval.METHODS)
    assert len({len(line) for line in lines[3:]}) == 1
    value = r"[01]\.\d{3}"
    span = rf"{value} \[{value}, {value}\]"
    for line in lines[4:]:
        assert re.fullmatch(
            rf"\w+ +{span} +{value} +{value} +{value} +{span}( +(-|<0.001|{value})){{2}}",
            line,
        )
    assert lines[-1].split()[-2:] == ["-", "-"]
    assert all(line.startswith("animals: ") for line in err.splitlines())

    written = json.loads(out_file.read_text())
    assert written["embedder"] == fake_embedder.fingerprint
    assert written["machine"].keys() == {"platform", "machine", "cores", "python"}
    assert written["bootstrap"] == 50
    (facts,) = written["sets"]
    assert (facts["documents"], facts["unreadable"], facts["queries"]) == (4, 0, 2)
    assert facts["left_out"] == {"without a relevant document": 1}
    assert list(facts["methods"]) == list(retrieval.METHODS)
    bm25 = facts["methods"]["bm25"]
    assert bm25.keys() == {*retrieval.MEASURES, "interval", "p"}
    assert (bm25["nDCG@10"], bm25["MRR@10"], bm25["interval"]["MRR@10"]) == (1, 1, [1, 1])
    assert "p" not in facts["methods"][retrieval.OURS]


def test_two_runs_differ_in_their_times_alone(source: Path, fake_embedder: FakeEmbedder) -> None:
    written = []
    for n in range(2):
        out_file = source.parent / f"{n}.json"
        assert retrieval.main([str(write_beir(source)), "--json", str(out_file)]) == 0
        written.append(out_file.read_text())
    assert written[0] == written[1]


def test_a_sample_says_that_it_is_one(
    source: Path, fake_embedder: FakeEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retrieval.main([str(write_beir(source)), "--queries", "1", "--bootstrap", "10"]) == 0
    assert " passages, 1 queries of 2; left out: 1 " in capsys.readouterr().out


def test_a_set_without_any_relevant_document(
    source: Path, fake_embedder: FakeEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    write_beir(source)
    write_qrels(source / "qrels.tsv", "q9\tbees\t1")
    assert retrieval.main([str(source)]) == 2
    assert capsys.readouterr().err.endswith(
        f"error: no question in {source} has a relevant document\n"
    )


def test_without_a_folder_it_takes_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RAGQA_EVAL_DATA", raising=False)
    assert retrieval.default_sources() == [CORPUS]
    assert capsys.readouterr().err.count("absent: ") == len(retrieval.SETS)
    faq = tmp_path / "data" / "faq"
    faq.mkdir(parents=True)
    monkeypatch.setenv("RAGQA_EVAL_DATA", str(tmp_path))
    assert retrieval.default_sources() == [CORPUS, faq]
    assert "faq" not in capsys.readouterr().err


def test_the_sets_outside_the_repository_are_recognized(eval_data: Path) -> None:
    names = {name: "" for name in retrieval.SETS if (eval_data / "data" / name).is_dir()}
    for name in names:
        names[name] = retrieval.format_of(eval_data / "data" / name).name
    assert names.items() <= {
        ("mlquestions", "BEIR"),
        ("faq", "FAQ"),
        ("nq_oracle", "questions with passages"),
        ("hf_docs", "archive with questions"),
    }


@pytest.mark.slow
def test_the_bundled_embedder_finds_what_words_do_not(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "load_embedder", load_embedder_once)
    subjects = "maths rowing opera chess physics tennis painting cycling poetry law".split()
    fillers = {
        f"{subject}{n}": f"The society for {subject} met in room {n} and elected a treasurer."
        for subject in subjects
        for n in range(3)
    }
    texts = {**fillers, "d30": "The automobile would not start because its battery was flat."}
    write_plain(
        source / "corpus.jsonl", [{"_id": n, "title": "", "text": t} for n, t in texts.items()]
    )
    write_plain(
        source / "queries.jsonl",
        [{"_id": "q1", "text": "my car is dead"}, {"_id": "q2", "text": "treasurer for chess"}],
    )
    write_qrels(source / "qrels.tsv", "q1\td30\t1", *(f"q2\tchess{n}\t1" for n in range(3)))
    out_file = source.parent / "out.json"
    assert retrieval.main([str(source), "--json", str(out_file), "--bootstrap", "50"]) == 0
    (facts,) = json.loads(out_file.read_text())["sets"]
    assert (facts["documents"], facts["queries"]) == (31, 2)
    assert facts["methods"]["dense"]["MRR@10"] == 1
    assert facts["methods"]["bm25"]["MRR@10"] == 0.5  # no word of q1 is in it
    assert facts["methods"][retrieval.OURS]["MRR@10"] == 1
    assert facts["methods"][retrieval.OURS]["R@10"] == 1
