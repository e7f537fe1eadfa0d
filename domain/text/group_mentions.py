"""Whom a text speaks of: how often groups of people are mentioned, as a count and not a judgement."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from domain.text.lexicon import Lexicon, text_of, written
from domain.text.words import Split

# English terms of our own, by axis and group. The axes are those of CrowS-Pairs (Nangia et al. 2020, arXiv 2010.00133)
# without appearance and status. A term that is also another word stands with what makes it plain ("black people", not
# "black": black market), and one with a capital counts with a capital only ("Polish", "Turkey" apart).
TERMS: dict[str, dict[str, str]] = {
    "gender": {
        "women": "woman, women, female, females, girl, girls, she, her, hers, herself, lady, ladies, mother, mothers, "
        "daughter, daughters, wife, wives, sister, sisters, chairwoman, businesswoman, spokeswoman",
        "men": "man, men, male, males, boy, boys, he, him, his, himself, gentleman, gentlemen, father, fathers, "
        "son, sons, husband, husbands, brother, brothers, chairman, businessman, spokesman",
        "non-binary": "non binary, nonbinary, genderqueer, transgender, trans people, trans woman, trans women, "
        "trans man, trans men, intersex",
    },
    "religion": {
        "Christians": "christian, christians, christianity, catholic, catholics, protestant, protestants, evangelical, "
        "evangelicals, orthodox church, Mormon, Mormons",
        "Muslims": "muslim, muslims, islam, islamic, sunni, sunnis, shia, shiite, shiites",
        "Jews": "jew, jews, jewish, judaism",
        "Hindus": "hindu, hindus, hinduism",
        "Buddhists": "buddhist, buddhists, buddhism",
        "Sikhs": "sikh, sikhs, sikhism",
        "atheists": "atheist, atheists, atheism, agnostics",
    },
    "ethnicity": {
        "Black people": "african american, african americans, black people, black person, black man, black men, "
        "black woman, black women, black community, black communities, black americans, blacks, afro caribbean",
        "white people": "white people, white person, white man, white men, white woman, white women, white americans, "
        "caucasian, caucasians, whites",
        "Hispanic people": "hispanic, hispanics, latino, latinos, latina, latinas, latinx, chicano, chicanos",
        "Asian people": "asian american, asian americans, asian people, asian man, asian men, asian woman, "
        "asian women, asians",
        "Indigenous people": "native american, native americans, american indian, american indians, indigenous people, "
        "indigenous peoples, aboriginal, aboriginals, first nations, Inuit, Maori",
        "Roma": "Roma people, Romani, gypsy, gypsies, sinti",
        "Arabs": "arab, arabs",
    },
    "nationality": {
        "Americans": "Americans",
        "British": "Briton, Britons, British people, Englishman, Englishmen, Scots, Scotsman, Welshman",
        "Chinese": "Chinese people, Chinese nationals, Chinese citizens, Chinese workers",
        "French": "French people, Frenchman, Frenchmen, Frenchwoman",
        "Germans": "German people, Germans",
        "Indians": "Indian people, Indians",
        "Japanese": "Japanese people, Japanese nationals, Japanese citizens, Japanese workers",
        "Mexicans": "Mexicans",
        "Russians": "Russians",
        "immigrants": "immigrant, immigrants, migrant, migrants, refugee, refugees, asylum seeker, asylum seekers, "
        "foreigner, foreigners",
    },
    "age": {
        "the young": "young people, young person, youth, youths, teenager, teenagers, adolescent, adolescents, "
        "millennials, child, children",
        "the old": "elderly, old people, older people, older adults, old man, old woman, old men, old women, "
        "senior citizen, senior citizens, pensioner, pensioners, retiree, retirees",
    },
    "disability": {
        "disabled people": "disabled, disability, disabilities, handicapped, wheelchair user, wheelchair users, "
        "blind people, blind person, blind man, blind woman, deaf, autistic, autism, paraplegic, down syndrome, "
        "mental illness, mentally ill, learning difficulties",
    },
    "orientation": {
        "gay and lesbian people": "gay, gays, lesbian, lesbians, homosexual, homosexuals, same sex, queer",
        "bisexual people": "bisexual, bisexuals",
        "LGBT": "lgbt, lgbtq, lgbtqia",
        "heterosexual people": "heterosexual, heterosexuals, straight people",
    },
}
GROUPS: tuple[str, ...] = tuple(f"{axis}: {group}" for axis, groups in TERMS.items() for group in groups)


@lru_cache(maxsize=1)
def _lexicon() -> tuple[Lexicon, np.ndarray, np.ndarray]:
    """(the terms, the group of each: int64, whether each needs a capital: bool)."""
    lists = [terms.split(", ") for groups in TERMS.values() for terms in groups.values()]
    terms = [term for each in lists for term in each]
    group = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    return Lexicon(terms), group, np.array([term[0].isupper() for term in terms])


def mentions(split: Split) -> np.ndarray:
    """int64 [texts, groups]: how often each of ``GROUPS`` is mentioned in each text."""
    lexicon, group, proper = _lexicon()
    places, terms = lexicon.find(split)
    keep = np.ones(len(places), dtype=bool)
    named = np.flatnonzero(proper[terms])
    keep[named] = [word[0].isupper() for word in written(split, places[named])]
    places, terms = places[keep], terms[keep]
    cells = text_of(split, places) * len(GROUPS) + group[terms]
    return np.bincount(cells, minlength=len(split) * len(GROUPS)).reshape(len(split), len(GROUPS)).astype(np.int64)
