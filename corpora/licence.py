"""Licences under one spelling each, so that an allow-list can be kept."""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata

from pydantic import Field

from domain.spec import Spec

# Classifiers and free texts of Python distributions, by what they begin with or contain, to SPDX ids.
KNOWN = (
    (r"apache.*2|^apache software", "apache-2.0"),
    (r"\b3[- ]clause|^new bsd|modified bsd|bsd-3", "bsd-3-clause"),
    (r"\b2[- ]clause|simplified bsd|bsd-2", "bsd-2-clause"),
    (r"^bsd", "bsd-3-clause"),
    (r"^(the )?mit\b", "mit"),
    (r"python software foundation|^psf|^python-2", "psf-2.0"),
    (r"mozilla.*2|mpl.*2", "mpl-2.0"),
    (r"^isc", "isc"),
    (r"^hpnd|historical permission", "hpnd"),
    (r"mit-cmu", "mit-cmu"),
    (r"lesser general.*3|lgpl.*3", "lgpl-3.0"),
    (r"lesser general|lgpl", "lgpl-2.1"),
    (r"gpl.*3|general public license v3", "gpl-3.0"),
    (r"gpl.*2|general public license v2", "gpl-2.0"),
    (r"unlicense", "unlicense"),
    (r"public domain", "public-domain"),
)


class Licences(Spec):
    """Whose text may be trained on. ``unknown`` allows documents that state no licence."""

    allow: tuple[str, ...] = Field(description="licences as SPDX ids or the team's own names, such as internal")

    def permits(self, licence: str | None) -> bool:
        """Whether text of this licence may be used: all parts of an "A AND B", any part of an "A OR B"."""
        allowed = {normal(name) for name in self.allow}
        choices = re.split(r"-or-", normal(licence or "unknown"))
        return any(all(part.strip("()") in allowed for part in re.split(r"-and-", choice)) for choice in choices)


def normal(licence: str) -> str:
    """Lower case, hyphens for spaces: ``CC BY-SA`` and ``cc-by-sa`` are one."""
    return re.sub(r"[\s_]+", "-", licence.strip().lower())


def of_distribution(metadata: PackageMetadata) -> str | None:
    """The licence of an installed distribution: its SPDX expression, else a classifier, else its free text."""
    fields = metadata.json  # names in lower case with underscores (PEP 566)
    expression = fields.get("license_expression")
    if expression:
        return normal(str(expression))
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    texts = [c.split(" :: ")[-1] for c in classifiers]
    # A free text may be the whole licence: its first line names it, or the first 200 characters do.
    free = str(fields.get("license") or "").strip()
    texts = [free.splitlines()[0][:200] if free else "", *texts] if free else texts
    for text in texts:
        for pattern, name in KNOWN:
            if re.search(pattern, text.strip().lower()):
                return name
    return None
