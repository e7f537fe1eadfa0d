"""Labels each document with its language, and drops languages that are not allowed."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from corpora.document import Document
from corpora.filters.filter import Drop, Filter, FilterAnswer, Label
from corpora.filters.identify import CHARACTERS, LANGUAGES, WORLD, Identified, identifier
from domain.spec import Share
from domain.text.words import Split

LEAST = 0.5  # probability from which a language is believed, where a recipe says no other
LETTERS = 20  # fewer tell no language
ASCII_LETTERS = string.ascii_letters.encode()
UNDETERMINED = "und"  # as ISO 639-2 has it


def with_thresholds(value: Any) -> Any:
    """A list of languages is short for each with the usual threshold."""
    return dict.fromkeys(value, LEAST) if isinstance(value, list | tuple) else value


def identifiable(value: dict[str, float]) -> dict[str, float]:
    """Raises ``ValueError`` for a language that cannot be identified."""
    for code in value:
        if code not in LANGUAGES or code == "zxx":
            raise ValueError(
                f"{code!r} is not a language that can be identified; write ISO 639 codes such as en, de, zh"
            )
    return value


class Language(Filter):
    """Keeps the languages of ``allow``, told apart from the main languages of the world; without it, all.

    Undetermined (``und``) is what has few letters or is unlike the text of all these languages, such as what is in
    another one, and where the likeliest one is not believed.
    It stays, as the language that its source states, if any; another one than those allowed goes. What a source states
    counts only there, since feeds and pages are often wrong about it.
    """

    libraries = ("py3langid",)

    kind: Literal["language"] = "language"
    allow: Annotated[
        dict[str, Share],
        BeforeValidator(with_thresholds),
        AfterValidator(identifiable),
        Field(description="languages to keep, or with the probability to believe each: {en: 0.65}; none: all"),
    ] = {}  # noqa: RUF012
    undetermined: Annotated[Literal["keep", "drop"], Field(description="what is done with ``und``")] = "keep"

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Label or drop each."""
        candidates = tuple(sorted({*WORLD, *self.allow}))
        identified = identifier().identify(split.texts, candidates)
        rows = zip(documents, split.texts, identified, strict=True)
        return [self.verdict(document.language, text, best) for document, text, best in rows]

    def verdict(self, stated: str | None, text: str, best: Identified) -> FilterAnswer:
        """What follows from what was identified, and from what the source states."""
        language, score, _ = best
        if believed(best, self.allow.get(language, LEAST)) and has_letters(text):
            if not self.allow or language in self.allow:
                return Label(language, score)
            return Drop(f"language: {language}", f"{score:.2f}", score)
        code = (stated or UNDETERMINED).replace("_", "-").partition("-")[0].lower()
        if code in LANGUAGES:
            return None if not self.allow or code in self.allow else Drop(f"language: {code}", "as its source states")
        if self.undetermined == "drop":
            return Drop(f"language: {UNDETERMINED}", f"{language} {score:.2f}", score)
        return Label(UNDETERMINED, 0.0)


def believed(best: Identified, least: float = LEAST) -> bool:
    """Whether a text with letters is taken to be in its likeliest language."""
    return best.language != "zxx" and best.familiar and best.probability >= least


def has_letters(text: str) -> bool:
    """Whether there are enough in what is looked at."""
    return any(letter_count(text[:size]) >= LETTERS for size in (4 * LETTERS, CHARACTERS))


def letter_count(text: str) -> int:
    """How many letters there are."""
    if text.isascii():
        return len(text) - len(text.encode().translate(None, ASCII_LETTERS))
    return sum(map(str.isalpha, text))
