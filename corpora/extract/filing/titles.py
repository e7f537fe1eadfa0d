"""The titles of items in the SEC's forms, for filings whose headings have nothing else.

From the forms themselves: www.sec.gov/files/form10-k.pdf, form10-q.pdf, form8-k.pdf and form20-f.pdf.
"""

from __future__ import annotations

import re

# Longest useful title; a line beyond it is prose that begins with one.
LONGEST_TITLE = 220
MD_A = (
    r"management(?:.?s)?['’]? discussion and analysis(?: of financial conditions? and results? of operations?"
    r"| of results? of operations? and financial conditions?)?"
)
MARKET_RISK = (
    r"(?:quantitative and qualitative|qualitative and quantitative) disclosures? (?:about|of|on) market risks?"
)
ANNUAL = {
    "1": r"(?:description of )?(?:the )?business(?: overview)?",
    "1A": r"risk factors",
    "1B": r"unresolved staff comments",
    "1C": r"cyber ?security",
    "2": r"(?:description of )?propert(?:y|ies)",
    "3": r"legal proceedings",
    "4": r"mine safety disclosures?|submission of matters to a vote of security holders|\(?removed and reserved\)?",
    "5": r"market for (?:the )?(?:registrant|company|our)?.{0,30}?common (?:equity|stock).{0,130}",
    "6": r"selected (?:consolidated )?financial data|[\[(]?reserved[\])]?",
    "7": MD_A,
    "7A": MARKET_RISK,
    "8": r"(?:consolidated )?financial statements(?: and supplementa(?:ry|l) (?:financial )?(?:data|information))?",
    "9": r"changes in and disagreements with accountants.{0,60}",
    "9A": r"controls and procedures|disclosure controls and procedures",
    "9B": r"other information",
    "9C": r"disclosures? regarding foreign jurisdictions.{0,60}",
    "10": r"directors,?(?: and)? executive officers,? (?:and|of) .{0,50}|directors and executive officers",
    "11": r"executive compensation",
    "12": r"security ownership of certain beneficial owners.{0,80}",
    "13": r"certain relationships and related (?:party |person )?transactions.{0,50}",
    "14": r"principal account(?:ant|ing) fees and services",
    "15": r"exhibits?(?:,| and) financial statement schedules?.{0,40}",
    "16": r"form 10-k summary",
}
QUARTERLY = {
    "I-1": r"(?:condensed |consolidated |interim |unaudited )*financial statements(?: \(unaudited\))?",
    "I-2": MD_A,
    "I-3": MARKET_RISK,
    "I-4": r"controls and procedures",
    "II-1": r"legal proceedings",
    "II-1A": r"risk factors",
    "II-2": r"unregistered sales? of equity securities.{0,80}|changes in securities.{0,40}",
    "II-3": r"defaults? upon senior securities",
    "II-4": r"mine safety disclosures?|submission of matters to a vote of security holders",
    "II-5": r"other information",
    "II-6": r"exhibits?(?: and reports on form 8-k)?",
}
CURRENT = {
    "1.01": r"entry into an? (?:material )?definitive (?:material )?agreement",
    "1.02": r"termination of an? (?:material )?definitive (?:material )?agreement",
    "1.03": r"bankruptcy or receivership",
    "1.04": r"mine safety.{0,70}",
    "1.05": r"material cybersecurity incidents?",
    "2.01": r"completion of (?:an )?acquisition or disposition of assets",
    "2.02": r"results of operations and financial condition",
    "2.03": r"creation of a direct financial obligation.{0,120}",
    "2.04": r"triggering events that accelerate.{0,130}",
    "2.05": r"costs associated with exit or disposal activities",
    "2.06": r"material impairments?",
    "3.01": r"notice of delisting or failure to satisfy.{0,80}",
    "3.02": r"unregistered sales? of equity securities",
    "3.03": r"material modifications? to (?:the )?rights of security holders",
    "4.01": r"changes in registrant.?s certifying accountants?",
    "4.02": r"non-reliance on previously issued financial statements.{0,100}",
    "5.01": r"changes? in control of (?:the )?registrant",
    "5.02": r"departure of (?:certain )?(?:directors|officers|principal officers).{0,190}",
    "5.03": r"amendments? to (?:the )?articles of incorporation or bylaws.{0,40}",
    "5.05": r"amendments? to the registrant.?s code of ethics.{0,80}",
    "5.07": r"submission of matters to a vote of security holders",
    "5.08": r"shareholder director nominations",
    "7.01": r"regulation fd(?: disclosure)?",
    "8.01": r"other events",
    "9.01": r"financial statements(?:, pro forma financial information,?)? and exhibits",
}
FOREIGN = {
    "1": r"identity of directors,? senior management,? and advis[eo]rs",
    "2": r"offer statistics and expected timetable",
    "3": r"key information",
    "4": r"information on the company",
    "4A": r"unresolved staff comments",
    "5": r"operating and financial review and prospects",
    "6": r"directors,? senior management,? and employees",
    "7": r"major shareholders and related party transactions",
    "8": r"financial information",
    "9": r"the offer and listing",
    "10": r"additional information",
    "11": MARKET_RISK,
    "12": r"description of securities other than equity securities",
    "13": r"defaults,? dividend arrearages,? and delinquencies",
    "14": r"material modifications? to the rights of security holders.{0,30}",
    "15": r"(?:disclosure )?controls and procedures",
    "16A": r"audit committee financial experts?",
    "16B": r"code of ethics",
    "16C": r"principal account(?:ant|ing) fees and services",
    "16D": r"exemptions from the listing standards.{0,30}",
    "16E": r"purchases of equity securities.{0,60}",
    "16F": r"changes? in registrant.?s certifying accountants?",
    "16G": r"corporate governance",
    "16H": r"mine safety disclosures?",
    "16I": r"disclosures? regarding foreign jurisdictions.{0,60}",
    "16J": r"insider trading policies",
    "16K": r"cyber ?security",
    "17": r"financial statements",
    "18": r"financial statements",
    "19": r"exhibits",
}
TITLES = {"10-K": ANNUAL, "10-Q": QUARTERLY, "8-K": CURRENT, "20-F": FOREIGN}
# Its number may stand before a title without the word; what follows is nothing but a stop.
PATTERNS = {
    form: re.compile(
        r"(?:(?P<number>\d{1,2}(?:\.\d\d)?[A-K]?)\s*[.):|\u2013\u2014-]*\s*)?"
        rf"(?:{'|'.join(f'(?P<_{at}>{title})' for at, title in enumerate(titles.values()))})\s*[.:]?",
        re.I,
    )
    for form, titles in TITLES.items()
}
KEYS = {form: tuple(titles) for form, titles in TITLES.items()}


def family(form: str) -> str:
    """The form whose items a form has: 10-K405 and 10-KSB those of 10-K. Empty for forms without items."""
    return next((name for name in TITLES if form.startswith(name)), "")


def titled(line: str, form: str) -> str | None:
    """The item of a form whose title a line is, and no more than that. A 10-KSB has other titles."""
    pattern = PATTERNS.get(family(form))
    if pattern is None or len(line) > LONGEST_TITLE or form.startswith("10-KSB"):
        return None
    match = pattern.fullmatch(line)
    if match is None:
        return None
    key = next(KEYS[family(form)][int(name[1:])] for name, text in match.groupdict().items() if name[0] == "_" and text)
    return key if (match["number"] or "").upper() in ("", key.rpartition("-")[2]) else None


def any_title(line: str) -> bool:
    """Whether a line is the title of an item of some form."""
    return any(titled(line, form) is not None for form in TITLES)
