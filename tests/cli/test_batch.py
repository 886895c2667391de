"""`ask --batch`: one record a line, given passages, resuming, broken lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result
from tests.programs import (
    ANSWER,
    ANSWER_KEYS,
    CITATION_KEYS,
    NOWHERE,
    QUESTION,
    bash,
    load_embedder_once,
    make_index,
    write_notes,
)

RunCli = Callable[..., Result]

PASSAGES = [
    {"title": "Zed", "text": "Zed is a planet.\r\n\r\nThe largest moon of Zed is called Quux.\n"},
    {"text": "Grapes are grown in warm valleys."},
]
MOON = "What is the largest moon of Zed called?"


@pytest.fixture(autouse=True)
def one_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragqa.embedding.load_embedder", load_embedder_once)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch")
    return make_index(folder / "index", write_notes(folder / "notes"))


def write_lines(file: Path, *items: Any) -> Path:
    lines = (item if isinstance(item, str) else json.dumps(item) for item in items)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_line_gets_its_record(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    lines = write_lines(
        tmp_path / "in.jsonl",
        {"id": "a", "question": QUESTION},
        {"id": 7, "question": NOWHERE},
        "",
        {"question": QUESTION},
    )
    done = run_cli("ask", "--batch", lines, "--index", index)
    found = records(done.out)
    assert (done.code, done.err) == (0, "")
    assert [record["id"] for record in found] == ["a", 7, 4]
    assert [record["state"] for record in found] == ["answered", "not_in_documents", "answered"]
    assert [record["answer"] for record in found] == [ANSWER, "", ANSWER]
    assert all(list(record) == ["version", "id", *ANSWER_KEYS[1:]] for record in found)


@pytest.mark.parametrize("options", [("--short",), ("--format", "markdown")])
def test_records_are_json(run_cli: RunCli, options: tuple[str, ...]) -> None:
    message = "ragqa: --batch writes JSON; leave out --short and --format: it has all\n"
    assert run_cli("ask", "--batch", "-", *options) == Result(2, "", message)


@pytest.mark.parametrize("option", ["--quotes", "--no-sources"])
def test_a_record_has_all(run_cli: RunCli, index: Path, tmp_path: Path, option: str) -> None:
    lines = write_lines(tmp_path / "in.jsonl", {"question": QUESTION})
    (record,) = records(run_cli("ask", "--batch", lines, "--index", index, option).out)
    assert (record["answer"], len(record["citations"])) == (ANSWER, 1)


def test_what_was_answered_before_is_given_again(
    run_cli: RunCli, index: Path, tmp_path: Path
) -> None:
    lines = write_lines(
        tmp_path / "in.jsonl", {"question": "Which bread rises?"}, {"question": MOON}
    )

    def stages(*options: str) -> list[bool]:
        done = run_cli("ask", "--batch", lines, "--index", index, *options)
        return ["recall" in record["timings_ms"] for record in records(done.out)]

    assert stages("--no-cache") == [False, False]
    assert stages() == [False, False]
    assert stages() == [True, True]
    assert stages("-k", "3") == [False, False]  # asked in another way
    assert stages("--strict") == [True, True]  # which is of the same answer
    assert stages("--no-cache") == [False, False]


def test_a_batch_from_stdin(run_cli: RunCli, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\xef\xbb\xbf" + json.dumps({"id": 1, "question": QUESTION}).encode() + b"\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    done = run_cli("ask", "--batch", "-", "--index", index)
    assert (done.code, [record["answer"] for record in records(done.out)]) == (0, [ANSWER])


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        "[" * 100_000,
        "{}",
        '{"question": 3}',
        '{"question": " "}',
        '{"question": "q", "passages": "text"}',
        '{"question": "q", "passages": [{"title": "no text"}]}',
        '{"question": "q", "passages": [null]}',
    ],
)
def test_a_broken_line_is_a_record_and_no_end(
    run_cli: RunCli, index: Path, tmp_path: Path, line: str
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", line, {"id": "next", "question": QUESTION})
    done = run_cli("ask", "--batch", lines, "--index", index)
    broken, after = records(done.out)
    assert (done.code, done.err) == (0, "")
    assert list(broken) == ["version", "id", "error"]
    assert (broken["id"], broken["error"]["code"]) == (1, "usage")
    assert list(broken["error"]) == ["code", "message", "hint", "exit_code"]
    assert (after["id"], after["answer"]) == ("next", ANSWER)


def test_without_an_index_each_line_says_so(run_cli: RunCli, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "in.jsonl", {"id": 1, "question": QUESTION})
    done = run_cli("ask", "--batch", lines)
    assert (done.code, records(done.out)[0]["error"]["code"]) == (0, "no_index")


def test_line_ends_within_a_line_do_not_break_it(
    run_cli: RunCli, index: Path, tmp_path: Path
) -> None:
    file = tmp_path / "in.jsonl"
    question = QUESTION.replace(" ", "\u2028", 1)
    line = json.dumps({"id": "\x85", "question": question}, ensure_ascii=False)
    file.write_text(line + "\n")
    done = run_cli("ask", "--batch", file, "--index", index)
    (record,) = records(done.out)
    assert (record["id"], record["question"], record["answer"]) == ("\x85", question, ANSWER)


def test_halves_of_surrogate_pairs(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    lines = write_lines(
        tmp_path / "in.jsonl",
        '{"id": 1, "\\udfff": 0, "question": "\\ud800 ' + QUESTION + '"}',
        '{"id": 2, "question": "' + MOON + '", "passages": [{"title": "\\udc00", "text":'
        ' "\\ud800. The largest moon of Zed is called Quux."}]}',
    )
    done = run_cli("ask", "--batch", lines, "--index", index)
    assert done.code == 0
    assert [record["state"] for record in records(done.out)] == ["answered", "answered"]


# Given passages -----------------------------------------------------------------------------


def test_given_passages_are_all_there_is(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    lines = write_lines(
        tmp_path / "in.jsonl",
        {"id": 1, "question": MOON, "passages": PASSAGES},
        {"id": 2, "question": QUESTION, "passages": PASSAGES},
        {"id": 3, "question": QUESTION, "passages": []},
        {"id": 4, "question": QUESTION},
    )
    done = run_cli("ask", "--batch", lines, "--index", index)
    found = records(done.out)
    assert [record["state"] for record in found] == [
        "answered", "not_in_documents", "not_in_documents", "answered",
    ]  # fmt: skip
    assert [record["index"] for record in found[:3]] == [None] * 3
    assert found[3]["index"] == {"path": str(index), "generation": 1}
    assert found[0]["answer"] == "The largest moon of Zed is called Quux [1]."
    (citation,) = found[0]["citations"]
    assert list(citation) == CITATION_KEYS
    assert (citation["path"], citation["title"], citation["stale"]) == ("passage:1", "Zed", False)
    text = PASSAGES[0]["text"].replace("\r\n", "\n")
    assert citation["quote"] == text[citation["start_char"] : citation["end_char"]]
    assert (citation["start_line"], citation["end_line"]) == (3, 3)


def test_given_passages_need_no_index_and_keep_their_numbers(
    run_cli: RunCli, tmp_path: Path
) -> None:
    item = {"id": 1, "question": MOON, "passages": PASSAGES[::-1]}
    done = run_cli("ask", "--batch", write_lines(tmp_path / "in.jsonl", item))
    (record,) = records(done.out)
    assert (done.code, record["citations"][0]["path"]) == (0, "passage:2")


# --resume -----------------------------------------------------------------------------------


def test_resuming_answers_what_is_missing(run_cli: RunCli, index: Path, tmp_path: Path) -> None:
    items = [{"id": number, "question": QUESTION} for number in (1, "1", 2)]
    lines = write_lines(tmp_path / "in.jsonl", *items)
    out = tmp_path / "out.jsonl"
    whole = json.dumps({"version": 1, "id": 1, "kept": True}) + "\n"
    out.write_text(whole + '{"version": 1, "id": "1", "sta')
    done = run_cli("ask", "--batch", lines, "--resume", out, "--index", index)
    assert done == Result(0, "", "")
    assert out.read_text().startswith(whole)
    assert [record["id"] for record in records(out.read_text())] == [1, "1", 2]
    assert [record.get("answer") for record in records(out.read_text())] == [None, ANSWER, ANSWER]
    before = out.read_bytes()
    assert run_cli("ask", "--batch", lines, "--resume", out, "--index", index).code == 0
    assert out.read_bytes() == before


def test_resuming_a_file_that_is_not_there_yet(
    run_cli: RunCli, index: Path, tmp_path: Path
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", {"id": 1, "question": QUESTION})
    done = run_cli("ask", "--batch", lines, "--resume", tmp_path / "out", "--index", index)
    assert done == Result(0, "", "")
    assert [record["id"] for record in records((tmp_path / "out").read_text())] == [1]


@pytest.mark.parametrize("text", ["notes\n", '{"no": "id"}\n', "[1]\n", "[" * 100_000 + "\n"])
def test_resuming_something_else_changes_nothing(
    run_cli: RunCli, tmp_path: Path, text: str
) -> None:
    lines = write_lines(tmp_path / "in.jsonl", {"id": 1, "question": QUESTION})
    out = tmp_path / "out"
    out.write_text(text)
    done = run_cli("ask", "--batch", lines, "--resume", out)
    message = f"ragqa: not the output of a batch: {out}; name another file\n"
    assert done == Result(2, "", message)
    assert out.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "none"], "cannot use --batch none: no such file or directory"),
        (["--batch", "."], "cannot use --batch .: is a directory"),
        (["--batch", "in", "--resume", "."], "cannot use --resume .: is a directory"),
        (["--batch", "in", "--resume", "no/o"], "cannot use --resume no/o: no such file or dir"),
        (["--batch", "latin"], "the batch latin is not UTF-8"),
    ],
)
def test_files_that_cannot_be_used(
    run_cli: RunCli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("{}\n")
    (tmp_path / "latin").write_bytes(b'{"question": "caf\xe9"}\n')
    done = run_cli("ask", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"ragqa: {message}")


def test_a_batch_ends_when_nobody_reads_on(tmp_path: Path, index: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("".join(f'{{"id": {n}, "question": "What is bread?"}}\n' for n in range(5000)))
    done = bash(
        f'ragqa ask --batch "{lines}" --index "{index}" | head -1; echo "${{PIPESTATUS[0]}}"'
    )
    assert done.err == ""
    assert done.out.splitlines()[1:] == ["0"]
