"""Texts with numbers that are no phones, whichever forms of phones are looked for."""

NO_PHONES = [
    "$212-555-0134, 2015-2016-2017 and 10-20-30",
    "01 02 03 04 05 06 07 08 09 10",
    "a call option on 5000000 shares at 467 3395",
    "in office 2015-2019, office: 2015-2019, call me on 2017-12-31",
    "phone sales of 1,234,567 and 12.345678",
    "Total 467 3395 737 219 628",
    "telephone lines: 12345 in 2015",
    "Kearney, NE 68848-1480 phone :",
    "accession number 0000950123-10-012345",
    "Boston, MA 02110-1301, Newark NJ 07102 1234 and 03/31/08 03/31/09",
    "arXiv 0909.4061, doi 10.1088/0026-1394/44/2/003 and ISSN 0026-1394",
    "2019-05-18T15:17:08.132263, 2013-01-01 00:00:00-05:00 2013-01-03 00:00, 0300-01-01, 2015/02/03 11-22-33",
    "array([+0.32456184, +1.12345679, + 14285714.286]) and +1980-02-29 01:02",
    "01 02 03 04 05, 05 10 15 20 25 and 160 = 1010 0000, 64 = 0100 0000",
]
