from __future__ import annotations

import struct
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.text.scorers.fasttext import FastText
from domain.text.scorers.fasttext_file import Classifier, read_classifier
from tests.domain.text.scorers.fasttext_models import HIERARCHICAL, LABELS, NEGATIVE, ONE_VS_ALL, SOFTMAX, model

ARGUMENTS, DICTIONARY, ENTRIES = 8, 64, 92  # where they begin
ROWS = len(model()) - 24 - 16  # of the output, before its columns and 6 numbers
CODES = len(model(quantised=True)) - (1 + 16 + 24) - 4 * 256 * 2 - 16 - 4 - 4  # how many there are, before themselves


def write(folder: Path, content: bytes) -> Path:
    (folder / "m.bin").write_bytes(content)
    return folder / "m.bin"


def patched(at: int, layout: str, value: float, **how: bool) -> bytes:
    content = bytearray(model(**how))  # type: ignore[arg-type]
    struct.pack_into(f"<{layout}", content, at, value)
    return bytes(content)


@pytest.mark.parametrize(
    ("loss", "apart"), [(SOFTMAX, False), (HIERARCHICAL, False), (NEGATIVE, True), (ONE_VS_ALL, True)]
)
@pytest.mark.parametrize("quantised", [False, True])
def test_labels_and_what_their_probabilities_mean(tmp_path: Path, loss: int, apart: bool, quantised: bool) -> None:
    assert read_classifier(write(tmp_path, model(loss=loss, quantised=quantised))) == Classifier(LABELS, apart)


@pytest.mark.parametrize("quantised", [False, True])
def test_a_file_that_was_cut_anywhere_is_refused(tmp_path: Path, quantised: bool) -> None:
    """fastText itself divides by 0, reads beyond its memory or takes all of it."""
    whole = model(quantised=quantised)
    for size in [*range(200), *range(200, len(whole), 7), len(whole) - 1]:
        with pytest.raises(UserError, match="cannot be read") as refused:
            FastText.load(write(tmp_path, whole[:size]), ["toxic"])
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x80\x04cos\nsystem\n.", "it is not a fastText model"),
        (b"<!DOCTYPE html>" * 100, "it is not a fastText model"),
        (model(kind=1), "it holds word vectors and no labels"),
        (model(version=13), "version 13 of fastText's format, not 12"),
        (patched(ARGUMENTS, "i", 0), "damaged"),  # dimensions
        (patched(ARGUMENTS, "i", 3), "damaged"),  # dimensions that the matrices have not
        (patched(ARGUMENTS + 20, "i", 2), "damaged"),  # pairs of words in no buckets
        (patched(ARGUMENTS + 24, "i", 9), "damaged"),  # no loss that fastText has
        (patched(DICTIONARY, "i", 2**31 - 1), "damaged"),  # entries
        (patched(DICTIONARY + 8, "i", 0), "damaged"),  # labels
        (patched(DICTIONARY + 20, "q", 2**60), "damaged"),  # features that are left
        (patched(DICTIONARY + 20, "q", 1), "damaged"),  # the same in a model that is not quantised
        (patched(ENTRIES + 13, "b", 1), "damaged"),  # a label among the words
        (patched(ROWS, "q", 2**50), "damaged"),  # rows
        (patched(ROWS + 8, "q", -2), "damaged"),  # columns
        (patched(CODES, "i", 3, quantised=True), "damaged"),  # codes for fewer rows
        (patched(CODES, "i", -1, quantised=True), "cut short"),
    ],
)
def test_what_is_no_sound_classifier_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(UserError, match=found) as refused:
        FastText.load(write(tmp_path, content), ["toxic"])
    assert refused.value.fix == "name a .bin or .ftz file of a supervised fastText model"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read_classifier(tmp_path / "none.bin")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory"):
        read_classifier(tmp_path)
