from __future__ import annotations

import numpy as np

from corpora.dedup.exact import first_of_equals, text_key


def test_case_and_white_space_are_folded_and_nothing_else() -> None:
    assert text_key("A  Bond\n matures") == text_key("a bond MATURES ")
    assert len({text_key(t) for t in ("a bond", "a bond.", "abond", "bond a")}) == 4
    assert len(text_key("")) == 16


def test_the_first_one_is_named() -> None:
    keys = np.array([b"c" * 16, b"a" * 16, b"c" * 16, b"b" * 16, b"a" * 16, b"c" * 16], dtype="S16")
    assert first_of_equals(keys).tolist() == [0, 1, 0, 3, 1, 0]
    assert first_of_equals(np.empty(0, "S16")).tolist() == []


def test_keys_that_end_in_zero_bytes_stay_apart() -> None:
    rows = np.frombuffer(b"\0" * 15 + b"\1" + b"\1" + b"\0" * 15 + b"\0" * 16, np.uint8).reshape(-1, 16)
    assert first_of_equals(rows.view("S16").ravel()).tolist() == [0, 1, 2]
