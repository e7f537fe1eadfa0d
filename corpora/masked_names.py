"""Ids and addresses without what identifies a person: masked as texts are, and still each its own name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from urllib.parse import unquote

from corpora.filters.privacy import ALL_FORMS
from domain.text.privacy import find_all, masked

DIGITS = 12  # of SHA-256 behind a masked name, by which it is told from others that look alike
MASKED_NAME = re.compile(rf"<[A-Z_]+>.*~([0-9a-f]{{{DIGITS}}})\Z", re.DOTALL)


def digest(name: str) -> str:
    """What stands behind the masked form of a name."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:DIGITS]


def masked_names(names: Sequence[str]) -> list[str]:
    """Each name as it may stand in a corpus: ``<EMAIL>/3~9f86d081884c`` for one that holds an address, others as they
    are. What is masked follows from the name alone, so that one document has one name in all corpora."""
    matches = find_all(names, ALL_FORMS)
    answers = []
    for name, finds in zip(names, matches, strict=True):
        plain = name
        if not finds and "%" in name and (plain := unquote(name)) != name:
            finds = find_all([plain], ALL_FORMS)[0]
        answers.append(f"{masked(plain, finds)[0]}~{digest(name)}" if finds else name)
    return answers


class Names:
    """Ids by which somebody asks for documents: as raw texts have them, or masked as in corpora."""

    def __init__(self, ids: Collection[str]) -> None:
        self.ids = frozenset(ids)
        self.digests = {match[1] for name in self.ids if (match := MASKED_NAME.search(name))}

    def __contains__(self, name: str) -> bool:
        """Whether a raw text's id is one of them, in either form."""
        return name in self.ids or (bool(self.digests) and digest(name) in self.digests)

    def missing(self, there: Collection[str]) -> list[str]:
        """Those that are not among raw texts' ids, sorted."""
        digests = {digest(name) for name in there} if self.digests else set()
        known = {name for name in self.ids if (match := MASKED_NAME.search(name)) and match[1] in digests}
        return sorted(self.ids.difference(there, known))

    def both(self) -> set[str]:
        """The ids, and their masked forms."""
        return {*self.ids, *masked_names(sorted(self.ids))}
