from __future__ import annotations

import subprocess
import sys
from hashlib import blake2b

from domain.text import words as module
from domain.text.words import word_hashes, words


def test_words_are_runs_of_letters_digits_and_underscores_in_lower_case() -> None:
    assert words("Don't call f_x(2.5) — EBITDA!") == ["don", "t", "call", "f_x", "2", "5", "ebitda"]
    assert words("--- !!!") == []


def test_two_spellings_of_one_text_have_the_same_words() -> None:
    composed, decomposed = "caf\u00e9 con\u00fcnctum", "cafe\u0301 conu\u0308nctum"
    assert composed != decomposed
    assert words(composed) == words(decomposed) == ["café", "conünctum"]
    assert words("ﬁnance") == ["finance"]


def test_a_hash_is_blake2b_of_the_word() -> None:
    expected = int.from_bytes(blake2b(b"bond", digest_size=8).digest(), "little")
    assert word_hashes(["bond", "bond", "stock"])[:2].tolist() == [expected, expected]


def test_another_process_hashes_alike() -> None:
    code = "from domain.text.words import word_hashes; print(*word_hashes(['naïve', 'x']).tolist())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(h) for h in word_hashes(["naïve", "x"]).tolist()]


def test_a_full_memory_changes_no_hash() -> None:
    before = word_hashes(["alpha", "beta"]).tolist()
    hashes = module._Hashes()
    full = module.REMEMBERED
    try:
        module.REMEMBERED = 1
        assert [hashes["alpha"], hashes["beta"], hashes["beta"]] == [*before, before[1]]
        assert len(hashes) == 1
    finally:
        module.REMEMBERED = full
