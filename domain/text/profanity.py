"""A word list as a scorer: the density of abusive words and phrases, by category; fast, and it can say why."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from domain.errors import UserError
from domain.text.lexicon import Lexicon, text_of, written
from domain.text.scorers.scores import Scores
from domain.text.words import Split

HALF = 0.02  # weighted finds per word at which the score is one half: about one slur in a tweet of 50 words

# Terms by category and weight: 1 for slurs and threats, less for words that are also used without harm. In ROT13, so
# that reading or searching this code does not mean meeting them.
_HIDDEN: dict[str, dict[float, str]] = {
    "slurs": {
        1.0: "avttre, avttref, avttn, avttnf, avtyrg, avtyrgf, snttbg, snttbgf, snt, sntf, xvxr, xvxrf, fcvp, fcvpf, "
        "puvax, puvaxf, jrgonpx, jrgonpxf, pbba, pbbaf, enturnq, enturnqf, gbjryurnq, gbjryurnqf, tbbx, tbbxf, "
        "jbt, jbtf, cnxv, cnxvf, xnssve, xnssvef, ornare, ornaref, cvpxnavaal, wvtnobb, wvtnobbf, zhqfunex, "
        "qnexvr, qnexvrf, tlccb, tlccbf, fnaqavttre, mvccreurnq, mvccreurnqf, cbepu zbaxrl, cbepu zbaxrlf",
        0.8: "genaal, genaavrf, pubybf, juvgrl, ergneq, ergneqf, ergneqrq",
        0.5: "qlxr, qlxrf, erqarpx, erqarpxf, uvyyovyyl, fcnfgvp, ubzbf, juvgr genfu, genvyre genfu",
    },
    "obscenity": {
        0.8: "phag, phagf, juber, juberf, fyhg, fyhgf, ovgpu, ovgpurf, uneybg, gjng, zbgureshpxre, zbgureshpxref, "
        "pbpxfhpxre, pbpxfhpxref",
        0.5: "ubr, ubrf, shpx, shpxf, shpxrq, shpxre, shpxref, shpxvat, shpxva, nffubyr, nffubyrf, qvpxurnq, "
        "qvpxurnqf, cevpx, jnax, jnaxre, jnaxref, onfgneq, onfgneqf",
        0.3: "fuvg, fuvgf, fuvggl, ohyyfuvg, penc, qnza, nff, nffrf, qvpx, pbpx, cvff, cvffrq, fhpxf, vqvbg, vqvbgf, "
        "zbeba, zbebaf, fghcvq",
    },
    "sexual": {
        0.8: "phzfubg, phzfubgf, tnatonat, tnatonatf, ohxxnxr, pernzcvr, qrrcguebng, unaqwbo, unaqwbof, oybjwbo, "
        "oybjwbof",
        0.5: "chffl, chffvrf, gvgf, cbea, zvys, zvysf, uragnv, qvyqb, qvyqbf, hcfxveg, pnztveyf, frk gncr, oneryl "
        "yrtny, yvir frk",
    },
    "threats": {
        1.0: "xlf, xvyy lbhefrys, xvyy hefrys, xvyy lbhe frys, unat lbhefrys, tb qvr, ubcr lbh qvr, ubcr gurl qvr, v "
        "jvyy xvyy lbh, v yy xvyy lbh, tbaan xvyy lbh, tbvat gb xvyy lbh, encr lbh, fyvg lbhe guebng, orng lbh gb "
        "qrngu, fubbg gurz nyy, xvyy gurz nyy, tnf gur wrjf, xvyy nyy wrjf, xvyy nyy zhfyvzf, xvyy nyy oynpxf, "
        "xvyy nyy juvgrf, xvyy nyy tnlf, fubhyq or ylapurq, ylapu gurz, fgevat gurz hc",
    },
}
# Phrases of trades and nature in which such a word is harmless, and words that are also names.
_HARMLESS = (
    "nff a, fcvp naq fcna, puvax va, puvaxf va, znvar pbba, znvar pbbaf, xnssve yvzr, xnssve yvzrf, xnssve pbea, "
    "zragnyyl ergneqrq, tebjgu ergneqrq, ergneqrq ol, ergneqrq tebjgu, ergneq tebjgu, ergneq gur, gb ergneq, qlxr "
    "fjnez, qlxr fjnezf, znsvp qlxr, znsvp qlxrf, fcnfgvp cnenylfvf, fcnfgvp qvcyrtvn, fcnfgvp dhnqevcyrtvn, "
    "tneqra ubr, tneqra ubrf, unaq ubr, unaq ubrf, onpx ubr, onpx ubrf, ebgnel ubr, fxva cevpx, cva cevpx, svatre "
    "cevpx, urry cevpx, cevpx grfg, cevpx grfgf, jvyq nff, jvyq nffrf, pbpx cvg, pbpx cvgf, fgbc pbpx, fgbc "
    "pbpxf, pbpx naq ohyy, onyy pbpx, ghexrl pbpx, jrngure pbpx, unl pbpx, chffl jvyybj, chffl jvyybjf, chffl "
    "evbg, chffl png, chffl pngf, terng gvgf, oyhr gvgf, pbny gvgf, jvyybj gvgf, znefu gvgf, perfgrq gvgf, gnvyrq "
    "gvgf, zbol qvpx, gbz qvpx, hfrshy vqvbg, bkl zbeba, eriratr cbea ynj, cbea ynjf, penc tnzr, penc tnzrf, penc "
    "gnoyr, oynpxohea ubr, cylzbhgu ubr"
)
_NAMES = "qvpx, qlxr, qlxrf, pbba, pbbaf, pbpx, ubr, onfgneq, zbeba, uneybg"


class WordList:
    """``terms`` are (category, weight, word or phrase). What lies within a phrase of ``harmless`` is not counted,
    nor is a word of ``names`` that begins with a capital: "Dick Cheney".
    """

    def __init__(
        self,
        terms: Iterable[tuple[str, float, str]],
        harmless: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        categories, weights, hashes = zip(*terms, strict=True)
        self.labels = tuple(dict.fromkeys(categories))
        self.category = np.array([self.labels.index(each) for each in categories], dtype=np.int64)
        self.weight = np.array(weights)
        self.lexicon = Lexicon(hashes)
        self.harmless = Lexicon(harmless)
        named = frozenset(names)
        self.is_name = np.array([term in named for term in hashes])

    def score(self, split: Split) -> Scores:
        """0 (nothing found) to 1, rising with weighted finds per word; one quoted slur in a long text stays near 0."""
        places, terms = self.lexicon.find(split)
        places, terms = self.meant(split, places, terms)
        texts = text_of(split, places)
        count = len(self.labels)
        sums = np.bincount(texts * count + self.category[terms], self.weight[terms], len(split) * count)
        by_category = sums.reshape(len(split), count)
        density = by_category.sum(axis=1) / np.maximum(1, np.diff(split.offsets))
        return Scores(density / (density + HALF), self.labels, by_category.argmax(axis=1))

    def meant(self, split: Split, places: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The finds that are no names and do not lie in a harmless phrase."""
        if not len(places):
            return places, terms
        excused = np.zeros(len(split.hashes) + 1, dtype=np.int64)  # +1 where a harmless phrase begins, -1 behind it
        begins, which = self.harmless.find(split)
        np.add.at(excused, begins, 1)
        np.add.at(excused, begins + self.harmless.lengths[which], -1)
        keep = np.cumsum(excused)[places] == 0
        named = np.flatnonzero(keep & self.is_name[terms])
        keep[named] = [word.islower() or word.isupper() for word in written(split, places[named])]
        return places[keep], terms[keep]


@lru_cache(maxsize=1)
def built_in() -> WordList:
    """The list that ships."""
    terms = [
        (category, weight, term)
        for category, by_weight in _HIDDEN.items()
        for weight, hidden in by_weight.items()
        for term in _shown(hidden)
    ]
    return WordList(terms, harmless=_shown(_HARMLESS), names=_shown(_NAMES))


def read_list(path: Path) -> WordList:
    """A list of one's own: UTF-8, a word or phrase a line, each of weight 1; a line without letters is none.

    Raises ``UserError``.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(
            str(path), f"cannot be read ({reason})", "name a text file with a word or phrase a line"
        ) from None
    terms = [line for line in map(str.strip, lines) if any(map(str.isalnum, line))]
    if not terms:
        raise UserError(str(path), "holds no word", "write a word or phrase a line")
    return WordList(("listed words", 1.0, term) for term in terms)


def _shown(hidden: str) -> list[str]:
    return codecs.decode(hidden, "rot13").split(", ")
