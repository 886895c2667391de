"""An optional reranker: what it reads, what it decides, and models that are none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import ModelError, UsageError
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.models.local import embedder_folder
from ragqa.pipeline import Session, ask
from ragqa.retrieval.hybrid import RERANKED
from ragqa.retrieval.rerankers.cross_encoder import CrossEncoderReranker
from ragqa.store.snapshot import LocalSnapshot
from tests.conftest import ROOT, Result
from tests.fakes import FakeEmbedder, FakeGenerator, FakeReranker
from tests.hits import retrieved
from tests.notes import Notes
from tests.programs import ANSWER, QUESTION, load_embedder_once, make_index, parsed, write_notes

RunCli = Callable[..., Result]
Found = tuple[FakeEmbedder, LocalSnapshot]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]


# In retrieval --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """60 notes on bread; two of them are the same text."""
    notes = Notes(tmp_path_factory.mktemp("reranking"))
    for n in range(60):
        notes.write(f"{n:02}.md", f"# Bread {n}\n\nBread {n} rises {'very ' * (n % 7)}slowly.\n")
    for name in ("yeast", "copy"):
        notes.write(f"{name}.md", "# Yeast\n\nYeast is why bread rises, quite slowly at first.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        yield notes.embedder, snapshot


WHY = "why is bread with yeast slowly rising"


def test_the_best_candidates_are_read_with_title_and_headings(found: Found) -> None:
    reranker = FakeReranker()
    expected = retrieved(WHY, *found, 60)[:RERANKED]
    retrieved(WHY, *found, 6, reranker=reranker)
    [(question, texts)] = reranker.read
    assert question == WHY
    assert len(texts) == RERANKED
    assert set(texts) == {hit.passage.embedded_text for hit in expected}
    retrieved(WHY, *found, 50, reranker=reranker)
    assert len(reranker.read[1][1]) == 50


def test_hits_are_in_the_order_of_the_rerankers_scores(found: Found) -> None:
    reranker = FakeReranker()
    before = [hit.passage_id for hit in retrieved(WHY, *found, 30)]
    hits = retrieved(WHY, *found, 20, reranker=reranker)
    for hit in hits:
        assert hit.scores is not None
        assert hit.score == hit.scores.reranked == hit.scores.deciding
        assert hit.score == reranker.scores(WHY, [hit.passage.embedded_text])[0]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.passage_id for hit in hits}) == 20
    equal = [before.index(hit.passage_id) for hit in hits if hit.score == hits[-1].score]
    assert equal == sorted(equal)


def test_repeats_are_folded_after_the_reranker(found: Found) -> None:
    hits = retrieved(WHY, *found, 5, reranker=FakeReranker())
    assert {Path(path).name for path in (hits[0].path, *hits[0].also_in)} == {"yeast.md", "copy.md"}


def test_repeats_take_no_place_of_what_the_reranker_reads(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    for n in range(45):
        notes.write(f"copy{n}.md", "Bread rises because of its yeast, which is alive and eats.\n")
    for n in range(20):
        notes.write(f"own{n}.md", f"Bread number {n} is made of rye{n} and salt{n} alone.\n")
    notes.run()
    with LocalSnapshot(notes.directory) as snapshot:
        reranker = FakeReranker()
        hits = retrieved(WHY, notes.embedder, snapshot, 6, reranker=reranker)
    assert len(hits) == 6
    assert len(set(reranker.read[0][1])) == len(reranker.read[0][1])


def test_without_a_reranker_the_fused_score_decides(found: Found) -> None:
    for hit in retrieved(WHY, *found, 5):
        assert hit.scores is not None
        assert hit.scores.reranked is None
        assert hit.score == hit.scores.fused == hit.scores.deciding


def test_an_answer_is_made_from_the_reranked_passages_and_names_the_model(found: Found) -> None:
    generator = FakeGenerator("Yeast is why bread rises, quite slowly at first.")
    session = Session(*found, generator, k=3, reranker=FakeReranker())
    answer = ask(WHY, session)
    assert "[1] Yeast\nYeast is why" in generator.messages[0]
    assert answer.state == "answered"
    assert answer.models == {
        "embedder": "fake", "generator": "fake-gguf", "reranker": "fake-reranker"
    }  # fmt: skip
    session.reranker = None
    assert "reranker" not in ask(WHY, session).models


# A cross-encoder of the sentence-transformers library ----------------------------------------


def cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A random BERT of one layer with a ranking head, as its library saves it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=1.0,  # so that scores differ
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cross_encoder(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.slow
def test_a_cross_encoder_scores_each_text_by_itself(model: Path) -> None:
    reranker = CrossEncoderReranker(str(model))
    assert reranker.name == str(model)
    texts = ["gold melts", "", "bread rises " * 100, "a\udcff", "gold melts"]
    found = reranker.scores("gold\udcff", texts)
    assert (found.dtype, found.shape) == (np.float32, (5,))
    assert len(set(found.tolist())) == 4
    alone = [reranker.scores("gold\udcff", [text])[0] for text in texts]
    np.testing.assert_allclose(found, alone, atol=1e-5)
    np.testing.assert_array_equal(found, CrossEncoderReranker(str(model)).scores("gold?", texts))
    assert reranker.scores("gold", []).shape == (0,)


def test_a_model_that_is_not_there() -> None:
    for name in ("no/such-model", "/no/such/folder", BUNDLED_EMBEDDER):
        with pytest.raises(UsageError, match=f"no such model: {name}") as caught:
            CrossEncoderReranker(name)
        assert "cross-encoder" in caught.value.hint


def test_an_embedder_is_no_reranker() -> None:
    reranker = CrossEncoderReranker(str(embedder_folder(BUNDLED_EMBEDDER)))
    with pytest.raises(ModelError, match="it is no cross-encoder but a BertModel"):
        reranker.scores("gold", ["gold melts"])


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot rank with .*config\.json"):
        CrossEncoderReranker(str(tmp_path)).scores("gold", ["gold melts"])
    for config in ("{", "[]", "{}", json.dumps({"architectures": [1]})):
        (tmp_path / "config.json").write_text(config)
        with pytest.raises(ModelError, match="cannot rank with"):
            CrossEncoderReranker(str(tmp_path)).scores("gold", ["gold melts"])


@pytest.mark.slow
def test_a_model_that_gives_several_scores_is_refused(tmp_path: Path) -> None:
    reranker = CrossEncoderReranker(str(cross_encoder(tmp_path / "three", labels=3)))
    with pytest.raises(ModelError, match=r"scores of shape \(2, 3\) for 2 texts"):
        reranker.scores("gold", ["gold melts", "bread rises"])


@pytest.mark.slow
def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    folder = cross_encoder(tmp_path / "tiny")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot rank with") as caught:
        CrossEncoderReranker(str(folder)).scores("gold", ["gold melts"])
    assert "--reranker" in caught.value.hint


# In the commands -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    notes = write_notes(tmp_path_factory.mktemp("documents") / "notes")
    return make_index(tmp_path_factory.mktemp("index"), notes)


@pytest.mark.slow
def test_search_and_ask_with_a_reranker(
    run_process: Callable[..., Result], index: Path, model: Path
) -> None:
    options = ("--index", index, "--reranker", model)
    done = run_process("search", "wild yeast", "--json", *options)
    assert (done.code, done.err) == (0, "")
    hits = parsed(done.out)["hits"]
    expected = CrossEncoderReranker(str(model))
    with LocalSnapshot(index) as snapshot:
        embedder = load_embedder_once(BUNDLED_EMBEDDER)
        ranked = retrieved("wild yeast", embedder, snapshot, 6, reranker=expected)
    assert [hit["path"] for hit in hits] == [hit.path for hit in ranked]
    assert [hit["score"] for hit in hits] == [round(hit.score, 4) for hit in ranked]
    done = run_process("ask", QUESTION, "--json", *options)
    assert (done.code, done.err) == (0, "")
    answer = parsed(done.out)
    assert answer["answer"] == ANSWER
    assert answer["models"]["reranker"] == str(model)


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_reranker_that_is_not_there_is_told_at_once(
    run_cli: RunCli, index: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        "ragqa: no such model: no/model; give the folder of a cross-encoder, or the hub name of one"
        " downloaded before\n"
    )
    assert run_cli(command, "x", "--index", index, "--reranker", "no/model") == Result(
        2, "", message
    )
    monkeypatch.setenv("RAGQA_RERANKER", "no/model")
    assert run_cli(command, "x", "--index", index) == Result(2, "", message)


def test_without_a_reranker_its_library_is_not_loaded(index: Path) -> None:
    script = (
        "import sys; from ragqa.cli.caller import Caller; from ragqa.cli.main import run\n"
        "from ragqa.system.terminal import LocalTerminal\n"
        f"run(['search', 'yeast', '--index', {str(index)!r}], Caller(LocalTerminal()))\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
