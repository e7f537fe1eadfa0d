"""Ids and addresses with personal data masked as in texts, and still distinct."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from urllib.parse import unquote

from corpora.filters.privacy import ALL_FORMS
from corpora.web.signed import is_web, unsigned
from domain.text.privacy import find_all, masked

DIGITS = 12  # of SHA-256 behind a masked name, by which it is told from others that look alike
MASKED_NAME = re.compile(rf"<[A-Z_]+>.*~([0-9a-f]{{{DIGITS}}})\Z", re.DOTALL)


def digest(name: str) -> str:
    """What stands behind the masked form of a name."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:DIGITS]


def masked_names(names: Sequence[str]) -> list[str]:
    """Each name as it may stand in a corpus: ``<EMAIL>/3~9f86d081884c`` for one that holds an address, a URL without
    what signs it as ``https://host/a<SECRET>~9f86d081884c``, others as they are. What is masked follows from the name
    alone, so that one document has one name in all corpora."""
    open_names = [unsigned(name) if is_web(name) else name for name in names]
    matches = find_all(open_names, ALL_FORMS)
    answers = []
    for name, plain, finds in zip(names, open_names, matches, strict=True):
        secret = "<SECRET>" if plain != name else ""
        if not finds and "%" in plain and (unquoted := unquote(plain)) != plain:
            finds = find_all([unquoted], ALL_FORMS)[0]
            plain = unquoted if finds else plain
        answers.append(f"{masked(plain, finds)[0]}{secret}~{digest(name)}" if finds or secret else name)
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
        masked = {name for name in self.ids if (match := MASKED_NAME.search(name)) and match[1] in digests}
        return sorted(self.ids.difference(there, masked))

    def both(self) -> set[str]:
        """The ids, and their masked forms."""
        return {*self.ids, *masked_names(sorted(self.ids))}
