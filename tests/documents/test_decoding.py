"""Bytes to text: marks, detection, damage, binary files, line endings."""

from __future__ import annotations

import codecs
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.documents import read_document
from ragqa.documents.decoding import decode
from ragqa.errors import DocumentError

TEXTS = {
    "French": ("Voilà, le café est très bon à côté de la fenêtre. Où êtes-vous allés ?", "cp1252"),
    "German": ("Grüße aus München, schöne Straße über dem Fluß.", "latin-1"),
    "Spanish": ("El niño comió piña en España mañana, ¿no?", "latin-1"),
    "Swedish": ("Åsa gick över ån för att köpa smör och bröd på lördagen.", "cp1252"),
    "Italian": ("Perché la città è così bella? Più tardi andrò là.", "cp1252"),
    "quotes": ("“Smart quotes” – it’s all there…", "cp1252"),
    "one word": ("café", "latin-1"),
    "Polish": ("Zażółć gęślą jaźń. Proszę, żeby pan przyszedł wcześniej.", "cp1250"),
    "Czech": ("Příliš žluťoučký kůň úpěl ďábelské ódy. Děkuji, že jste přišli.", "cp1250"),
    "Hungarian": ("Köszönöm szépen, hogy eljött. Jövő héten is itt lesz.\n" * 8, "cp1250"),
    "Russian": ("Привет, как дела? Это проверка кодировки.\n" * 4, "koi8-r"),
    "Russian, Windows": ("Привет, как дела? Это проверка кодировки.\n" * 4, "cp1251"),
    "Greek": ("Καλημέρα κόσμε, τι κάνετε σήμερα;\n" * 4, "cp1253"),
    "Japanese": ("日本語のテキストです。これは試験。", "shift_jis"),
    "Japanese, Unix": ("日本語のテキストです。これは試験。\n" * 4, "euc_jp"),
    "Chinese": ("简体中文的文本，这是一个测试。", "gb18030"),
    "Korean": ("안녕하세요. 이것은 한국어 텍스트입니다.\n" * 4, "euc_kr"),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_the_encoding_of_a_text_is_found(name: str) -> None:
    text, encoding = TEXTS[name]
    found, used = decode(text.encode(encoding))
    assert found == text
    assert decode(text.encode(encoding), used) == (text, used)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be"]
)
def test_byte_order_marks_decide_and_are_not_text(encoding: str) -> None:
    marks = {
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-32-be": codecs.BOM_UTF32_BE,
    }
    data = marks.get(encoding, b"") + "Grüße, 日本".encode(encoding)
    assert decode(data)[0] == "Grüße, 日本"


@given(st.text())
def test_utf8_is_taken_as_it_is_but_for_line_endings(text: str) -> None:
    data = text.encode("utf-8")
    if "\0" not in text and not text.startswith("\ufeff"):
        assert decode(data) == (text.replace("\r\n", "\n").replace("\r", "\n"), "utf-8")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_all_line_endings_become_one(end: str) -> None:
    document = read_document(Path("a.md"), f"# H{end}{end}one{end}two{end}".encode())
    assert document.text == "# H\n\none\ntwo\n"
    assert [(block.line, block.text) for block in document.blocks] == [(1, "H"), (3, "one two")]


def test_one_damaged_byte_does_not_spoil_utf8() -> None:
    text = "Zażółć gęślą jaźń. " * 10
    found, encoding = decode(text.encode() + b"\xff" + text.encode())
    assert (found, encoding) == (f"{text}\ufffd{text}", "utf-8")


def test_a_file_that_no_longer_fits_its_encoding_is_detected_anew() -> None:
    assert decode(b"caf\xe9 au lait, s'il vous pla\xeet", "utf-8")[1] == "cp1252"
    assert decode(b"plain", "no-such-encoding") == ("plain", "utf-8")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"PK\x03\x04\x14\0\0\0",
        bytes(range(256)) * 4,
        b"\xff\xfea\0b",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
    ],
)
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError):
        read_document(Path("picture.md"), data)


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_empty_files_say_so(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"empty|no readable text"):
        read_document(Path("empty.txt"), data)


@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_an_error_of_ours(data: bytes) -> None:
    try:
        text, encoding = decode(data)
    except DocumentError:
        return
    assert "\r" not in text
    assert decode(data, encoding)[0] == text


# Without a mark to tell them by, these are taken for binary files or for ASCII.
UNMARKED = ("UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE", "iso-2022-kr")


@pytest.mark.slow
def test_most_texts_of_a_detector_test_set_are_decoded_right(
    eval_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(eval_data / "data" / "robustness.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    right, wrong = 0, []
    for path in sorted((tmp_path / "chardet" / "tests").glob("*/*")):
        name = path.parent.name
        known = name if _is_known(name) else name.rpartition("-")[0]
        if name in UNMARKED or not _is_known(known):
            continue
        expected = path.read_bytes().decode(known).replace("\r\n", "\n").replace("\r", "\n")
        found, used = decode(path.read_bytes())
        if found.lstrip("\ufeff") == expected.lstrip("\ufeff"):
            right += 1
        else:
            wrong.append(f"{name}/{path.name}: {used}")
    with capsys.disabled():
        print(f"\n{right} texts decoded right, {len(wrong)} wrong:", *wrong, sep="\n  ")
    assert right + len(wrong) > 200
    assert right >= 0.95 * (right + len(wrong))


def _is_known(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
