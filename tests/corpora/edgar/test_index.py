from __future__ import annotations

from datetime import date

from corpora.edgar.index import IndexEntry, Quarter, days, entries, quarters

# Real rows, in the three layouts that EDGAR has had: 12 columns for the form, 17, and days without hyphens.
QUARTERLY = """Description:           Master Index of EDGAR Dissemination Feed by Form Type
Last Data Received:    March 31, 1995

Form Type   Company Name                                                  CIK         Date Filed  File Name
---------------------------------------------------------------------------------------------------------------------
10-12B      COMPREHENSIVE CARE CORP                                       22872       1995-01-13  edgar/data/22872/0000022872-95-000004.txt           \n\
10-12B/A    COMPUTER SCIENCES CORP                                        23082       1995-02-07  edgar/data/23082/0000912057-95-000343.txt           \n\
"""  # noqa: E501
DAILY = """Description:           Daily Index of EDGAR Dissemination Feed by Form Type
Form Type   Company Name                       CIK        Date Filed    File Name
----------- -------------------------------- --------- ------------ ----------------------------
25          Constellation Acquisition Corp I   1834032    20240102      edgar/data/1834032/0001213900-24-000306.txt
25-NSE      NEW YORK STOCK EXCHANGE LLC        876661     20240102      edgar/data/876661/0000876661-24-000002.txt
10-K             ADM TRONICS UNLIMITED, INC.                                   849401      20260710    edgar/data/849401/0001437749-26-023316.txt
NT 10-K          LATE 10-K  20260102 CORP                                      7654321     20260710    edgar/data/7654321/0007654321-26-000003.txt
not a row at all
"""  # noqa: E501


def test_rows_of_every_layout() -> None:
    assert list(entries(QUARTERLY, ["10-12B"])) == [IndexEntry("1995-01-13", "0000022872-95-000004", 22872, "10-12B")]
    assert [each.form for each in entries(QUARTERLY, ["10-12B", "10-12B/A"])] == ["10-12B", "10-12B/A"]
    found = list(entries(DAILY, ["25", "10-K", "NT 10-K"]))
    assert [(each.form, each.filed, each.cik) for each in found] == [
        ("25", "2024-01-02", 1834032), ("10-K", "2026-07-10", 849401), ("NT 10-K", "2026-07-10", 7654321),
    ]  # fmt: skip
    assert found[1].file == "edgar/data/849401/0001437749-26-023316.txt"
    assert found[1].page == (
        "https://www.sec.gov/Archives/edgar/data/849401/000143774926023316/0001437749-26-023316-index.htm"
    )


def test_quarters_and_days() -> None:
    assert [str(each) for each in quarters(date(2023, 11, 30), date(2024, 4, 1))] == [
        "2023/QTR4", "2024/QTR1", "2024/QTR2",
    ]  # fmt: skip
    assert list(quarters(date(2024, 5, 1), date(2024, 3, 31))) == []
    assert Quarter.of(date(2024, 9, 30)) == Quarter(2024, 3)
    names = ["form.20240103.idx", "master.20240102.idx", "form.20240102.idx.gz", "form.940103.idx", "sitemap.xml"]
    assert days(names) == {date(2024, 1, 2): "form.20240102.idx.gz", date(2024, 1, 3): "form.20240103.idx"}
