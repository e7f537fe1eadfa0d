"""A filter that does not suit a source is told, with samples; a source may have filters of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora.curate import Curation
from corpora.curation.losses import losses, sentence
from corpora.filters.presets import PRESETS
from corpora.ledger.ledger import entry, write_ledger
from corpora.ledger.query import open_ledger
from domain.errors import UserError
from domain.jsonlines import read_lines
from tests.corpora.conftest import made_up
from tests.corpora.newspapers import STORIES

Rows = list[tuple[str, str, str, int]]  # source, stage, reason ("" for kept), bytes


def lost(tmp_path: Path, rows: Rows) -> list[dict[str, Any]]:
    """The losses of a ledger with these documents."""
    entries = [
        entry(
            {"id": f"{source}{number}", "part": "domain", "source": source, "bytes": size},
            stage=stage, action="dropped" if reason else "kept", reason=reason,
        )
        for number, (source, stage, reason, size) in enumerate(rows)
    ]  # fmt: skip
    write_ledger(tmp_path / "ledger.parquet", entries)
    with open_ledger(tmp_path / "ledger.parquet", tmp_path) as ledger:
        return losses(ledger, {"quality", "house:own"})


def kept(source: str, count: int, size: int = 10) -> Rows:
    return [(source, "holdout", "", size)] * count


def gone(source: str, count: int, stage: str = "quality", reason: str = "quality: x", size: int = 10) -> Rows:
    return [(source, stage, reason, size)] * count


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (kept("a", 2) + gone("a", 1), []),  # a third is not more than a third
        (kept("a", 199) + gone("a", 101), [("a", "quality", 0.3367)]),
        (kept("a", 9) + gone("a", 1, size=60), [("a", "quality", 0.4)]),  # a tenth of the documents, 40% of the bytes
        (kept("a", 9) + kept("b", 1) + gone("b", 1), [("b", "quality", 0.5)]),
        (kept("a", 3) + gone("a", 1) + gone("a", 1, "house:own", "own"), []),  # two filters, a fifth each
        (kept("a", 1) + gone("a", 1, "house:own", "own"), [("a", "house:own", 0.5)]),
        (kept("a", 1) + gone("a", 1, "near", "near duplicate"), []),  # half is not more than half
        (kept("a", 1) + gone("a", 2, "near", "near duplicate"), [("a", "near", 0.6667)]),
        (kept("a", 1) + gone("a", 9, "exact", "exact duplicate"), []),
        (gone("a", 1), [("a", "quality", 1.0)]),
    ],
)
def test_what_took_more_than_its_share_is_told(
    tmp_path: Path, rows: Rows, shares: list[tuple[str, str, float]]
) -> None:
    assert [(row["source"], row["stage"], row["share"]) for row in lost(tmp_path, rows)] == shares


def test_a_loss_is_told_with_its_reasons(tmp_path: Path) -> None:
    (loss,) = lost(tmp_path, [*kept("calls", 5), *gone("calls", 2), *gone("calls", 3, reason="quality: y")])
    assert sentence(loss) == (
        "calls (domain): the filter quality takes 50% of it (5 documents: quality: y 3, quality: x 2)"
    )


def test_a_run_says_so_with_three_masked_samples(
    raw: Any, cleaned: Any, caplog: pytest.LogCaptureFixture, prose: Callable[..., str]
) -> None:
    short = [{"text": f"call anna{i}@example.org today"} for i in range(9)]
    made = raw([*short, *({"text": prose(i)} for i in range(10))])
    with caplog.at_level(logging.WARNING):
        corpus = cleaned(made)
    (loss,) = corpus.facts["losses"]
    assert (loss["stage"], loss["documents"], loss["share"]) == ("quality", 9, round(9 / 19, 4))
    (message,) = [each.getMessage() for each in caplog.records if "takes" in each.getMessage()]
    assert message.startswith("domain (domain): the filter quality takes 47% of it")
    assert message.count("for instance: call <EMAIL> today") == 3
    assert "anna" not in message


def test_a_recipe_can_make_it_stop(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    made = raw([*({"text": "too short"} for _ in range(5)), *({"text": prose(i)} for i in range(5))])
    assert cleaned(made, max_filtered=0.5).facts["losses"]
    with pytest.raises(UserError, match=r"takes 50% of it .*: too short.*max_filtered above 0.4"):
        cleaned(made, max_filtered=0.4)


def test_a_source_has_filters_of_its_own(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    """Both lie in shards of their own part; what is no text for one may be text for the other."""
    texts = [{"text": f"Note {i}: ask Mr. Smith, a.smith{i}@example.org"} for i in range(8)]
    made = raw([*texts, *({"text": prose(i)} for i in range(4))], [{"text": prose(f"g{i}")} for i in range(9)])
    corpus = cleaned(made, source_filters={"domain": ["language"]})
    documents = [row for path in sorted(corpus.path.glob("*/domain-*.jsonl")) for row in read_lines(path)]
    assert len(documents) == 12
    assert sum("a.smith" in row["text"] for row in documents) == 8  # neither dropped nor masked
    assert len([1 for path in corpus.path.glob("*/domain-*.jsonl") for _ in read_lines(path)]) == 12
    again = cleaned(made, source_filters={"domain": ["language", "privacy"]})
    assert again.digest != corpus.digest
    assert cleaned(made, source_filters={"domain": ["language"]}).digest == corpus.digest
    assert "quality: too few words" not in corpus.facts["dropped"]
    assert cleaned(made).facts["dropped"]["quality: too few words"] == 8


LETTER = (
    "Dear colleague, thank you for referring this patient to our clinic. The examination of heart, lungs and abdomen "
    "was without findings. Blood pressure was normal and so were the laboratory values. We advise to go on with the "
    "medication as before and to see us again in three months. In case of fever, shortness of breath or pain in the "
    "chest please come at once. Diagnosis: {}. With kind regards, the ward for internal medicine of the hospital."
)
DIAGNOSES = (
    "arterial hypertension", "iron deficiency anaemia", "hypothyroidism after thyroidectomy", "atrial fibrillation",
    "gout of the left big toe", "chronic obstructive lung disease", "migraine with aura", "acute appendicitis",
)  # fmt: skip


def test_letters_of_one_template_stay_where_the_source_says_so(
    raw: Any, cleaned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made = raw([{"text": LETTER.format(each)} for each in (*DIAGNOSES, DIAGNOSES[0])])
    with caplog.at_level(logging.WARNING):
        corpus = cleaned(made)
    (loss,) = corpus.facts["losses"]
    assert loss["stage"] == "near"
    assert loss["share"] > 0.5
    assert "write near: false at the source" in caplog.text
    corpus = cleaned(made, keep_near=["domain"])
    assert corpus.facts["losses"] == []
    assert corpus.facts["dropped"] == {"exact duplicate": 1}
    rows = [row for path in corpus.path.glob("*/domain-*.jsonl") for row in read_lines(path)]
    assert len(rows) == 8
    assert len({row["cluster"] for row in rows}) < 8  # still of one cluster, so that a split does not part them


def test_presets_are_named() -> None:
    assert Curation.model_validate({"filters": "documents"}) == Curation()
    web = Curation.model_validate({"filters": "web"}).filters
    assert [each.kind for each in web] == ["language", "quality", "privacy", "harm"]
    assert web[1].identity_key()["fineweb"] is not None
    assert Curation.model_validate({"source_filters": {"crawl": "web"}}).source_filters["crawl"] == web
    assert set(PRESETS) == {"documents", "web"}
    with pytest.raises(ValidationError, match="'pages' is no preset; write documents or web, or a list"):
        Curation.model_validate({"filters": "pages"})


def test_the_preset_for_the_web_takes_lists_and_leaves_stories(raw: Any, cleaned: Any) -> None:
    words = STORIES["en"].replace(".", "").split()
    entries = "\n".join(" ".join(words[i : i + 8]) for i in range(0, len(words), 8))
    texts = [*(text.replace("\n", " ") for text in STORIES.values() if text != STORIES["en"]), entries]
    made = raw([{"text": text} for text in texts], [{"text": made_up(i)} for i in range(9)])
    web = cleaned(made, source_filters={"domain": "web"})
    assert web.facts["dropped"] == {"quality: lines without an end": 1}
    assert cleaned(made).facts["dropped"] == {}
