from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.text.scorers.linear import BUCKETS, FORMAT, Linear, bucket, pair_features, word_features
from domain.text.words import Split, split

HEADER = {"format": FORMAT.format("harm"), "labels": ["fine", "bad", "worse"], "safe": "fine", "window": 4}


def model(labels: tuple[str, ...] = (), **evidence: tuple[float, float, float]) -> Linear:
    """A model that knows the given words, each with its evidence for fine, bad and worse."""
    weights = np.zeros((3, BUCKETS), dtype=np.float32)
    for word, values in evidence.items():
        weights[:, bucket(split(word).hashes)[0]] = values
    return Linear(weights, np.zeros(3, np.float32), HEADER, labels)


def test_probabilities_by_hand() -> None:
    scorer = model(vile=(0.0, np.log(6), 0.0))  # exp: 1, 6, 1
    values = scorer.score(Split(["vile", "unknown", "", "vile vile vile vile"])).values
    # Four times ln 6 over the root of four words: 6 squared. Nothing known: two of three labels are harm.
    assert values.tolist() == pytest.approx([7 / 8, 2 / 3, 0.0, 37 / 38], abs=1e-6)


def test_labels_that_count_can_be_chosen_and_the_likeliest_is_told() -> None:
    both = model(vile=(0.0, 2.0, 1.0), foul=(0.0, 1.0, 2.0)).score(Split(["vile", "foul"]))
    assert [both.label(0), both.label(1)] == ["bad", "worse"]
    only = model(("worse",), vile=(0.0, 2.0, 1.0)).score(Split(["vile"]))
    assert only.labels == ("worse",)
    assert only.values[0] == pytest.approx(np.e / (1 + np.e + np.e**2))


def test_a_long_text_is_the_mean_of_its_windows() -> None:
    scorer = model(vile=(0.0, 20.0, 0.0), good=(20.0, 0.0, 0.0))
    text = "vile " * 4 + "good " * 12
    assert scorer.score(Split([text])).values[0] == pytest.approx(0.25)


def test_a_score_depends_on_its_text_alone() -> None:
    texts = ["vile and foul", "", "good ones, vile ones; others too", "früh übt sich", "vile"]
    weights = np.random.default_rng(0).normal(size=(3, BUCKETS)).astype(np.float32)
    fresh = lambda: Linear(weights, np.zeros(3, np.float32), HEADER)  # noqa: E731
    together = fresh().score(Split(texts)).values.tolist()
    warm = fresh()
    assert together == [float(warm.score(Split([text])).values[0]) for text in texts]
    assert together == warm.score(Split(texts)).values.tolist()


def test_features_of_a_word_are_itself_and_its_runs_of_characters() -> None:
    offsets, buckets = word_features(Split(["Shot", "a"]), np.array([0, 1]))
    # <shot> has 4 runs of 3, 3 of 4 and 2 of 5; <a> has one of 3.
    assert np.diff(offsets).tolist() == [1 + 4 + 3 + 2, 1 + 1]
    again, same = word_features(Split(["x", "shot"]), np.array([1]))
    assert same.tolist() == buckets[:10].tolist()
    assert again.tolist() == [0, 10]
    shared = set(word_features(split_of("shotgun"), np.array([0]))[1]) & set(buckets[:10].tolist())
    assert len(shared) == 3 + 2 + 1  # <sh sho hot, <sho shot, <shot


def split_of(text: str) -> Split:
    return Split([text])


def test_pairs_end_with_their_text() -> None:
    pairs = pair_features(Split(["a b", "", "a b c"]))
    assert pairs.tolist()[:2] == [pairs[2], BUCKETS]
    assert pairs[4] == BUCKETS
    assert len({int(pairs[2]), int(pairs[3])}) == 2


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    scorer = model(vile=(0.0, 2.0, 1.0))
    scorer.save(tmp_path / "m.safetensors")
    loaded = Linear.load(tmp_path / "m.safetensors")
    assert loaded.header == HEADER
    texts = Split(["vile", "other vile"])
    assert loaded.score(texts).values.tolist() == scorer.score(texts).values.tolist()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    (tmp_path / "pickle.bin").write_bytes(b"\x80\x04cos\nsystem\n.")
    for name in ("other.safetensors", "cut.safetensors", "pickle.bin", "none.safetensors"):
        with pytest.raises(UserError, match=r"cannot be read|is not a valid safetensors file") as refused:
            Linear.load(tmp_path / name)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "header",
    [
        b"[]", b"5", b"{", b'{"a":' * 100_000, b"{}",
        *(
            json.dumps({**HEADER, **change}).encode()
            for change in (
                {"labels": 5}, {"labels": []}, {"labels": [1, 2, 3]}, {"labels": ["fine"]}, {"safe": "none such"},
                {"safe": ["fine"]}, {"window": 0}, {"window": -1}, {"window": "x"}, {"window": 10**12}, {"format": "x"},
            )
        ),
    ],
)  # fmt: skip
def test_a_header_that_is_none_of_ours(tmp_path: Path, header: bytes) -> None:
    from safetensors.numpy import save_file

    scorer = model(vile=(0.0, 2.0, 1.0))
    tensors = {"weights": np.ascontiguousarray(scorer.weights[:, :-1]), "bias": scorer.bias}
    save_file(tensors, tmp_path / "m.safetensors", {"header": header.decode()})
    with pytest.raises(UserError, match="cannot be read"):
        Linear.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "weights", [np.zeros((3, 5), np.float32), np.zeros(3, np.float32), np.full((3, BUCKETS), np.nan)]
)
def test_weights_that_are_none_of_its_labels(tmp_path: Path, weights: Any) -> None:
    from safetensors.numpy import save_file

    tensors = {"weights": weights.astype(np.float32), "bias": np.zeros(3, np.float32)}
    save_file(tensors, tmp_path / "m.safetensors", {"header": json.dumps(HEADER)})
    with pytest.raises(UserError, match="cannot be read"):
        Linear.load(tmp_path / "m.safetensors")
