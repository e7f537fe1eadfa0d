from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from corpora.extract.job import Mode
from corpora.extract.markup import prepared

PROSE = (
    "The tenant shall pay the rent on the first day of each month to the account that the landlord names, and interest."
)
P = f"<p>{PROSE}</p>"
MENU = "".join(f'<li><a href="/{i}">Section {i}</a></li>' for i in range(25))
SITE = f"<header><nav><ul>{MENU}</ul></nav></header><article>{{}}{P * 3}</article><footer><ul>{MENU}</ul></footer>"
LAYOUTS = ("{}", "<div>{}</div>", "<main>{}</main>", "<article>{}</article>", "<div><section>{}</section></div>", SITE)
DUTIES = [f"Duty {i} is to keep the roof in repair" for i in range(52)]
LISTS = {
    "ul": ("<ul>", "<li>{}</li>", "</ul>"),
    "capitals": ("<UL TYPE=disc>", "<LI>{}", "</UL>"),
    "ol": ("<ol>", "<li>{}</li>", "</ol>"),
    "paragraphs": ("<ul>", "<li><p>{}</p></li>", "</ul>"),
    "links": ("<ul>", "<li>{} <a href='/x'>§1</a></li>", "</ul>"),
    "nested": ("<ul><li>All of them<ul>", "<li>{}</li>", "</ul></li></ul>"),
    "menu": ("<menu>", "<li>{}</li>", "</menu>"),
    "dl": ("<dl>", "<dt>Duty</dt><dd>{}</dd>", "</dl>"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_the_items_of_a_list_are_text(kind: str, mode: Mode, text_of: Callable[[str], str]) -> None:
    begin, item, end = LISTS[kind]
    for layout in LAYOUTS:
        for around in ("{}", P + "{}" + P):
            body = layout.format(around.format(begin + "".join(map(item.format, DUTIES)) + end))
            text = text_of(body)
            if kind == "menu" and mode == "trafilatura" and layout is SITE:
                continue  # to trafilatura a menu is one
            assert [duty for duty in DUTIES if duty not in text] == []
            assert "Section 7" not in text
            if kind in ("ul", "nested"):
                assert f"- {DUTIES[3]}" in text


ROWS = [("Year", "Rent"), ("2024", "12,000"), ("2025", "12,600")]
TABLE = "<table><thead><tr><th>Year</th><th>Rent</th></tr></thead><tbody>{}</tbody></table>".format(
    "".join(f"<tr><td>{year}</td><td>{rent}</td></tr>" for year, rent in ROWS[1:])
)
FIGURES = (
    "<figure class='wp-block-table'>{}<figcaption>Caption of it</figcaption></figure>",
    "<figure><figcaption>Caption of it</figcaption>{}</figure>",
    "<FIGURE>{}<FIGCAPTION>Caption of it</FIGCAPTION></FIGURE>",
    "<figure><div class='scroll'>{}</div></figure>",
    "<figure><figure>{}</figure><figcaption>Caption of it</figcaption></figure>",
    "<div class='figure'>{}</div>",
    "{}",
    "<details open><summary>Rents</summary>{}</details>",
    "<table><tr><td>{}</td></tr></table>",
)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_tables_rows_are_lines_wherever_it_stands(figure: str, text_of: Callable[[str], str]) -> None:
    for layout in LAYOUTS:
        body = layout.format(f"<h1>Lease</h1>{P}{figure.format(TABLE)}{P}")
        text = text_of(body)
        lines = [line.strip() for line in text.splitlines()]
        assert [row for row in ROWS if " | ".join(row) not in lines] == []
        assert "Caption of it" not in text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<pre><code>if x:\n    print(1)</code></pre>", "if x:\n    print(1)"),
        ("<blockquote>It is quoted here in full</blockquote>", "It is quoted here in full"),
        ("<ul><li>first point made</li><li>second point made</li></ul>", "- second point made"),
        ("<img src=a.jpg alt='Alt of it'>", ""),
    ],
)
def test_figures_hold_text_or_a_picture(inside: str, text: str, text_of: Callable[[str], str]) -> None:
    for layout in LAYOUTS:
        body = layout.format(f"{P}<figure>{inside}<figcaption>Caption of it</figcaption></figure>{P}")
        found = text_of(body)
        assert text in found
        assert not [word for word in ("Caption of it", "Alt of it") if word in found]


def test_menus_stay_what_they_are() -> None:
    for markup in (f"<ul>{MENU}</ul>", "<ul class='nav'><li>Home</li></ul>", "<ul></ul>", "<ul>", "</ul>", "<ul><li>"):
        assert prepared(markup) == markup


@pytest.mark.parametrize(
    ("markup", "ready"),
    [
        ("a<script>if (1) { '<ul>' }</script>b", "ab"),
        ("a<SCRIPT type='x'>y</Script >b<script>z</script>", "ab"),
        ("a<style>p { color: red }</style>b", "ab"),
        ("a<!-- <figcaption>x</figcaption> -->b<!-->c<!--->d<!-- e --!>f", "abcdf"),
        ("a<!-- <script> -->b<script>c</script>d", "abd"),
        ("a<!-- b", "a<!-- b"),
        ("a<script>b", "a<script>b"),
        ("a<svg><style/></svg>b<style>c</style>d", "a<svg><style/></svg>bd"),
        ("<title>How to use <script> well</title>b<script>c</script>d", "<title>How to use <script> well</title>bd"),
        ("<textarea><!-- </textarea>b<!-- c -->d", "<textarea><!-- </textarea>bd"),
        ("<a title='<script>'>b</a><script>c</script>", "<a title='<script>'>b</a>"),
        ("a<scripts>b</scripts>c", "a<scripts>b</scripts>c"),
    ],
)
def test_scripts_styles_and_comments_go_and_nothing_else(markup: str, ready: str) -> None:
    assert prepared(markup) == prepared(markup, lists=False) == ready


def test_what_stands_around_scripts_is_read(text_of: Callable[[str], str]) -> None:
    """Also where one hides another in a comment, as advertisements were written."""
    advertisement = "<script><!--\ndocument.write(\"<script src='a.js'></script>\");\n//--></script>"
    for script in (advertisement, "<SCRIPT>var a = '<ul><li>';</SCRIPT>", "<!-- <script> -->", "<style>ul {}</style>"):
        text = text_of(f"<h1>Lease</h1>{script}{P}{script}<p>The second paragraph of the lease is here.</p>{script}")
        assert PROSE in text
        assert "second paragraph" in text
        assert not [word for word in ("var a", "-->", "document.write", "ul {") if word in text]


@pytest.mark.parametrize(
    "part",
    [
        "<ul>",
        "</ul>",
        "<figure>",
        "</figure>",
        "<ul><li><a ",
        "<figcaption>",
        "<td>",
        "<ul",
        "<ul><li>x</li></ul>",
        "<figure><table></table>",
        "<meta content='",
        "<!--",
        "<script>",
        "<script></script ",
        "<script></script>",
        "<script><!-- </script>",
        "<title><style>",
        "<!-->",
    ],
)
def test_no_markup_makes_it_slow(part: str) -> None:
    start = time.process_time()
    prepared(part * 60_000)
    assert time.process_time() - start < 3
