from __future__ import annotations

import pytest

from corpora.web.signed import bare, unsigned

SIGNED = [
    ("https://b.s3.amazonaws.com/a.jsonl?X-Amz-Credential=AKIA%2F1&X-Amz-Date=1&X-Amz-Signature=2", ""),
    ("https://storage.googleapis.com/b/a.jsonl?GoogleAccessId=me&Expires=17&Signature=x%2By", "?GoogleAccessId=me"),
    ("https://x.blob.core.windows.net/c/a.jsonl?sv=2022&sr=b&sig=x%3D&se=2027&sp=r", ""),
    ("https://host/a.jsonl?download=1&token=abc", "?download=1"),
    ("https://host/a.jsonl?token=abc&download=1", "?download=1"),
    ("https://host/a.jsonl?a=1&access_token=abc&b=2", "?a=1&b=2"),
    ("https://host/a.jsonl?download=1", "?download=1"),
    ("https://host/a.jsonl", ""),
]  # fmt: skip


@pytest.mark.parametrize(("url", "query"), SIGNED)
def test_what_signs_a_url_is_left_out_of_its_name(url: str, query: str) -> None:
    assert unsigned(url) == url.partition("?")[0] + query
    assert bare(url) == url.partition("?")[0]


def test_a_user_is_left_out_and_other_paths_stay() -> None:
    assert unsigned("https://me:pw@host/a?b=1") == "https://host/a?b=1"
    assert bare("https://host/a.jsonl#part?x") == "https://host/a.jsonl"
    assert bare("/data/what?.jsonl") == "/data/what?.jsonl"
    assert bare("s3://b/a?.jsonl") == "s3://b/a?.jsonl"
