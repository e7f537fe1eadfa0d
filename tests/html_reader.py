"""What a page shows and asks for, as a browser would parse it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta"}
# A name, a day or a text that tries to leave its place: markup, quotes, Markdown, and a change of direction.
HOSTILE = "<script>alert(1)</script>\"'&`|](x) \u202eשלום\u202c \u200bא\x00"


class Page(HTMLParser):
    """``text`` by element, ``tags``, and ``attributes``; raises where an element is not closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1:] != ["style"]:
            self.text.append(data.strip())

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.attributes if name == "href"]

    def assert_safe(self) -> None:
        """No script, nothing loaded from elsewhere, no direction overrides; a policy that forbids the rest."""
        assert not self.tags & {"script", "img", "iframe", "link", "object", "form", "embed"}
        names = {name for name, _ in self.attributes}
        assert not [name for name in names if name.startswith("on") or name in ("src", "style", "srcset")]
        assert not [link for link in self.links if ":" in link or link.startswith("/")]
        assert any("default-src 'none'" in value for _, value in self.attributes)
        assert not set("".join(self.text)) & {"\u202e", "\u202c", "\u200b", "\x00"}
