"""A PDF file's text, page by page."""

from __future__ import annotations

import io
import logging

from corpora.extract.hyphens import rejoined
from corpora.extract.job import Extracted


def pdf(content: bytes) -> Extracted:
    """The text of a PDF, pages joined by blank lines, words that a line's end breaks made whole, with the hyphen
    that they have elsewhere.

    Scanned pages have no text. Raises ``ValueError`` for a file that cannot be read or needs a password.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("needs a password")
        text = "\n\n".join(page.extract_text().strip() for page in reader.pages)
        info = reader.metadata
        title = str(info.title).strip() if info and info.title else None
    except PyPdfError as error:
        raise ValueError(f"is no PDF that can be read ({error})") from None
    # Lone halves of surrogate pairs come from broken character maps.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    try:
        created = info.creation_date if info else None
    except ValueError:
        created = None
    return Extracted(
        text=rejoined(text).strip(),
        title=title or None,
        date=created.date().isoformat() if created else None,
    )
