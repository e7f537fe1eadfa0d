"""Licences under one spelling each, so that an allow-list can be kept."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata

from pydantic import Field

from domain.spec import Spec

# Classifiers and free texts of Python distributions, by what they begin with or contain, to SPDX ids.
CLASSIFIERS = (
    (r"apache.*2|^apache software", "apache-2.0"),
    (r"\b3[- ]clause|^new bsd|modified bsd|bsd-3", "bsd-3-clause"),
    (r"\b2[- ]clause|simplified bsd|bsd-2", "bsd-2-clause"),
    (r"^bsd", "bsd-3-clause"),
    (r"mit-cmu", "mit-cmu"),
    (r"^(the )?mit\b", "mit"),
    (r"python software foundation|^psf|^python-2", "psf-2.0"),
    (r"mozilla.*2|mpl.*2", "mpl-2.0"),
    (r"^isc", "isc"),
    (r"^hpnd|historical permission", "hpnd"),
    (r"lesser general.*3|lgpl.*3", "lgpl-3.0"),
    (r"lesser general|lgpl", "lgpl-2.1"),
    (r"gpl.*3|general public license v3", "gpl-3.0"),
    (r"gpl.*2|general public license v2", "gpl-2.0"),
    (r"unlicense", "unlicense"),
    (r"public domain", "public-domain"),
)
TOKEN = re.compile(r"[()]|[^\s()]+")


class Licences(Spec):
    """Whose text may be trained on. ``unknown`` allows documents that state no licence."""

    allow: tuple[str, ...] = Field(description="licences as SPDX ids or the team's own names, such as internal")

    def permits(self, licence: str | None) -> bool:
        """Whether text of this licence may be used.

        All sides of an "A and B" must be on the list, one side of an "A or B"; ``and`` binds tighter, brackets
        group (SPDX 2.3, annex D). A name that is on the list as it stands needs no reading.
        """
        allowed = {normal(name) for name in self.allow}
        stated = normal(licence or "unknown")
        return stated in allowed or holds(TOKEN.findall((licence or "unknown").lower()), allowed)


def holds(tokens: list[str], allowed: set[str]) -> bool:
    """Whether a licence expression is covered; a malformed one is not."""
    position = 0

    def either() -> bool:
        nonlocal position
        answer = both()
        while tokens[position : position + 1] == ["or"]:
            position += 1
            answer = both() or answer
        return answer

    def both() -> bool:
        nonlocal position
        answer = one()
        while tokens[position : position + 1] == ["and"]:
            position += 1
            answer = one() and answer
        return answer

    def one() -> bool:
        nonlocal position
        if tokens[position : position + 1] == ["("]:
            position += 1
            answer = either()
            closed = tokens[position : position + 1] == [")"]
            position += 1
            return answer and closed
        words = []
        while position < len(tokens) and tokens[position] not in ("and", "or", "(", ")"):
            words.append(tokens[position])
            position += 1
        return normal(" ".join(words)) in allowed

    answer = either()
    return answer and position == len(tokens)


def normal(licence: str) -> str:
    """Lower case, hyphens for spaces and the punctuation before them: ``CC BY-SA`` and ``cc-by-sa`` are one."""
    return re.sub(r"[:;,]*[\s_]+", "-", licence.strip().lower())


def named(text: str) -> str | None:
    """The SPDX id of a licence's name or first words; None where they are not known."""
    return next((name for pattern, name in CLASSIFIERS if re.search(pattern, text.strip().lower())), None)


def of_distribution(metadata: PackageMetadata) -> str | None:
    """The licence of an installed distribution: its SPDX expression, else its free text, else its classifiers.

    Where it states several, all of them count, unless it says "or".
    """
    fields = metadata.json  # names in lower case with underscores (PEP 566)
    if expression := fields.get("license_expression"):
        return " ".join(str(expression).lower().split())
    # A free text may be the whole licence: then its first line names it.
    free = str(fields.get("license") or "").strip()
    first = " ".join((free.splitlines() or [""])[0][:200].split())
    pieces = re.split(r"(\s+(?:and|or)\s+|[()])", first.lower())
    parts = [piece.strip() for piece in pieces[::2]]
    if len(pieces) > 1 and all(named(part) or re.fullmatch(r"[\w.+-]*", part) for part in parts):
        names = [piece if i % 2 else named(piece) or normal(piece) for i, piece in enumerate(pieces)]
        return " ".join("".join(names).split())
    if name := named(first):
        return name
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    names = [named(text) or normal(text) for text in classifiers if text != "OSI Approved"]
    return " and ".join(dict.fromkeys(names)) or None
