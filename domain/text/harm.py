"""How harmful a text is, by the density of abusive words: a first scorer, fast and explainable."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

# Words of abuse and obscenity with their weight: 1 for slurs against groups, less for words that are
# also used without harm. In ROT13, so that reading or searching this code does not mean meeting them.
_HIDDEN = {
    1.0: "avttre avttref avttn avttnf snttbg snttbgf snt sntf xvxr xvxrf fcvp fcvpf puvax puvaxf jrgonpx jrgonpxf pbba "
    "pbbaf genaal genaavrf qlxr qlxrf entbcrnq entbcrnqf gbjryurnq tbbx tbbxf cnxvf jbt jbtf erqarpx erqarpxf "
    "uvyyovyyl juvgrl pubybf orrare cvpxnavaal zhqfunex qnexvr qnexvrf tlccb",
    0.8: "phag phagf juber juberf fyhg fyhgf ovgpu ovgpurf uneybg gjng ergneq ergneqf ergneqrq zbgureshpxre "
    "zbgureshpxref pbpxfhpxre pbpxfhpxref encvfg encrq",
    0.5: "ubr ubrf chffl chffvrf shpx shpxf shpxrq shpxre shpxvat shpxva nffubyr nffubyrf qvpxurnq cevpx gvgf cbea "
    "oybjwbo jnax jnaxre onfgneq onfgneqf",
    0.3: "fuvg fuvgf fuvggl ohyyfuvg penc qnza nff nffrf qvpx pbpx cvff cvffrq fhpxf vqvbg vqvbgf zbeba zbebaf fghcvq",
}
WEIGHTS = {word: weight for weight, hidden in _HIDDEN.items() for word in codecs.decode(hidden, "rot13").split()}
HALF = 0.02  # weighted hits per word at which the score is one half: about one slur in a tweet of 50 words


def harm_score(words: Iterable[str]) -> float:
    """0 (none found) to 1, rising with weighted hits per word; one quoted slur in a long text stays near 0."""
    count, weight = 0, 0.0
    for word in words:
        count += 1
        weight += WEIGHTS.get(word, 0.0)
    density = weight / count if count else 0.0
    return density / (density + HALF)
