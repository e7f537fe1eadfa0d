"""Append new pieces to a tokenizer.json so that no id moves and no text takes more tokens than before."""

from __future__ import annotations

from typing import Any

import numpy as np

from domain.errors import UserError
from domain.tokenizer.extension.merges import Learned
from domain.tokenizer.extension.segments import BYTE_PIECE
from domain.tokenizer.splitting import one_word

# What a token costs in an extended Unigram model, in nats. Scores that come from float32 are multiples of 2**-23,
# so their sums with it are exact in float64; the scores of two pieces are seldom as near.
TOKEN = 2.0**-14


def place_added(content: dict[str, Any], place: str) -> None:
    """Write added tokens that stand behind the model's pieces (Llama 3, Qwen) into the model too, under their ids.

    ``tokenizers`` gives an added token that the model does not hold the next free id: with new pieces in the model,
    it would move. Nothing merges into such a piece. A text could hold it only as one character, or as a whole word
    where whole words go before merges (``ignore_merges``): there no extension is safe. A Unigram model takes it only
    where it is asked to read special tokens as text, and does not know one of its characters: as T5's own file does.
    """
    model = content["model"]
    vocabulary = model["vocab"]
    if model["type"] == "BPE":
        for token in content["added_tokens"]:
            if token["content"] not in vocabulary:
                if len(token["content"]) == 1 or (model.get("ignore_merges") and one_word(content, token["content"])):
                    problem = f"its added token {token['content']!r} would be found within ordinary text"
                    raise UserError(place, problem, "set tokenizer.mode to keep or train")
                vocabulary[token["content"]] = token["id"]
        return
    pieces = {text for text, _ in vocabulary}
    lowest = min(score for _, score in vocabulary)
    if not closed(content) and any(token["content"] not in pieces for token in content["added_tokens"]):
        problem = "its vocabulary lacks its added tokens and some characters of its own pieces"
        raise UserError(place, problem, "set tokenizer.mode to keep or train")
    for token in sorted(content["added_tokens"], key=lambda token: int(token["id"])):
        if token["content"] not in pieces:
            # Ids are places in the list. A score below that of all its characters one by one is never the best.
            vocabulary.append([token["content"], (len(token["content"]) + 1) * (lowest - 1)])
    for token in content["added_tokens"]:
        if vocabulary[token["id"]][0] != token["content"]:
            raise UserError(place, f"its added token {token['content']!r} has no place of its own", "save it anew")


def add_merges(content: dict[str, Any], learned: Learned, texts: list[str]) -> None:
    """New pieces of a BPE, with their merges behind the old ones.

    A tokenizer does the merges of lower rank first, and no old merge takes a new piece. So it comes to the old
    segmentation of a word, and every new merge after that makes it shorter: never more tokens than before. Its
    segmentation of a word is also the very one that the learning left.
    """
    model = content["model"]
    for number, (text, parts) in enumerate(zip(learned.texts, learned.parts, strict=True), learned.first):
        model["vocab"][text] = number
        if parts:
            model["merges"].append([texts[part] for part in parts])


def add_scores(
    content: dict[str, Any], learned: Learned, words: list[list[int]], counts: list[int], pieces: int
) -> int:
    """The ``pieces`` most useful new pieces of a Unigram model, with scores. Returns how many there are.

    Let S be the score of a segmentation, the sum of its pieces' log-probabilities (Kudo 2018, arXiv 1804.10959). A
    new piece gets the sum of the old pieces that it joins, and then every piece, old and new, loses ``TOKEN``. Write
    Q for the new best segmentation, Q' for the same with its new pieces taken apart, P for the old best one, and |.|
    for the number of tokens: S(Q') - TOKEN |Q| >= S(P) - TOKEN |P|, and S(P) >= S(Q'), so |Q| <= |P|: no text takes
    more tokens. It is also the shortest of those that come apart into a best one, to ``TOKEN``.

    An unknown character costs 10 more than the lowest score says, and a new piece may be the lowest. That is the
    same for all segmentations of a text where the base is ``closed``; where it is not, such pieces are left out.

    Unlike a merge, a piece needs no other on the way to it, only its characters: of more that were learned, those
    stay whose uses save most tokens.
    """
    model = content["model"]
    vocabulary = model["vocab"]
    scores = [score for _, score in vocabulary]
    lowest = min(scores)
    length = [1] * len(scores)
    for text, parts in zip(learned.texts, learned.parts, strict=True):
        scores.append(sum(scores[part] for part in parts) if parts else lowest)
        length.append(sum(length[part] for part in parts) if parts else len(text.encode()))
    uses = np.zeros(len(scores), np.int64)
    for word, count in zip(words, counts, strict=True):
        for symbol in word:
            if symbol >= learned.first:
                uses[symbol] += count
    least = -np.inf if closed(content) else lowest + TOKEN
    joined = {number: bool(parts) for number, parts in enumerate(learned.parts, learned.first)}
    new = [number for number in joined if not joined[number] or scores[number] >= least]
    new.sort(key=lambda number: (joined[number], -int(uses[number]) * (length[number] - 1), number))
    vocabulary += [[learned.texts[number - learned.first], scores[number]] for number in sorted(new[:pieces])]
    model["vocab"] = [[text, score - TOKEN] for text, score in vocabulary]
    return len(new)


def closed(content: dict[str, Any]) -> bool:
    """Whether each character of a Unigram model's pieces is a piece too, as its training sees to."""
    special = {token["content"] for token in content["added_tokens"]}
    pieces = {text for text, _ in content["model"]["vocab"] if text not in special and not BYTE_PIECE.fullmatch(text)}
    return all(character in pieces for text in pieces for character in text)
