from __future__ import annotations

from collections.abc import Callable

import pytest

from corpora.extract.boilerplate import without_boilerplate

GOOD = [
    "Facebook",
    "By Monday the bank had sold its shares.",
    "Print",
    "Share of profit of associates",
    "Share capital",
    "The photo shows a bank.",
    "By the end of the year",
    "Line 4 and line 5",
    "Von Anfang an war es so",
    "Reuters",
    "Published accounts of 2019 are in the annex and are 40 pages long.",
    "Share this risk with the insurer.",
    "Email",
    "Copy of the deed",
    "Tags and labels",
    "This site uses cookies made of oats.",
    "Save for item 4",
    "Post office",
    "Read more books",
    "Related party transactions",
    "By Law 15 of 2020 the rate is five per cent",
    "Follow-up",
]
BAD = [
    "Advertisement",
    "ADVERTISEMENT",
    "Sponsored content",
    "Anzeige",
    "Share on Facebook",
    "Share this article",
    "Facebook Twitter LinkedIn Email",
    "Share | Tweet | Email",
    "Tweet",
    "Whatsapp   Facebook   Pint",
    "Back to top",
    "© 2019 Example Media Ltd",
    "Example Media. All rights reserved.",
    "Photo: Jane Doe",
    "Image credit: NASA",
    "Natalie Naccache | Bloomberg | Getty Images",
    "A man walks past a bank. (Photo by John Doe/Getty Images)",
    "Filed under: Banks",
    "Tags: banks, rates",
    "Continue reading below",
    "Sign up for our newsletter",
    "Read more: Bank cuts rates",
    "We use cookies to improve your experience.",
]
TOP = [
    "By Jane Doe",
    "By JANE DOE and John Smith",
    "Written by Jane van der Berg",
    "By Jane Doe, Senior Reporter",
    "Von Anna Müller",
    "Published 18 November 2019",
    "Updated at 1:23 p.m.",
    "Last updated: 3 May 2024",
]


@pytest.mark.parametrize("line", GOOD)
def test_text_stays(line: str) -> None:
    assert without_boilerplate(f"{line}\nmore") == f"{line}\nmore"


@pytest.mark.parametrize("line", [each for each in BAD if each != "Tweet"] + TOP)
def test_what_stands_around_an_article_goes(line: str) -> None:
    assert without_boilerplate(f"Title\n{line}\nText.") == "Title\nText."


@pytest.mark.parametrize("line", TOP)
def test_bylines_stand_above(line: str) -> None:
    text = "\n".join(f"Line {i} of the text." for i in range(12))
    assert without_boilerplate(f"{text}\n{line}\nend") == f"{text}\n{line}\nend"


BODY = "".join(
    f"<p>Paragraph {i}: the bank raised its forecast, since rates had stayed high for longer.</p>" for i in range(8)
)
AROUND = (
    '<p class="byline">By Jane Doe</p>',
    '<div class="article-byline"><span>By Jane Doe</span></div>',
    "<p>By Jane Doe</p>",
    '<div class="share-bar"><a href="/f">Facebook</a> <a href="/t">Jane Doe</a></div>',
    "<address>By Jane Doe</address>",
    '<ul class="social-share"><li><a href="/f">Share on Facebook</a></li><li><a href="/j">Jane Doe</a></li></ul>',
    "<div><a href='/f'>Facebook</a> <a href='/t'>Twitter</a></div>",
    '<div class="wp-caption"><img src="a"><p>Jane Doe</p></div>',
    "<figure><img src=a><figcaption>Jane Doe on Facebook</figcaption></figure>",
    "<p>Share this article</p>",
    '<p class="caption">Jane Doe</p>',
    '<div class="author-bio">Jane Doe writes.</div>',
    "<p>Photo: Jane Doe</p>",
)


@pytest.mark.parametrize("around", AROUND)
def test_pages_without_bylines_captions_and_share_bars(around: str, text_of: Callable[[str], str]) -> None:
    nav = "<nav><ul>" + "".join(f'<li><a href="/{i}">Menu {i}</a></li>' for i in range(20)) + "</ul></nav>"
    text = text_of(f"{nav}<article><h1>Bank raises forecast</h1>{around}{BODY}</article>")
    assert text.count("Paragraph") == 8
    assert not [word for word in ("Jane Doe", "Facebook", "Share", "Menu 3") if word in text]
