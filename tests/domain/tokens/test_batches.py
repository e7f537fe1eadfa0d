from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture, Phase
from domain.tokens.packing import Rows, SourceDocuments
from tests.domain.tokens.held import STRIDE, written

SIZES: dict[str, Any] = {"rows": 4, "context": 32, "batches": 6}
# Documents 0.. of calls and filings take turns, then books and web: see ``written``.
PARTS = {
    "domain": {"filings": [40] * 30, "calls": [15, 9] * 20},
    "general": {"books": [300, 21, 7] * 4, "web": [12] * 40},
}
DOMAIN = range(70)  # the numbers of its documents
GENERAL = range(70, 122)
PACKINGS = ["stream", "best_fit", "separate"]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return written(tmp_path_factory.mktemp("held"), PARTS)


def rows_in(batches: Batches, wanted: range | None = None) -> list[list[int]]:
    """The rows of all batches in order, each as its tokens; of ``wanted`` documents only."""
    rows = [row for i in range(len(batches)) for row in batches[i].tokens.tolist()]
    return [row for row in rows if wanted is None or row[0] // STRIDE in wanted]


def same(one: Rows, other: Rows) -> bool:
    return np.array_equal(one.tokens, other.tokens) and np.array_equal(one.segments, other.segments)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(1, 9), context=st.integers(2, 50), seed=st.integers(0, 99), domain=st.floats(0, 1),
    packing=st.sampled_from(PACKINGS), order=st.permutations(range(6)), ranks=st.integers(1, 9),
    temperature=st.floats(0.5, 8),
)  # fmt: skip
def test_a_batch_is_a_function_of_seed_and_number(
    held: Any, rows: int, context: int, seed: int, domain: float, packing: Any, order: list[int], ranks: int,
    temperature: float,
) -> None:  # fmt: skip
    mixture = Mixture(domain=domain, general=1 - domain, temperature=temperature)
    sizes: dict[str, Any] = {"rows": rows, "context": context, "batches": 6, "seed": seed, "packing": packing}
    whole = list(Batches(held, mixture, **sizes))
    assert len(whole) == 6
    resumed = Batches(held, mixture, **sizes)
    for index in order:  # any batch, whatever was read before it
        assert same(resumed[index], whole[index])
    ranks = min(ranks, rows)
    for index in order[:2]:  # any number of processes
        blocks = [resumed.part(index, rank, ranks) for rank in range(ranks)]
        together = Rows(*(np.concatenate([getattr(b, name) for b in blocks]) for name in ("tokens", "segments")))
        assert same(together, whole[index])
        assert max(len(b.tokens) for b in blocks) - min(len(b.tokens) for b in blocks) <= 1


def test_a_worker_opens_the_shards_itself(held: Any) -> None:
    batches = Batches(held, Mixture(), **SIZES, seed=3, packing="best_fit")
    sent = pickle.dumps(batches)
    assert len(sent) < 2_000
    assert same(pickle.loads(sent)[4], batches[4])


def test_another_seed_gives_another_order(held: Any) -> None:
    one, other = (Batches(held, Mixture(), **SIZES, seed=seed) for seed in (3, 4))
    assert not np.array_equal(one[0].tokens, other[0].tokens)


@pytest.mark.parametrize("packing", PACKINGS)
def test_general_rows_come_in_the_same_order_in_every_arm(held: Any, packing: Any) -> None:
    mixture = Mixture(domain=0.5, general=0.5, weights={"web": 2, "calls": 3}, temperature=2)
    phased = mixture.replace(
        phases=(Phase(until=0.5, domain=0.9, general=0.1), Phase(until=1, domain=0.1, general=0.9))
    )
    control = rows_in(Batches(held, mixture.alone("general"), **SIZES, seed=0, packing=packing))
    for arm in (mixture, phased):
        mixed = rows_in(Batches(held, arm, **SIZES, seed=0, packing=packing), GENERAL)
        assert mixed == control[: len(mixed)]
        assert len(mixed) == 12


def test_rows_of_a_source_do_not_depend_on_its_neighbours(held: Any, tmp_path: Path) -> None:
    lone = Batches(held, Mixture(domain=1, general=0, weights={"calls": 0}), **SIZES, seed=0)
    both = Batches(held, Mixture(domain=1, general=0), **SIZES, seed=0)
    filings = [d for d in DOMAIN if d < 60 and d % 2 == 0]
    found = [row for row in rows_in(both) if row[0] // STRIDE in filings]
    assert found == rows_in(lone)[: len(found)]
    # 1,200 of 1,680 tokens are theirs, and so are 5/7 of 24 rows
    assert len(found) == pytest.approx(24 * 5 / 7, abs=1)


def test_the_mixture_changes_at_a_stated_batch(held: Any) -> None:
    early, late = ({"domain": d, "general": 1 - d} for d in (0.25, 1.0))
    sizes: dict[str, Any] = {**SIZES, "batches": 10, "seed": 0}
    changed = Batches(held, Mixture(phases=({**early, "until": 0.8}, {**late, "until": 1})), **sizes)  # type: ignore[arg-type]
    plain = Batches(held, Mixture(**early), **sizes)
    counts = [sum(row[0] // STRIDE in DOMAIN for row in changed[i].tokens.tolist()) for i in range(10)]
    assert counts == [1] * 8 + [4] * 2
    assert all(same(changed[i], plain[i]) for i in range(8))
    # and no row of domain text is read twice or left out at the border
    assert rows_in(changed, DOMAIN) == rows_in(Batches(held, Mixture(domain=1, general=0), **sizes))[:16]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_capped_source_is_read_once_and_the_others_take_its_turn(held: Any, packing: Any) -> None:
    mixture = Mixture(domain=1, general=0, weights={"calls": 1000}, max_epochs=1)
    batches = Batches(held, mixture, rows=4, context=20, batches=18, seed=0, packing=packing)
    times = batches.source_epochs()["domain"]
    assert times["calls"] <= 1 < times["calls"] + 20 / 480  # as many whole rows as it has
    assert times["filings"] > 0.5
    calls = {d for d in DOMAIN if d >= 60 or d % 2}
    read = Counter(
        int(token)
        for i in range(18)
        for tokens, segments in zip(*vars(batches[i]).values(), strict=True)
        for token in tokens[:-1][segments[:-1] >= 0]
        if token // STRIDE in calls
    )
    assert set(read.values()) == {1}


def test_a_part_that_its_cap_exhausts_is_refused(held: Any) -> None:
    with pytest.raises(UserError) as caught:
        Batches(held, Mixture(domain=1, general=0, max_epochs=2), rows=4, context=32, batches=27, seed=0)
    # 27 x 4 rows of 32 are 3,456 tokens; 75 rows of filings and 30 of calls are 3,360
    assert caught.value.place == "training.mixture.max_epochs"
    for number in ("3,456", "1,680", "3,360"):
        assert number in caught.value.problem
    just = Batches(held, Mixture(domain=1, general=0, max_epochs=2), rows=5, context=32, batches=21, seed=0)  # 105 rows
    assert just.epochs() == {"domain": 2.0}


def test_epochs_and_warnings(held: Any) -> None:
    batches = Batches(held, Mixture(weights={"calls": 20}), rows=4, context=32, batches=30, seed=0)
    times = batches.source_epochs()
    assert list(times["domain"]) == ["calls", "filings"]  # by name
    held_tokens = {"filings": 1200, "calls": 480, "books": 1312, "web": 480}
    for part, share in (("domain", 84), ("general", 36)):  # rows of 120
        assert sum(held_tokens[name] * read for name, read in times[part].items()) == pytest.approx(32 * share)
        whole = sum(held_tokens[name] for name in times[part])
        assert batches.epochs()[part] == pytest.approx(32 * share / whole)
    # calls: 9,600 of 10,800 weighted tokens, so 74.7 of 84 rows
    assert times["domain"]["calls"] == pytest.approx(74.7 * 32 / 480, abs=1.7 * 32 / 480)
    assert len(batches.warnings()) == 1
    assert "calls (domain): its 480 tokens are read 5.0 times" in batches.warnings()[0]
    assert Batches(held, Mixture(), **SIZES, seed=0).warnings() == []


def test_packed_says_what_is_cut_and_padded(held: Any) -> None:
    general = Mixture(domain=0, general=1, weights={"web": 0})
    fitted = Batches(held, general, rows=4, context=20, batches=17, seed=0, packing="best_fit")
    # 300 is cut into 15 rows of 21, 20 new tokens each but for the first; 21 is a row, 7s go three to a row
    assert fitted.epochs() == {"general": pytest.approx(68 / 66)}
    assert fitted.packed() == {
        "truncated": pytest.approx(4 / 12),
        "padding": pytest.approx(1 - (4 * (314 + 21 + 7)) / (66 * 21)),
    }
    rows = rows_in(fitted)
    assert np.mean([segment == -1 for i in range(17) for segment in fitted[i].segments.ravel()]) == pytest.approx(
        fitted.packed()["padding"], abs=0.02
    )
    assert len(rows) == 68
    stream = Batches(held, general, rows=4, context=20, batches=17, seed=0).packed()
    assert stream["padding"] == 0.0
    assert stream["truncated"] >= fitted.packed()["truncated"]


def test_packed_counts_sources_by_how_often_they_are_read(held: Any) -> None:
    sizes: dict[str, Any] = {"rows": 4, "context": 20, "batches": 17, "seed": 0, "packing": "best_fit"}

    def of(**weights: float) -> Batches:
        return Batches(held, Mixture(domain=0, general=1, weights=weights), **sizes)

    books, web, both = of(web=0).packed(), of(books=0).packed(), of(web=3)
    read = both.source_epochs()["general"]
    documents = np.array([12 * read["books"], 40 * read["web"]])  # as often as they are read
    assert both.packed()["truncated"] == pytest.approx(
        np.array([books["truncated"], web["truncated"]]) @ documents / documents.sum()
    )
    of_books = sum(row[0] // STRIDE in range(70, 94, 2) for row in rows_in(both))
    assert 0 < of_books < 34
    assert both.packed()["padding"] == pytest.approx(
        (of_books * books["padding"] + (68 - of_books) * web["padding"]) / 68
    )


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_names_of_a_batch_are_of_its_documents(held: Any, packing: Any) -> None:
    sources = ["domain/filings", "domain/calls"] * 30 + ["domain/calls"] * 10
    sources += ["general/books", "general/web"] * 12 + ["general/web"] * 28
    batches = Batches(held, Mixture(), **SIZES, seed=0, packing=packing)
    for index in (0, 3):
        rows = batches[index]
        read = dict.fromkeys((rows.tokens[rows.segments >= 0] // STRIDE).tolist())
        names = [f"{sources[number]}: {sources[number].split('/')[1]}-{number}" for number in read]
        assert batches.names(index) == names
    assert {type(packed.source) for _, packed, _ in batches.each()} == {SourceDocuments}  # no RecordingSource is left


def test_four_epochs_are_no_warning(held: Any) -> None:
    calls = Mixture(domain=1, general=0, weights={"filings": 0})
    assert Batches(held, calls, rows=4, context=32, batches=15, seed=0).warnings() == []  # 1,920 of 480 tokens
    (warning,) = Batches(held, calls, rows=4, context=32, batches=16, seed=0).warnings()
    assert warning.startswith("source calls (domain): its 480 tokens are read 4.3 times; more than 4 teach little")


def test_documents_without_tokens_are_left_out(tmp_path: Path) -> None:
    tokens = written(tmp_path, {"domain": {"calls": [15, 0, 9, 1] * 20}, "general": {}})
    batches = Batches(tokens, Mixture(domain=1, general=0), rows=4, context=20, batches=3, seed=0, packing="separate")
    assert batches.epochs() == {"domain": pytest.approx(12 / 60)}
    assert batches.packed()["truncated"] == 0.0
    assert {len({*row}) for row in rows_in(batches)} == {2, 10, 16}  # a document each, and padding


def test_shapes_of_encoded_text(tokens: Any) -> None:
    batches = Batches(tokens, Mixture(), **SIZES, seed=0)
    assert batches[0].tokens.shape == batches[0].segments.shape == (4, 33)
    assert batches[0].tokens.dtype == batches[0].segments.dtype == np.int64
    read = batches.epochs()
    held = {part: tokens.facts["train"][part]["tokens"] for part in read}
    assert sum(read[part] * held[part] for part in read) == pytest.approx(4 * 32 * 6)


@pytest.mark.parametrize(
    ("mixture", "found"),
    [
        (
            Mixture(weights=dict.fromkeys("dbeca", 2)),
            "names a, b, c, d, e, and the sources are books, calls, filings, web",
        ),
        (Mixture(weights={"calls": 0, "filings": 0}), "leave out every source of domain text"),
    ],
)
def test_weights_that_cannot_be(held: Any, mixture: Mixture, found: str) -> None:
    with pytest.raises(UserError, match=found) as caught:
        Batches(held, mixture, **SIZES, seed=0)
    assert caught.value.place == "training.mixture.weights"
    Batches(held, Mixture(domain=0, general=1, weights={"calls": 2}), **SIZES, seed=0)  # of a part that is not read


def test_too_little_text_or_too_few_rows_are_refused(held: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fewer than one batch"):
        Batches(held, Mixture(), rows=10**4, context=32, batches=1, seed=0)
    sizes: dict[str, Any] = {"rows": 42, "batches": 1, "seed": 0}
    with pytest.raises(UserError, match="1,680 tokens are left to train on, fewer than one batch of 1,680"):
        Batches(held, Mixture(domain=1, general=0), context=40, **sizes)
    assert len(Batches(held, Mixture(domain=1, general=0), context=39, **sizes)[0].tokens) == 42
    with pytest.raises(UserError, match="0 tokens are left"):
        Batches(written(tmp_path, {"general": PARTS["general"]}), Mixture(), **SIZES, seed=0)
    batches = Batches(held, Mixture(), **SIZES, seed=0)
    with pytest.raises(UserError, match="4 rows for 5 processes"):
        batches.part(0, 0, 5)
    for rank in (-1, 4):
        with pytest.raises(IndexError):
            batches.part(0, rank, 4)
    for wrong in (-1, 6):
        with pytest.raises(IndexError):
            batches[wrong]
