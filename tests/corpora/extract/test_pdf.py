from __future__ import annotations

import io
import zlib

import pytest

from corpora.extract.pdf import pdf


def document(lines: list[str], *, info: str = "", packed: bool = False) -> bytes:
    """A PDF with one page, by hand (ISO 32000-1, annex H.3)."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode("latin-1")
    stream = zlib.compress(stream) if packed else stream
    coded = "/Filter /FlateDecode " if packed else ""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< %s/Length %d >>\nstream\n%s\nendstream" % (coded.encode(), len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< {info} >>".encode(),
    ]  # fmt: skip
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer\n<< /Size 7 /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF" % start)
    return out.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_text_title_and_date(packed: bool) -> None:
    lines = ["Revenue rose in the third quar-", "ter, and costs of non-", "US units fell."]
    found = pdf(document(lines, info="/Title (Third quarter) /CreationDate (D:20240131120000Z)", packed=packed))
    assert found.text == "Revenue rose in the third quarter, and costs of non-US units fell."
    assert (found.title, found.date) == ("Third quarter", "2024-01-31")


def test_a_compound_keeps_its_hyphen_and_a_broken_word_does_not() -> None:
    lines = ["Debt is long-term. We pay long-", "term debt when it is due, as the state-", "ments of the year show."]
    assert pdf(document(lines)).text == (
        "Debt is long-term. We pay long-term debt when it is due, as the statements of the year show."
    )


def test_dates_that_are_none() -> None:
    found = pdf(document(["text"], info="/CreationDate (yesterday)"))
    assert (found.text, found.title, found.date) == ("text", None, None)


@pytest.mark.parametrize("content", [b"", b"no pdf at all", document(["text"])[:200]])
def test_what_is_no_pdf(content: bytes) -> None:
    with pytest.raises(ValueError, match="no PDF that can be read"):
        pdf(content)


def test_a_password_is_told() -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(document(["secret"]))))
    writer.encrypt("open sesame", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(ValueError, match="needs a password"):
        pdf(out.getvalue())
