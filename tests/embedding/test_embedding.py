"""The embedders: MiniLM in onnxruntime, and any model of sentence-transformers."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.embedding import late_interaction, load_embedder, matching_embedder
from ragqa.embedding.late_interaction import BITS, BYTES
from ragqa.embedding.minilm import MiniLM
from ragqa.embedding.sentence_transformer import SentenceTransformerEmbedder
from ragqa.errors import IndexDamagedError, ModelError
from ragqa.models.catalogue import BUNDLED_EMBEDDER
from ragqa.models.local import embedder_folder
from ragqa.pipeline import Session, ask, build_index
from ragqa.store import index_at
from ragqa.store.snapshot import LocalSnapshot
from tests.hits import corpus_hits

TEXTS = ["Gold melts.", "", "A longer text about bread, yeast and 12 ovens.", "你好 é ß 😀", "x"]
LONG = " ".join(f"word{n}" for n in range(400))


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(BUNDLED_EMBEDDER, threads=1)


def test_vectors_are_normalized_float32_in_the_order_of_the_texts(minilm: MiniLM) -> None:
    texts = TEXTS * 5
    random.Random(1).shuffle(texts)
    vectors = minilm.embed(texts)
    assert (vectors.dtype, vectors.shape) == (np.float32, (25, 384))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, minilm.encode_question(text).vector, atol=2e-6)


def test_a_vector_does_not_depend_on_the_batch(minilm: MiniLM) -> None:
    alone = minilm.embed([TEXTS[0]])[0]
    for others in ([LONG], ["x"] * 20, [LONG, "y", LONG]):
        vectors = minilm.embed([*others, TEXTS[0]])
        np.testing.assert_allclose(vectors[-1], alone, atol=2e-6)


def test_like_texts_are_nearer_than_unlike_ones(minilm: MiniLM) -> None:
    question = minilm.encode_question("How hot must gold be to melt?").vector
    gold, bread = minilm.embed(
        ["The melting point of gold is 1,064 °C.", "Bread rises with yeast."]
    )
    assert question @ gold > 0.5 > question @ bread + 0.2


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, 384)
    assert minilm.count_tokens([]) == []


def test_tokens_are_counted_without_cutting(minilm: MiniLM) -> None:
    assert minilm.count_tokens(["", "gold", LONG]) == [2, 3, minilm.count_tokens([LONG])[0]]
    assert minilm.count_tokens([LONG])[0] > 400


def test_what_is_beyond_256_tokens_is_not_read(minilm: MiniLM) -> None:
    word = "gold "
    assert minilm.count_tokens([word * 254]) == [256]
    full, longer, shorter = minilm.embed([word * 254, word * 254 + "bread", word * 253 + "bread"])
    np.testing.assert_allclose(full, longer, atol=2e-6)
    assert np.abs(full - shorter).max() > 1e-3


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_has_a_vector(minilm: MiniLM, text: str) -> None:
    assert np.isfinite(minilm.encode_question(text).vector).all()
    assert minilm.count_tokens([text])[0] >= 2


def test_encoding_gives_the_vectors_of_embedding(minilm: MiniLM) -> None:
    texts = [*TEXTS, LONG, *TEXTS]
    for vector, encoding in zip(minilm.embed(texts), minilm.encode(texts), strict=True):
        assert encoding.vector.dtype == np.float32
        np.testing.assert_allclose(encoding.vector, vector, atol=1e-6)
    assert minilm.encode([]) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("?! -- ... ( )", 0),
        ("😀 → [SEP] [MASK]", 0),
        ("Gold melts, and silver does too!", 6),
        ("gold", 1),
        ("internationalization of tokenizers", 3),  # each in several pieces
        ("state-of-the-art", 4),
        ("--no-mmap, C++", 3),
        ("don't", 2),
        ("1,064 °C", 3),
        ("ÉTÉ 黄金", 2),  # the model knows one of the signs
        ("word " * 300, 254),  # what the model reads
    ],
)
def test_each_visible_word_has_one_code(minilm: MiniLM, text: str, words: int) -> None:
    (encoding,) = minilm.encode([text])
    assert (encoding.words.shape, encoding.words.dtype) == ((words, BYTES), np.uint8)
    question = minilm.encode_question(text)
    assert (question.words.shape, question.words.dtype) == ((words, BITS), np.float32)
    np.testing.assert_allclose(question.vector, encoding.vector, atol=2e-6)


def test_words_of_the_notes_are_those_that_their_pieces_make(minilm: MiniLM) -> None:
    spelled = {number: piece for piece, number in minilm._tokenizer.get_vocab().items()}
    passages = [hit.passage.embedded_text for _, hits in corpus_hits().values() for hit in hits]
    for ids in minilm._tokenized([*TEXTS, LONG, *passages]):
        words: list[list[int]] = []
        last = 0
        for place, number in enumerate(ids[1:-1], 1):
            piece = spelled[number]
            if piece.startswith("[") or not any(map(str.isalnum, piece)):
                continue
            if not words or not piece.startswith("##") or last != place - 1:
                words.append([])
            words[-1].append(place)
            last = place
        marked = np.eye(len(ids), dtype=np.float32)  # a piece's vector names its place
        made = minilm._words(ids, marked)
        assert [np.flatnonzero(word).tolist() for word in made] == words


def test_words_do_not_depend_on_the_batch(minilm: MiniLM) -> None:
    texts = [hit.passage.embedded_text for _, hits in corpus_hits().values() for hit in hits][:40]
    encodings = minilm.encode(texts)
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    for place, shuffled in zip(order, minilm.encode([texts[i] for i in order]), strict=True):
        np.testing.assert_allclose(shuffled.vector, encodings[place].vector, atol=2e-6)
        assert shuffled.words.shape == encodings[place].words.shape
        differing = np.unpackbits(shuffled.words ^ encodings[place].words).mean()
        assert differing < 1e-3  # a bit may turn where the projection is as good as 0


def test_a_question_scores_best_against_a_passage_with_its_words(minilm: MiniLM) -> None:
    passages = [
        "Bread rises slowly when there is little yeast in it.",
        "Gold melts at 1,064 degrees Celsius.",
        "Metals are elements such as iron and tin; all of them conduct heat.",
        "Who melts gold at home needs a small furnace.",
        "",
    ]
    codes = [encoding.words for encoding in minilm.encode(passages)]
    question = minilm.encode_question("At how many degrees Celsius does gold melt?").words
    found = late_interaction.scores(question, codes)
    assert found.argsort()[::-1].tolist()[:2] == [1, 3]
    assert found[4] == 0
    itself = late_interaction.scores(minilm.encode_question(passages[1]).words, codes)
    assert itself.argmax() == 1
    assert 0.7 < itself[1] <= 1


def test_the_fingerprint_names_weights_and_runtime(minilm: MiniLM) -> None:
    assert minilm.fingerprint == "all-MiniLM-L6-v2@53aa51172d142c89/onnxruntime+words-86ceea5c"


def test_catalogue_names_are_the_same_in_any_case() -> None:
    assert (
        load_embedder("ALL-minilm-L6-V2").fingerprint == load_embedder(BUNDLED_EMBEDDER).fingerprint
    )


@pytest.mark.slow
def test_minilm_gives_the_vectors_of_sentence_transformers(minilm: MiniLM) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(embedder_folder(BUNDLED_EMBEDDER)), device="cpu")
    assert reference.max_seq_length == minilm.max_tokens
    passages = [hit.passage.embedded_text for _, hits in corpus_hits().values() for hit in hits]
    texts = [*TEXTS, LONG, *random.Random(1).sample(passages, 30)]
    expected = reference.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(minilm.embed(texts) - expected).max() < 1e-5
    counted = reference.tokenizer(texts, truncation=False, verbose=False)["input_ids"]
    assert minilm.count_tokens(texts) == [len(ids) for ids in counted]


# Any sentence-transformers model -------------------------------------------------------------


@cache
def _vocabulary() -> list[str]:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters)]


def _tiny_model(folder: Path, seed: int = 0, prompts: dict[str, str] | None = None) -> Path:
    """A random BERT of one layer with mean pooling, as sentence-transformers saves it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    bert = folder / "bert"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("\n".join(_vocabulary()))
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(bert)
    BertTokenizerFast(str(bert / "vocab.txt")).save_pretrained(bert)
    model = SentenceTransformer(str(bert), prompts=prompts, device="cpu")
    model.max_seq_length = 48
    target = folder / "tiny-model"
    model.save(str(target))
    return target


@pytest.mark.slow
def test_a_model_of_ones_own(tmp_path: Path) -> None:
    folder = _tiny_model(tmp_path)
    embedder = load_embedder(str(folder))
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert (embedder.dimension, embedder.max_tokens) == (32, 48)
    assert embedder.fingerprint.startswith("tiny-model@")
    assert embedder.fingerprint.endswith("/sentence-transformers")
    vectors = embedder.embed(["gold", "bread", "gold"])
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, 32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-6)
    np.testing.assert_allclose(vectors[0], embedder.encode_question("gold").vector, atol=1e-5)
    assert embedder.count_tokens(["", "ab", "a " * 200]) == [2, 4, 202]
    assert embedder.embed([]).shape == (0, 32)
    for vector, encoding in zip(vectors, embedder.encode(["gold", "bread", "gold"]), strict=True):
        np.testing.assert_allclose(encoding.vector, vector, atol=1e-6)
        assert encoding.words.shape == (0, BYTES)
    assert embedder.encode_question("gold").words.shape == (0, BITS)
    assert np.isfinite(embedder.encode_question("a\udcff").vector).all()


@pytest.mark.slow
def test_prompts_of_the_model_are_used_and_counted(tmp_path: Path) -> None:
    folder = _tiny_model(tmp_path, prompts={"query": "ask ", "document": "text "})
    embedder = SentenceTransformerEmbedder(str(folder))
    assert (
        np.abs(embedder.embed(["gold"])[0] - embedder.encode_question("gold").vector).max() > 1e-4
    )
    size = embedder.max_tokens
    fitting = "a " * (size - embedder.count_tokens([""])[0])
    assert embedder.count_tokens([fitting]) == [size]
    full, cut = embedder.embed([fitting, f"{fitting} z"])
    np.testing.assert_allclose(full, cut, atol=1e-6)
    assert np.abs(embedder.embed([f"{fitting[:-2]}z"])[0] - full).max() > 1e-4


@pytest.mark.slow
def test_an_index_keeps_to_the_embedder_that_made_it(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("# Gold\n\nGold melts at high heat.\n")
    one, other = str(_tiny_model(tmp_path / "one")), str(_tiny_model(tmp_path / "other", seed=1))
    directory = tmp_path / "index"
    index = index_at(directory)
    build_index(index, [notes], load_embedder, lambda *_: None, embedder_model=one)
    with LocalSnapshot(directory) as reader:
        embedder = matching_embedder(reader.meta, "", load_embedder)
        assert embedder.name == one
        answer = ask("gold melts at high heat", Session(embedder, reader))
        assert answer.text == "Gold melts at high heat [1]."
        for wanted in (other, BUNDLED_EMBEDDER):
            with pytest.raises(IndexDamagedError, match="was made with the embedder tiny-model@"):
                matching_embedder(reader.meta, wanted, load_embedder)
    with pytest.raises(IndexDamagedError, match="was made with the embedder tiny-model@"):
        build_index(index, [], load_embedder, lambda *_: None, embedder_model=other)
    assert build_index(index, [], load_embedder, lambda *_: None).unchanged == 1


@pytest.mark.slow
def test_a_damaged_model_folder_is_told(tmp_path: Path) -> None:
    folder = _tiny_model(tmp_path)
    weights = next(folder.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot load the embedder"):
        load_embedder(str(folder)).embed(["gold"])
