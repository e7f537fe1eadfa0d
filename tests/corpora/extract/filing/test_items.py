from __future__ import annotations

import pytest

from corpora.extract.filing import filing, itemised
from corpora.extract.filing.items import divided

PROSE = "The registrant makes instruments for laboratories and has done so for many years in several countries. "
ANNUAL = (
    ("1", "Business"),
    ("1A", "Risk Factors"),
    ("2", "Properties"),
    ("3", "Legal Proceedings"),
    ("7", "Management’s Discussion and Analysis"),
    ("9A", "Controls and Procedures"),
)
COVER = [
    "FORM 8-K",
    "Acme Corp",
    "(Exact name of registrant as specified in its charter)",
    "Check the appropriate box below",
    "Emerging growth company",
]


def submission(form: str, html: str) -> bytes:
    head = f"CONFORMED SUBMISSION TYPE: {form}\n<DOCUMENT>\n<TYPE>{form}\n<TEXT>\n"
    return f"{head}<html><body>{html}</body></html>\n</TEXT>\n</DOCUMENT>\n".encode()


def marked(lines: list[str], form: str) -> dict[str, str]:
    return {item.key: item.text for item in itemised(divided(lines, form))[1]}


@pytest.mark.parametrize("form", ["8-K", "8-K/A", "8-K12B"])
def test_of_the_places_of_a_current_reports_item_the_one_with_text_is_taken(form: str) -> None:
    names = ["Item 2.02 Results of Operations", "Item 9.01 Exhibits"]
    body = [names[0], PROSE, names[1], "99.1 Press release", "SIGNATURES", "Jane Doe"]
    right = {"2.02": f"{names[0]}\n{PROSE}".strip(), "9.01": f"{names[1]}\n99.1 Press release"}
    lists = (
        [],
        [*names],
        [*names, "SIGNATURES", "EXHIBIT INDEX"],
        ["Item 2.02 Results | 2", "Item 9.01 Exhibits | 3"],
        ["TABLE OF CONTENTS", names[0], "2", names[1], "2", "SIGNATURE", "3"],
    )
    for listed in lists:
        assert marked([*COVER, *listed, *body], form) == right
        assert (
            marked([names[0], "form_8-k.htm", *COVER, "Pre-commencement communications", *listed, *body], form) == right
        )


def test_an_item_that_stands_once_is_kept_however_short_it_is() -> None:
    lines = ["Item 5.07 Vote", "Item 9.01 Exhibits", "None."]
    assert list(marked(lines, "8-K")) == ["5.07", "9.01"]
    assert marked(["Item 5.02 Departure", PROSE, "Item 5.02(e) Pay", PROSE], "8-K") == {
        "5.02": f"Item 5.02 Departure\n{PROSE}\nItem 5.02(e) Pay\n{PROSE}".strip()
    }


@pytest.mark.parametrize("way", ["{1}", "{0}. {1}", "{0} {1}", "{0} - {1}"])
@pytest.mark.parametrize("contents", [False, True])
def test_items_without_the_word(way: str, contents: bool) -> None:
    lines = [f"Item {number}. {title}" for number, title in ANNUAL] if contents else []
    for number, title in ANNUAL:
        lines += ["", way.format(number, title), "", PROSE * 3, f"End of {number}."]
    found = marked(lines, "10-K")
    assert list(found) == [number for number, _ in ANNUAL]
    assert all(text.endswith(f"End of {number}.") for number, text in found.items())


def test_a_title_within_an_item_divides_nothing_where_the_word_does() -> None:
    lines = [line for number, title in ANNUAL for line in (f"Item {number}. {title}", PROSE * 3, "Business", PROSE * 9)]
    assert [text.count("Business\n") for text in marked(lines, "10-K").values()] == [2, 1, 1, 1, 1, 1]


def linked(titles: list[tuple[str, str]], headings: list[str], *, target: str, row: str) -> bytes:
    """An annual report whose contents link to headings in words of its own."""
    contents = "".join(row.format(number=number, title=title, to=f"s{at}") for at, (number, title) in enumerate(titles))
    body = "".join(
        target.format(name=f"s{at}", heading=heading) + f"<p>{PROSE * 3}</p><p>End of {number}.</p>"
        for at, ((number, _), heading) in enumerate(zip(titles, headings, strict=True))
    )
    return submission("10-K", f"<table>{contents}</table>{body}")


@pytest.mark.parametrize(
    "target",
    [
        '<a name="{name}"></a><p><b>{heading}</b></p>',
        '<div id="{name}"></div><div>{heading}</div>',
        '<p id="{name}">{heading}</p>',
        '<h2><a id="{name}">{heading}</a></h2>',
        '<a name="{name}"></a><p>17</p><hr><p>Acme Corp annual report</p><h1>{heading}</h1>',
    ],
)
@pytest.mark.parametrize(
    "row",
    [
        '<tr><td>Item {number}.</td><td><a href="#{to}">{title}</a></td><td>12</td></tr>',
        '<tr><td><a href="#wrong">Item {number}.</a></td><td><a href="#{to}">{title}</a></td>'
        '<td><a href="#{to}">12</a></td></tr>',
    ],
)
def test_links_of_the_contents_lead_to_items_with_titles_of_their_own(target: str, row: str) -> None:
    headings = [
        "Who we are",
        "What could go wrong",
        "Where we work",
        "Quarrels",
        "How the year went",
        "How we keep watch",
    ]
    content = linked(list(ANNUAL), headings, target=target, row=row)
    found = {item.key: item.text for item in itemised(filing(content).text)[1]}
    assert list(found) == [number for number, _ in ANNUAL]
    assert all(
        heading in text and f"End of {number}." in text
        for (number, text), heading in zip(found.items(), headings, strict=True)
    )


def test_items_with_one_heading_are_one_document_of_both_names() -> None:
    _, items = itemised(
        divided(["Items 1 and 2. Business and Properties", PROSE, "Item 3. Legal Proceedings", PROSE], "10-K")
    )
    assert [(item.key, item.further) for item in items] == [("1", ("2",)), ("3", ())]


@pytest.mark.parametrize(
    "heads",
    [
        "<p><font>I</font><font size=1>TEM</font> {}.&nbsp;{}</p>",
        "<p>I<small>TEM</small>&#160;{}.&#160;{}</p>",
        "<p>I <small>TEM</small> {}. {}</p>",
        "<p><b>Item {}.</b><br>{}</p>",
        "<ul><li>Item {}. {}</li></ul>",
        "<table><tr><td>Item&nbsp;{}.</td><td>{}</td></tr></table>",
    ],
)
def test_headings_that_markup_divides(heads: str) -> None:
    html = "".join(heads.format(*item) + f"<p>{PROSE * 3}</p>" for item in ANNUAL)
    assert [item.key for item in itemised(filing(submission("10-K", html)).text)[1]] == [number for number, _ in ANNUAL]
