"""Writes ``domain/text/quality/languages.tsv`` from a clone of github.com/huggingface/fineweb-2 (Apache-2.0).

    git clone https://github.com/huggingface/fineweb-2 && python -m tests.language_data fineweb-2

Read there: ``configs/<language>.yml``, the settings with which FineWeb-2 (arXiv 2506.20920) was filtered, and
``misc/precision_filtering/wordlists-0.85/<language>.txt``, words by how often they stand in GlotLID's corpus. Of the
latter only their commonest words and which letters attract each other are taken. Commit d0defb24 gave the file.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import yaml

from domain.text.quality.languages import DATA, SCRIPTS_WITHOUT_SPACES
from domain.text.quality.letters import inner_letters

NAMES = {
    "am": "amh_Ethi", "ar": "arb_Arab", "az": "azj_Latn", "be": "bel_Cyrl", "bg": "bul_Cyrl", "bn": "ben_Beng",
    "ca": "cat_Latn", "cs": "ces_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek", "en": "eng_Latn",
    "es": "spa_Latn", "et": "ekk_Latn", "eu": "eus_Latn", "fa": "fas_Arab", "fi": "fin_Latn", "fr": "fra_Latn",
    "gu": "guj_Gujr", "he": "heb_Hebr", "hi": "hin_Deva", "hr": "hrv_Latn", "hu": "hun_Latn", "hy": "hye_Armn",
    "id": "ind_Latn", "is": "isl_Latn", "it": "ita_Latn", "ja": "jpn_Jpan", "ka": "kat_Geor", "kk": "kaz_Cyrl",
    "km": "khm_Khmr", "kn": "kan_Knda", "ko": "kor_Hang", "lo": "lao_Laoo", "lt": "lit_Latn", "lv": "lvs_Latn",
    "mk": "mkd_Cyrl", "ml": "mal_Mlym", "mn": "khk_Cyrl", "mr": "mar_Deva", "my": "mya_Mymr", "ne": "npi_Deva",
    "nl": "nld_Latn", "no": "nob_Latn", "pa": "pan_Guru", "pl": "pol_Latn", "ps": "pbt_Arab", "pt": "por_Latn",
    "ro": "ron_Latn", "ru": "rus_Cyrl", "si": "sin_Sinh", "sk": "slk_Latn", "sl": "slv_Latn", "sq": "als_Latn",
    "sr": "srp_Cyrl hrv_Latn", "sv": "swe_Latn", "sw": "swh_Latn", "ta": "tam_Taml", "te": "tel_Telu",
    "th": "tha_Thai", "tl": "fil_Latn", "tr": "tur_Latn", "uk": "ukr_Cyrl", "ur": "urd_Arab", "uz": "uzn_Latn uzn_Cyrl",
    "vi": "vie_Latn", "zh": "cmn_Hani",
}  # fmt: skip
RARE = 3e-5  # pairs below this share of all are left out
RARER = dict.fromkeys(("zh", "ja"), 2e-5) | {"ko": 2e-5}
JOINED = ("kan_Knda", "mal_Mlym", "tam_Taml", "tel_Telu")  # what are words elsewhere are endings there: none is asked
COMMONEST = 40  # words of a list that join the stop words of the settings
SETTLED = 10  # added to a word's place in its list, of which its frequency is taken to be the inverse (Zipf)
ENGLISH = {"min_avg_word_length": 2.5, "max_avg_word_length": 10, "line_punct_thr": 0.12, "new_line_ratio": 0.3}
GOPHER = ["the", "be", "to", "of", "and", "that", "have", "with"]


def words(root: Path, name: str) -> Iterator[tuple[str, float]]:
    """The words of a list, and about how often each stands."""
    lines = (root / "misc/precision_filtering/wordlists-0.85" / f"{name}.txt").read_text("utf-8").split("\n")
    for place, word in enumerate(lines):
        if word.strip() and not word.strip().isdigit():
            yield unicodedata.normalize("NFC", word.strip().lower()), 1 / (place + SETTLED)


def attracting(root: Path, code: str) -> list[str]:
    """Neighbouring letters that stand together oftener than chance has it; a space is the edge of a word."""
    pairs, first, second = Counter[str](), Counter[str](), Counter[str]()
    for name in NAMES[code].split():
        for word, weight in words(root, name):
            for run in inner_letters(word):
                edged = run if code in SCRIPTS_WITHOUT_SPACES else f" {run} "
                for one, other in pairwise(edged):
                    pairs[one + other] += weight
                    first[one] += weight
                    second[other] += weight
    total = sum(pairs.values())
    least = RARER.get(code, RARE) * total
    return sorted(p for p, n in pairs.items() if n > least and n * total > first[p[0]] * second[p[1]])


def row(root: Path, code: str) -> str:
    """A language's line."""
    name = NAMES[code].split()[0]
    if code == "en":
        settings, stop = ENGLISH, GOPHER
    else:
        settings = yaml.safe_load((root / "configs" / f"{name}.yml").read_text("utf-8"))
        stop = [word for each in NAMES[code].split() for word in commonest(root, each)]
    least = min(2.5, max(1, settings["min_avg_word_length"]))
    most = max(10, settings["max_avg_word_length"])
    numbers = (least, most, settings["line_punct_thr"], min(0.3, settings["new_line_ratio"]))
    return "\t".join([code, *(f"{n:g}" for n in numbers), " ".join(stop), "".join(attracting(root, code))])


def commonest(root: Path, name: str) -> list[str]:
    """The stop words of the settings, and the first words of the list; without what is no word."""
    settings = yaml.safe_load((root / "configs" / f"{name}.yml").read_text("utf-8"))
    if name in JOINED:
        return []
    both = [*settings["stopwords"], *[word for word, _ in words(root, name)][:COMMONEST]]
    plain = {unicodedata.normalize("NFC", str(word).lower()) for word in both} - {"the"}
    return sorted(word for word in plain if inner_letters(word) == [word] and any(map(str.isalpha, word)))


if __name__ == "__main__":
    DATA.write_text("".join(row(Path(sys.argv[1]), code) + "\n" for code in sorted(NAMES)), "utf-8")
