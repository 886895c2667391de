"""Receipts as documents: made, written, read, compared; quotes looked for in changed files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ragqa.errors import RagqaError, UsageError
from ragqa.pipeline import Session
from ragqa.receipts import (
    ReceiptFile,
    Replay,
    Shape,
    check_quotes,
    differences,
    is_verified,
    keeping,
    read_receipt,
    receipt_of,
    same_answer,
    text_hash,
    verdict_json,
    verdict_rows,
)
from ragqa.records import Answer, Citation, GivenText, Sentence
from tests.fakes import FakeEmbedder

TEXT = "# Bread\n\nBread rises with yeast.\n"
QUOTE = "Bread rises with yeast."
MODELS = {"embedder": {"name": "e", "fingerprint": "e@1", "sha256": "a"}, "generator": None}


def make(path: Path, quote: str = QUOTE, start: int = 9, **changes: Any) -> dict[str, Any]:
    """A receipt that cites a quote of a file."""
    citation = Citation(1, str(path), "Bread", (), 3, 3, start, start + len(quote), None, quote, "")
    answer = Answer(
        "answered",
        "Why does bread rise?",
        (Sentence("Bread rises with yeast [1].", "supported", (1,)),),
        (citation,),
        {},
        {"path": "/index", "generation": 2},
        prompt="Answer the question.",
    )
    return {**receipt_of(answer, Session(FakeEmbedder()), [], strict=False), **changes}


@pytest.fixture(autouse=True)
def circumstances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of models that are not there."""
    monkeypatch.setattr("ragqa.receipts.models_used", lambda session: MODELS)
    monkeypatch.setattr("ragqa.receipts.settings_used", lambda *_: {"k": 6, "seed": 0})


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "bread.md"
    path.write_text(TEXT)
    return path


def test_a_receipt_has_its_fields_in_order(note: Path) -> None:
    receipt = make(note)
    assert set(receipt) == set(Shape.__annotations__)
    assert receipt["time"].endswith("+00:00")
    assert (receipt["prompt"], receipt["confidence"]) == ("Answer the question.", None)
    assert receipt["answer"] == "Bread rises with yeast [1]."
    assert receipt["runtimes"]["python"].startswith("3.")


# Files ------------------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path, note: Path) -> None:
    target = tmp_path / "receipt.json"
    target.write_text("something longer than nothing")
    receipt = make(note, question="Is \ud800 text?")
    file = ReceiptFile(str(target))
    assert target.read_text() == "something longer than nothing"
    file.write(receipt)
    expected = {"version": 1, **json.loads(json.dumps(receipt)), "question": "Is ? text?"}
    assert read_receipt(str(target)) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bread.md", "receipt.json"]


def test_a_file_that_is_not_written_leaves_nothing(tmp_path: Path) -> None:
    ReceiptFile(str(tmp_path / "receipt.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link(tmp_path: Path, note: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(target)
    ReceiptFile(str(link)).write(make(note))
    assert link.is_symlink()
    assert read_receipt(str(target))["state"] == "answered"


def test_a_name_is_taken_from_a_folder_on(tmp_path: Path, note: Path) -> None:
    ReceiptFile("receipt.json", tmp_path).write(make(note))
    assert read_receipt("receipt.json", tmp_path) == read_receipt(str(tmp_path / "receipt.json"))


def test_an_answer_is_kept_where_a_file_is_named(tmp_path: Path, note: Path) -> None:
    answer, session = Answer("not_in_documents", "Why?"), Session(FakeEmbedder())
    given = [GivenText("stdin", "stdin", "a"), GivenText("/b.md", "b.md", "b")]
    with keeping(None, tmp_path, given, strict=False) as keep:
        keep(answer, session)
    assert list(tmp_path.iterdir()) == [note]
    with keeping("receipt.json", tmp_path, given, strict=False) as keep:
        assert list(tmp_path.iterdir()) == [note]
        keep(answer, session)
    receipt = read_receipt("receipt.json", tmp_path)
    assert (receipt["question"], receipt["state"]) == ("Why?", "not_in_documents")
    assert receipt["context"] == [
        {"path": "-", "title": "stdin", "sha256": text_hash("a")},
        {"path": "/b.md", "title": "b.md", "sha256": text_hash("b")},
    ]
    with pytest.raises(UsageError), keeping("no/receipt.json", tmp_path, [], strict=False):
        pass


def test_where_no_receipt_can_be_written(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for name in ("", "-", str(tmp_path), str(pipe), str(loop), f"{tmp_path}/no/receipt.json"):
        with pytest.raises(UsageError, match="cannot write the receipt"):
            ReceiptFile(name)


def test_a_folder_that_goes_away_is_an_error_of_its_own(tmp_path: Path, note: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = ReceiptFile(str(folder / "receipt.json"))
    folder.rmdir()
    with pytest.raises(RagqaError, match="cannot write the receipt") as caught:
        file.write(make(note))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has no version"),
        ('{"version": "1"}', "it has no version"),
        ('{"version": 1}', "time is missing or of another type"),
        ('{"version": 2}', "is of version 2, this ragqa knows 1"),
    ],
)
def test_what_is_no_receipt(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(UsageError, match=message):
        read_receipt(str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": []}, "settings is missing"),
        ({"citations": [1]}, "citations is missing or of another type"),
        ({"citations": [{"number": 1, "path": 2}]}, "citations.path is missing"),
        ({"context": ["x"]}, "context is missing or of another type"),
        ({"index": {}}, "index.path is missing"),
    ],
)
def test_a_damaged_receipt(
    tmp_path: Path, note: Path, changes: dict[str, Any], message: str
) -> None:
    (tmp_path / "file").write_text(json.dumps({"version": 1, **make(note), **changes}))
    with pytest.raises(UsageError, match=message):
        read_receipt(str(tmp_path / "file"))


# Quotes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "verdict", "line"),
    [
        (TEXT, "in place", 3),
        ("One more line.\n\n" + TEXT, "moved", 5),
        (f"{QUOTE}\n" * 9 + TEXT, "moved", 1),
        ("# Bread\n\nBread rises with time.\n", "gone", None),
        (TEXT.replace("\n", "\r\n"), "in place", 3),
    ],
)
def test_a_quote_in_the_file_as_it_is_now(
    note: Path, text: str, verdict: str, line: int | None
) -> None:
    note.write_bytes(text.encode())
    (check,) = check_quotes(make(note))
    assert (check.verdict, check.line) == (verdict, line)
    assert check.holds is (line is not None)


def test_a_quote_without_a_file(tmp_path: Path, note: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.md", tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        (check,) = check_quotes(make(path))
        assert (check.verdict, check.holds) == ("no file", False)
    (check,) = check_quotes(make(Path("stdin")))
    assert (check.verdict, check.holds) == ("not kept", False)


# Comparing --------------------------------------------------------------------------------------


def test_the_answer_is_the_same_wherever_its_quote_stands(note: Path) -> None:
    assert same_answer(make(note), make(note, start=77))
    assert not same_answer(make(note), make(note, answer="Bread rises [1]."))
    assert not same_answer(make(note), make(note, state="unsupported"))
    assert not same_answer(make(note), make(note, quote="Bread rises"))


def test_differences_are_named_one_by_one(note: Path) -> None:
    then = make(note)
    now = make(
        note,
        ragqa="9.9",
        index={"path": "/index", "generation": 3},
        models={**MODELS, "generator": {"name": "g", "sha256": "b"}},
        settings={"k": 4, "seed": 0},
        prompt=None,
    )
    assert [(item.what, item.then, item.now) for item in differences(then, now)] == [
        ("ragqa", then["ragqa"], "9.9"),
        ("index.generation", 2, 3),
        ("models.generator", None, {"name": "g", "sha256": "b"}),
        ("settings.k", 6, 4),
        ("prompt", "Answer the question.", None),
    ]
    assert differences(then, make(note, filter=None)) == []


def test_what_is_told(note: Path) -> None:
    receipt = make(note)
    checks = check_quotes(receipt)
    place = ("[1]", f"in place  {note}:3")
    same = Replay(make(note))
    other = Replay(make(note, answer="No.", prompt=None))
    refused = Replay(make(note, state="not_in_documents", answer=""))
    none = Replay(None, "it is gone")
    assert verdict_rows(receipt, checks, None) == [place]
    assert verdict_rows(receipt, checks, same) == [
        place,
        ("answer", "the same"),
        ("made with", "the same index, models and settings"),
    ]
    assert verdict_rows(receipt, checks, other) == [
        place,
        ("answer", "another: No."),
        ("prompt", "Answer the question., now null"),
    ]
    assert verdict_rows(receipt, checks, refused)[1] == ("answer", "another: not in documents")
    assert verdict_rows(receipt, checks, none)[1] == ("answer", "not asked again: it is gone")
    assert verdict_rows(receipt, [], None) == [("citations", "none")]
    assert [is_verified(receipt, checks, r) for r in (None, same, other, refused, none)] == [
        True, True, False, False, False
    ]  # fmt: skip
    assert verdict_json(receipt, checks, none)["replay"] == {
        "reason": "it is gone",
        "same_answer": None,
    }


def test_the_hash_of_a_text() -> None:
    assert text_hash("\ud800") == text_hash("?") != text_hash("")
