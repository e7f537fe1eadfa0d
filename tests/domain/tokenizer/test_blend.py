from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Corpus
from domain.errors import UserError
from domain.manifest import seal
from domain.tokenizer.blend import PASSAGE, allocate, blend, passages, source_bytes


def made(folder: Path, texts: dict[tuple[str, str], list[str]]) -> Corpus:
    """A corpus of these texts, by part and source."""
    (folder / "train").mkdir(parents=True)
    for part in ("domain", "general"):
        rows = [{"source": s, "text": text} for (p, s), some in texts.items() if p == part for text in some]
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / "train" / f"{part}-00000.jsonl").write_text("".join(lines))
    seal(folder, stage="curate", version=1, kind="Corpus", spec=None, parents={}, identity="made", facts={})
    return Corpus.open(folder)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    texts = {
        ("domain", "calls"): [f"c{n:03d} " * 20 for n in range(100)],
        ("domain", "filings"): [f"f{n:03d} " * 20 for n in range(300)],
        ("general", "web"): [f"w{n:03d} " * 20 for n in range(200)],
    }
    return made(tmp_path_factory.mktemp("three") / "corpus", texts)


def taken(texts: Any) -> dict[str, int]:
    sizes = {"c": 0, "f": 0, "w": 0}
    for text in texts:
        sizes[text[0]] += len(text.encode())
    return sizes


def test_bytes_by_part_and_source(three: Corpus) -> None:
    assert source_bytes(three, "train") == {"domain": {"calls": 10_000, "filings": 30_000}, "general": {"web": 20_000}}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_share_is_honoured_by_bytes(three: Corpus, share: float) -> None:
    sizes = taken(blend(three, domain=share, sample=10_000))
    assert sum(sizes.values()) == pytest.approx(10_000, abs=300)
    assert (sizes["c"] + sizes["f"]) / sum(sizes.values()) == pytest.approx(share, abs=0.02)
    assert sizes["f"] == pytest.approx(3 * sizes["c"], abs=400)  # sources by their bytes


def test_a_source_s_factor(three: Corpus) -> None:
    sizes = taken(blend(three, domain=0.5, sample=16_000, weights={"calls": 3.0}))
    assert sizes["c"] == pytest.approx(sizes["f"], abs=200)
    assert taken(blend(three, domain=0.5, sample=16_000, weights={"calls": 0.0}))["c"] == 0


def test_a_part_that_is_short_keeps_the_ratio(three: Corpus) -> None:
    sizes = taken(blend(three, domain=0.5, sample=10**9))
    assert sizes["w"] == 20_000  # all of it
    assert sizes["c"] + sizes["f"] == pytest.approx(20_000, abs=200)


def test_a_source_that_is_short_leaves_its_rest_to_the_others() -> None:
    assert allocate({"a": 10, "b": 100, "c": 100}, {"a": 10.0}, 90) == {"a": 10.0, "b": 40.0, "c": 40.0}
    assert allocate({"a": 10}, {}, 90) == {"a": 10.0}


def test_it_is_spread_evenly(three: Corpus) -> None:
    numbers = [int(text[1:4]) for text in blend(three, domain=0.5, sample=8_000) if text[0] == "w"]
    assert len(numbers) == 40
    assert max(b - a for a, b in zip([-1, *numbers], [*numbers, 200], strict=True)) <= 6


def test_unknown_sources_and_empty_parts(three: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer.weights: the corpus has no source press.*calls, filings, web"):
        list(blend(three, domain=0.5, sample=1_000, weights={"press": 2.0}))
    lonely = made(tmp_path / "corpus", {("domain", "calls"): ["one text"]})
    with pytest.raises(UserError, match=r"asks for 50% general text and the corpus has none"):
        list(blend(lonely, domain=0.5, sample=1_000))


def test_a_long_document_is_read_in_passages() -> None:
    text = "word " * 40_000
    parts = list(passages(text))
    assert "".join(parts) == text
    assert all(len(part) <= PASSAGE for part in parts)
    assert all(part.startswith(" ") for part in parts[1:])  # cut where a word ends
    assert list(passages("x" * (PASSAGE + 5))) == ["x" * PASSAGE, "x" * 5]
    assert list(passages("")) == [""]
