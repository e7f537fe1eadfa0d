"""National ids of persons: forms that are unmistakable, and bare digits where the text names the number."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from domain.text.fold import fold
from domain.text.privacy import Form
from domain.text.privacy.numbers import NOT_WITHIN, before, words_before

KIND = "national_id"

# Numbers whose writing is their own: the pattern, and the module of python-stdnum that checks date and check digits.
# A chance hit needs the form and the check, at best 1 in 11 and mostly below 1 in 23.
TELLING = {
    "br.cpf": r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    "be.nn": r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}",
    "ch.ssn": r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}",
    "cn.ric": r"[1-8][0-9]{5}(?:19|20)[0-9]{9}[0-9X]",
    "es.dni": r"[0-9]{8}-?[A-Z]",
    "es.nie": r"[XYZ]-?[0-9]{7}-?[A-Z]",
    "fi.hetu": r"[0-3][0-9][01][0-9]{3}[-A][0-9]{3}[0-9A-Y]",
    "fr.nir": r"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    "it.codicefiscale": r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]",
    "kr.rrn": r"[0-9]{6}-[0-9]{7}",
    "mx.curp": r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]",
}
# Numbers that are digits like others (a check digit of modulo 10 or 11 lets one in ten pass): words for them, one of
# which must stand before.
NAMED = {
    "au.tfn": "tfn|tax file",
    "bg.egn": "egn|егн",
    "br.cpf": "cpf",
    "ca.sin": "sin|social insurance",
    "cn.ric": "身份证",
    "cz.rc": "rodné|rodne|rc",
    "de.idnr": "steuer-id|steueridentifikation\\w*|identifikationsnummer|idnr|tin",
    "dk.cpr": "cpr",
    "ee.ik": "isikukood",
    "fi.hetu": "hetu|henkilötunnus",
    "gb.nhs": "nhs",
    "gr.amka": "amka|αμκα",
    "hr.oib": "oib",
    "id.nik": "nik|ktp",
    "ie.pps": "pps|ppsn",
    "il.idnr": "teudat zehut|תעודת זהות",
    "in_.aadhaar": "aadhaar|aadhar|uidai|आधार",
    "jp.in_": "my number|マイナンバー|個人番号",
    "lt.asmens": "asmens kodas",
    "my.nric": "nric|mykad",
    "nl.bsn": "bsn|burgerservicenummer|sofinummer",
    "no.fodselsnummer": "fødselsnummer|fodselsnummer|personnummer",
    "nz.ird": "ird",
    "pk.cnic": "cnic",
    "pl.pesel": "pesel",
    "pt.nif": "nif|contribuinte",
    "ro.cnp": "cnp",
    "se.personnummer": "personnummer|personal identity number",
    "si.emso": "emšo|emso",
    "sk.rc": "rodné|rodne",
    "th.pin": "เลขประจำตัวประชาชน|thai id",
    "tr.tckimlik": "t\\.?c\\.? ?kimlik|tckn",
    "us.itin": "itin|taxpayer identification",
    "za.idnr": "south african id|sa id|id number",
}
# A British National Insurance number has no check digit: its prefix (HMRC, NIM39110), and pairs apart or its name.
NINO = re.compile(
    r"(?=[A-Z])(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
    r" ?[0-9]{2}( ?)[0-9]{2}\1[0-9]{2}\1[A-D](?!\w)"
)
NINO_WORDS = re.compile(r"national insurance|\bnino\b|\bni (?:no|number)", re.IGNORECASE)
END = r"(?!\w|-\d|[.,]\d)"
# One pattern of them all, each under its name: a group's name has no dot.
ONE_OF = re.compile(
    f"(?=[0-9A-Z]){NOT_WITHIN}(?:"
    + "|".join(f"(?P<{name.replace('.', '__')}>{pattern}){END}" for name, pattern in TELLING.items())
    + ")"
)
DIGITS = re.compile("(?=[0-9])" + NOT_WITHIN + r"[0-9](?:[ ./-]?[0-9]){7,17}(?:[ -]?[A-Z]{1,2})?" + END)
# Each spelling as the folded text has it, in which they are sought, and the numbers that it names. A match takes up
# nothing, since one name may begin within another: "thai id number".
SPELLINGS = {
    spelling: tuple(name for name, spellings in NAMED.items() if spelling in spellings.split("|"))
    for spelling in dict.fromkeys("|".join(NAMED.values()).split("|"))
}
WORDS = re.compile(
    r"(?<!\w)(?=[^\W\d_])(?=(?:" + "|".join(f"({fold(spelling).text})" for spelling in SPELLINGS) + r")(?!\w))",
    re.IGNORECASE,
)
NAMES_OF = ((), *SPELLINGS.values())  # by the number of the group that matched


@lru_cache(maxsize=64)
def checker(name: str) -> Any:
    """A module of python-stdnum, such as ``nl.bsn``."""
    return import_module(f"stdnum.{name}")


def _telling(match: re.Match[str]) -> int:
    name = match.lastgroup or ""
    return len(match[0]) if checker(name.replace("__", ".")).is_valid(match[0]) else 0


def _nino(match: re.Match[str]) -> int:
    return len(match[0]) if match[1] or NINO_WORDS.search(before(match, 48)) else 0


def _named(match: re.Match[str]) -> int:
    names = named_in(words_before(match, 48))
    return len(match[0]) if any(checker(name).is_valid(match[0]) for name in names) else 0


@lru_cache(maxsize=1024)
def named_in(context: str) -> tuple[str, ...]:
    """The numbers that this text names."""
    return tuple(dict.fromkeys(name for word in WORDS.finditer(context) for name in NAMES_OF[word.lastindex or 0]))


NATIONAL_FORMS = (
    Form(KIND, ONE_OF, lambda places: places.digits, _telling),
    Form(KIND, NINO, lambda places: places.digits, _nino),
    Form(KIND, DIGITS, lambda places: places.digits, _named),
)
