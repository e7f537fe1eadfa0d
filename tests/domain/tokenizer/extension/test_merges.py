from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.tokenizer.extension.merges import WALL, learn


def freely(left: str, right: str) -> bool:
    return True


def test_the_example_of_the_paper() -> None:
    """arXiv 1508.07909, algorithm 1: low 5, lower 2, newest 6, widest 3; · ends a word."""
    symbols = list("diensw·lort")
    words = [[symbols.index(letter) for letter in f"{word}·"] for word in ("low", "lower", "newest", "widest")]
    learned = learn(words, [5, 2, 6, 3], symbols, 7, freely)
    # By hand: e-s, s-t and t-· occur 9 times, e has the lowest id; then t-· 9 before es-t; es-t· 9; l-o 7; lo-w 7;
    # e-w, n-e and w-est· 6; n-ew 6.
    assert learned.texts == ["es", "t·", "est·", "lo", "low", "ew", "new"]
    assert learned.first == len(symbols)


def counted_anew(words: list[list[int]], counts: list[int], symbols: list[str], wanted: int) -> list[str]:
    """BPE as it is defined: count all pairs, merge the best, again."""
    texts, made = list(symbols), []
    words = [list(word) for word in words]
    while len(made) < wanted:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, count in zip(words, counts, strict=True):
            for left, right in itertools.pairwise(word):
                if left >= 0 <= right and texts[left] + texts[right] not in texts:
                    pairs[left, right] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        texts.append(texts[best[0]] + texts[best[1]])
        made.append(texts[-1])
        for word in words:
            at = 0
            while at < len(word) - 1:
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = [len(texts) - 1]
                at += 1
    return made


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from([0, 1, 2, 3, WALL]), min_size=1, max_size=12), st.integers(1, 9)),
        max_size=12,
    )
)
def test_counts_that_are_kept_up_to_date_are_right(counted: list[tuple[list[int], int]]) -> None:
    words, counts = [word for word, _ in counted], [count for _, count in counted]
    expected = counted_anew(words, counts, list("abcd"), 20)
    assert learn([list(word) for word in words], counts, list("abcd"), 20, freely).texts == expected


def test_from_bytes_on_it_is_the_trainer_of_tokenizers() -> None:
    from tokenizers import Tokenizer, models, trainers

    letters = "abcdefgh"
    state, words = 7, Counter[str]()
    for _ in range(3000):  # words of a linear congruential generator, short ones frequent
        state = (1103515245 * state + 12345) % 2**31
        words["".join(letters[state >> shift & 7 & (state >> 28)] for shift in range(3, 3 + state % 7))] += 1
    words.pop("", None)
    peer = Tokenizer(models.BPE())
    peer.train_from_iterator(
        words.elements(),
        trainers.BpeTrainer(vocab_size=100, min_frequency=2, initial_alphabet=list(letters), show_progress=False),
    )
    vocabulary = peer.get_vocab()
    expected = sorted(vocabulary, key=lambda piece: vocabulary[piece])
    sequences = [[letters.index(letter) for letter in word] for word in words]
    learned = learn(sequences, list(words.values()), list(letters), 100 - len(letters), freely)
    assert list(letters) + learned.texts == expected
    texts = list(letters) + learned.texts
    assert ["".join(texts[symbol] for symbol in word) for word in sequences] == list(words)
    assert [[texts[symbol] for symbol in word] for word in sequences] == [peer.encode(word).tokens for word in words]


def test_a_character_saves_its_bytes_but_one() -> None:
    # "€" is 3 bytes: 2 tokens saved, 3 times; "é" is 2: 1 saved, 5 times; the pair "ab" saves 1, 4 times.
    words = [[-ord("€"), 0], [-ord("é")], [0, 1], [-ord("€")]]
    learned = learn(words, [2, 5, 4, 1], ["a", "b"], 4, freely)
    assert learned.texts == ["€", "é", "ab", "€a"]
    assert learned.parts == [(), (), (0, 1), (2, 0)]
    assert words == [[5], [3], [4], [2]]


def test_nothing_joins_a_wall_or_against_the_rule() -> None:
    words = [[0, WALL, 1], [0, 1], [1, 1]]
    learned = learn(words, [9, 9, 9], ["a", "b"], 9, lambda left, right: (left, right) != ("a", "b"))
    assert learned.texts == ["bb"]


def test_what_occurs_once_is_no_piece() -> None:
    assert learn([[0, 1]], [1], ["a", "b"], 1, freely).texts == []
    assert learn([], [], ["a", "b"], 1, freely).texts == []
