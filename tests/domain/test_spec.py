from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.spec import Bytes, Count, Spec, fingerprint


class Shelf(Spec):
    books: Count = 1
    room: Bytes = 1


class Library(Spec):
    books: Count = 1
    room: Bytes = 1
    name: str = ""


@pytest.mark.parametrize(
    ("written", "meant"), [("1.2M", 1_200_000), ("3k", 3_000), ("2B", 2 * 10**9), (7, 7), ("1_000", 1000)]
)
def test_counts_are_written_as_people_write_them(written: object, meant: int) -> None:
    assert Shelf(books=written).books == meant


@pytest.mark.parametrize(("written", "meant"), [("20MB", 20_000_000), ("1.5 GB", 1_500_000_000), ("512B", 512)])
def test_bytes_are_powers_of_a_thousand(written: object, meant: int) -> None:
    assert Shelf(room=written).room == meant


@pytest.mark.parametrize("written", ["many", "-3", "1.2X", 0, -1, 1.5, None])
def test_no_count(written: object) -> None:
    with pytest.raises(ValidationError):
        Shelf(books=written)


def test_specs_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Shelf().books = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        Shelf(shelves=2)


def test_only_and_but() -> None:
    library = Library(books=5, name="north")
    assert library.narrow(Shelf) == Shelf(books=5)
    assert library.replace(books="2k").books == 2000
    with pytest.raises(ValidationError):
        library.replace(books=0)


def test_fingerprint_is_of_the_content() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    # sha256 of the two bytes "{}", from sha256sum
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
