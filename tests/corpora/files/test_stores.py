"""Files in buckets, found and read as those here are."""

from __future__ import annotations

import gzip
import io

import httpx
import pytest
from backports import zstd

from corpora.sources.crawl import Crawl
from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.crawl.warcs import GOOD, packed, urls
from tests.corpora.extract.test_pdf import document
from tests.corpora.files.bucket import Bucket
from tests.corpora.files.reading import JSONL, TEXTS, broken, html, read_documents, texts

MINE = Machine(workers=1)


def test_a_glob_over_folders(bucket: Bucket) -> None:
    packed = gzip.compress(JSONL, mtime=0)
    bucket.put(**{
        "calls/2024/first half.jsonl.gz": packed, "calls/2025/q1/b.jsonl.gz": packed, "calls/2025/c.jsonl": JSONL,
        "calls/d.jsonl.gz": packed, "other/e.jsonl.gz": packed,
    })  # fmt: skip
    assert [(item.id, item.text) for item in read_documents(f"{bucket.url}/calls/**/*.jsonl.gz", name="n")] == [
        (f"n/{name}.jsonl.gz:{line}", text)
        for name in ("2024/first half", "2025/q1/b", "d")
        for line, text in enumerate(TEXTS, 1)
    ]
    source = Files(kind="files", path=f"{bucket.url}/calls/*/*.jsonl*")
    assert source.stamp(MINE) == [
        {"file": "2024/first half.jsonl.gz", "bytes": len(packed), "content": bucket.mark(packed)},
        {"file": "2025/c.jsonl", "bytes": len(JSONL), "content": bucket.mark(JSONL)},
    ]
    assert source.stamp(MINE) == source.stamp(MINE.replace(workers=2))


def test_each_form(bucket: Bucket) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    table = io.BytesIO()
    write_table(pyarrow.Table.from_pylist([{"text": text} for text in TEXTS]), table)
    bucket.put(**{
        "a.jsonl.zst": zstd.compress(JSONL), "b.parquet": table.getvalue(), "c.html": html("Gewinn"),
        "d.pdf": document(["A quarter with a profit."]), "e.txt": b"plain",
    })  # fmt: skip
    *rows, page, pdf, plain = texts(read_documents(f"{bucket.url}/*.*"))
    assert rows == TEXTS * 2
    assert page.startswith("Gewinn The bank")
    assert (pdf, plain) == ("A quarter with a profit.", "plain")


def test_a_file_that_is_larger_than_what_is_read_at_once(bucket: Bucket) -> None:
    lines = b"".join(b'{"text": "%06d %s"}\n' % (number, bytes([97 + number % 26]) * 600) for number in range(2_000))
    bucket.put(**{"a.jsonl.gz": gzip.compress(lines), "a.jsonl": lines})
    packed, plain = (texts(read_documents(f"{bucket.url}/{name}")) for name in ("a.jsonl.gz", "a.jsonl"))
    assert packed == plain
    assert [int(text[:6]) for text in plain] == list(range(2_000))


def test_pages_of_a_crawl(bucket: Bucket) -> None:
    bucket.put(**{"crawl/a.warc.gz": packed(*GOOD)})
    assert urls(list(Crawl(kind="crawl", path=f"{bucket.url}/crawl/*.warc.gz").documents(MINE))) == [
        f"http://a.example/{number}" for number in range(5)
    ]


def test_an_empty_file(amazon: Bucket) -> None:
    amazon.put(**{"a.jsonl": b"", "b.txt": b""})
    assert [texts(read_documents(f"{amazon.url}/{name}")) for name in ("a.jsonl", "b.txt")] == [[], [""]]


def test_a_listing_of_several_pages(amazon: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    amazon.put(**{f"{number}.txt": b"a text" for number in range(10)})
    told = httpx.get(f"{amazon.server}/shop?list-type=2").text
    assert "<IsTruncated>true" in told
    source = Files(kind="files", path=f"{amazon.url}/*.txt")
    assert [each["file"] for each in source.stamp(MINE)] == [f"{number}.txt" for number in range(10)]


def test_what_is_new_or_changed_is_seen_in_the_same_process(bucket: Bucket) -> None:
    bucket.put(**{"calls/a.jsonl": JSONL})
    many, one = (Files(kind="files", path=f"{bucket.url}/calls/{name}.jsonl") for name in ("*", "a"))
    before = many.stamp(MINE)
    assert before == one.stamp(MINE)
    other = JSONL.replace(b"first", b"other")  # as many bytes
    bucket.put(**{"calls/a.jsonl": other, "calls/b.jsonl": JSONL})
    assert [each["file"] for each in many.stamp(MINE)] == ["a.jsonl", "b.jsonl"]
    assert one.stamp(MINE) == [{**before[0], "content": bucket.mark(other)}]
    assert texts(list(many.documents(MINE))) == ["other", *TEXTS[1:], *TEXTS]


def test_a_file_that_vanishes_midway(bucket: Bucket) -> None:
    bucket.put(**{f"{name}.jsonl": JSONL for name in "abc"})
    items = Files(kind="files", path=f"{bucket.url}/*.jsonl").documents(MINE)
    first = next(items)
    bucket.remove("b.jsonl")
    rest = list(items)
    assert texts([first, *rest]) == TEXTS * 2
    assert [(q.reason, q.records) for q in broken(rest)] == [("was gone when it was to be read", 3)]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("shop/none/*.jsonl", "matches no file"),
        ("shop/calls", "is a folder"),
        ("none/a.jsonl", "does not exist"),
        ("none/*.jsonl", "(exist|matches no file)"),
    ],
)
def test_what_is_not_there(bucket: Bucket, path: str, told: str) -> None:
    bucket.put(**{"calls/a.jsonl": JSONL})
    with pytest.raises(UserError, match=rf"^corpus: {bucket.scheme}://{path.replace('*', '.')}: .*{told}"):
        Files(kind="files", path=f"{bucket.scheme}://{path}").stamp(MINE)
