"""SEC filings: a full submission to clean text, by item."""

from __future__ import annotations

from corpora.extract.filing.contents import without_contents
from corpora.extract.filing.items import ITEM_MARK, FilingItem, divided, itemised
from corpora.extract.filing.links import contents_links
from corpora.extract.filing.markup import displayed, tree_lines
from corpora.extract.filing.pages import unpaged
from corpora.extract.filing.plain import is_plain, plain_lines
from corpora.extract.filing.submission import Part, submission
from corpora.extract.job import Extracted

__all__ = ["FilingItem", "filing", "filing_with_exhibits", "itemised"]


def filing(content: bytes) -> Extracted:
    """A full submission without its exhibits; ``itemised`` parts its text from the marks of its items.

    ``title`` is company and form, ``date`` the day of filing. Raises ``ValueError`` where it holds no prose.
    """
    return extracted(content, exhibits=False)


def filing_with_exhibits(content: bytes) -> Extracted:
    """As ``filing``, with each exhibit behind it, an item that is named by its type."""
    return extracted(content, exhibits=True)


def extracted(content: bytes, *, exhibits: bool) -> Extracted:
    """The text of a full submission, marked."""
    filing = submission(content)
    form, filed = filing.form or "", filing.filed or ""
    main: list[str] = []
    links: list[tuple[str, str]] = []
    for part in filing.main:
        lines, leading = clean_lines(part)
        main += ["", *lines]
        links += leading
    texts = [divided(main, form, links)]
    if exhibits:
        texts += [
            "\n".join((ITEM_MARK + part.kind, *clean_lines(part)[0], ITEM_MARK))
            for part in filing.parts
            if part.exhibit
        ]
    return Extracted(
        text="\n\n".join(texts).strip("\n"),
        title=" ".join(filter(None, (filing.company, filing.form))) or None,
        date=f"{filed[:4]}-{filed[4:6]}-{filed[6:]}" if filed else None,
        language="en",
    )


def clean_lines(part: Part) -> tuple[list[str], list[tuple[str, str]]]:
    """(the lines of one document without what belongs to its pages, the links of its contents)."""
    if is_plain(part.body):
        return without_contents(unpaged(plain_lines(part.body))), []
    root = displayed(part.body)
    if root is None:
        return [], []
    links = contents_links(root, part.kind)
    return without_contents(unpaged(tree_lines(root))), links
