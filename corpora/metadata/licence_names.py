"""Names of licences as SPDX ids: by exact spelling only, so that no licence is taken for another."""

from __future__ import annotations

import re
from functools import lru_cache

LICENCE_URL = re.compile(r"https?://(?:www\.)?([^\s?#]+?)/?(?:[?#]\S*)?")
# creativecommons.org/licenses/by-sa/4.0/deed.de; what follows the version is a jurisdiction, or a view of the page.
CC_PATH = re.compile(
    r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/([a-z]{2,4}))??(?:/(?:deed|legalcode)[\w.-]*)?"
)
CC0_PATH = re.compile(r"creativecommons\.org/publicdomain/zero/1\.0(?:/(?:deed|legalcode)[\w.-]*)?")
CC_NAME = re.compile(
    r"(?:creative-commons-)?attribution((?:[ -]+(?:noncommercial|non-commercial|sharealike|share-alike|noderivatives|"
    r"noderivs|no-derivatives|no-derivs))*)-(\d\.\d)(?:-(?:international|unported|generic))?"
)
CC_CODE = re.compile(r"cc[- ]?by((?:-(?:nc|sa|nd))*)-(\d\.\d)-(?:international|unported|generic)")
CC_WORDS = {"noncommercial": "nc", "sharealike": "sa", "noderivatives": "nd", "noderivs": "nd"}
LICENCE_PAGES = {
    "opendatacommons.org/licenses/by/1-0": "odc-by-1.0",
    "opendatacommons.org/licenses/by/1.0": "odc-by-1.0",
    "opendatacommons.org/licenses/odbl/1-0": "odbl-1.0",
    "opendatacommons.org/licenses/odbl/1.0": "odbl-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "pddl-1.0",
    "opendatacommons.org/licenses/pddl/1.0": "pddl-1.0",
    "apache.org/licenses/license-2.0": "apache-2.0",
    "apache.org/licenses/license-2.0.txt": "apache-2.0",
    "apache.org/licenses/license-2.0.html": "apache-2.0",
    "nationalarchives.gov.uk/doc/open-government-licence/version/3": "ogl-uk-3.0",
    "unlicense.org": "unlicense",
}
ID_PAGE = re.compile(
    r"(?:spdx\.org/licenses|opensource\.org/(?:licenses|license|licence))/([\w.+-]+?)(?:\.html|\.php)?"
)
# Full names, and ids of which there is one version only. Spelled as ``short`` leaves them.
LICENCE_ALIASES = {
    "apache-2": "apache-2.0",
    "apache-software-2.0": "apache-2.0",
    "apache-2.0-license": "apache-2.0",
    "expat": "mit",
    "mit-no-attribution": "mit-0",
    "3-clause-bsd": "bsd-3-clause",
    "new-bsd": "bsd-3-clause",
    "modified-bsd": "bsd-3-clause",
    "revised-bsd": "bsd-3-clause",
    'bsd-3-clause-"new"-or-"revised"': "bsd-3-clause",
    "2-clause-bsd": "bsd-2-clause",
    "simplified-bsd": "bsd-2-clause",
    'bsd-2-clause-"simplified"': "bsd-2-clause",
    "isc-license-(iscl)": "isc",
    "boost-software-1.0": "bsl-1.0",
    "mozilla-public-2.0": "mpl-2.0",
    "eclipse-public-2.0": "epl-2.0",
    "academic-free-3.0": "afl-3.0",
    "historical-permission-notice-and-disclaimer": "hpnd",
    "python-software-foundation-2.0": "psf-2.0",
    "cc0": "cc0-1.0",
    "cc-0": "cc0-1.0",
    "cc-zero": "cc0-1.0",
    "cc0-1.0-universal": "cc0-1.0",
    "creative-commons-zero-1.0-universal": "cc0-1.0",
    "creative-commons-cc0-1.0-universal": "cc0-1.0",
    "creative-commons-zero": "cc0-1.0",
    "odc-by": "odc-by-1.0",
    "open-data-commons-attribution-1.0": "odc-by-1.0",
    "odbl": "odbl-1.0",
    "open-data-commons-open-database-1.0": "odbl-1.0",
    "pddl": "pddl-1.0",
    "open-data-commons-public-domain-dedication-&-license-1.0": "pddl-1.0",
    "open-government-3.0": "ogl-uk-3.0",
} | {
    f"gnu-{family}general-public-{spelled}-{which}": f"{code}gpl-{version}-{which}"
    for family, code, versions in (("", "", "2.0 3.0"), ("lesser-", "l", "2.1 3.0"), ("affero-", "a", "3.0"))
    for version in versions.split()
    for spelled in {version, version.removesuffix(".0")}
    for which in ("only", "or-later")
}


def hyphenated(text: str) -> str:
    """Lower case, hyphens for spaces and the punctuation before them: ``CC BY-SA`` and ``cc-by-sa`` are one."""
    return re.sub(r"[:;,]*[\s_]+", "-", text.strip().lower())


def short(name: str) -> str:
    """A hyphenated name without "the", "licence", and "version" before a number: words that tell no licence apart."""
    plain = re.sub(r"-v(?:ersion)?[.-]?(?=\d)", "-", name).removeprefix("the-")
    return re.sub(r"-licen[cs]e(?=$|-\d+\.\d)", "", plain)


@lru_cache(maxsize=4_096)
def spdx_id(text: str) -> str | None:
    """The SPDX id, in lower case, that a name or address of a licence stands for; None where it is not known exactly.

    Known are the ids of the SPDX list and those that they replace (by ``license-expression``), some forty full names,
    and the addresses of Creative Commons, Open Data Commons, SPDX and the OSI.
    """
    if address := LICENCE_URL.fullmatch(text.strip()):
        return by_address(address[1].lower())
    name = hyphenated(text)
    if whole := by_name(name):
        return whole
    # "MIT License (MIT)": the brackets must hold a name of the same licence.
    if bracket := re.fullmatch(r"(.+)-\(([^()]+)\)", name):
        first = by_name(bracket[1])
        return first if first is not None and first == by_name(bracket[2]) else None
    return None


def by_name(name: str) -> str | None:
    """The id of a hyphenated name."""
    ids = spdx_ids()
    plain = short(name)
    for each in (name, plain):
        if each in ids or each in LICENCE_ALIASES:
            return ids.get(each) or LICENCE_ALIASES[each]
    if match := CC_NAME.fullmatch(plain):
        words = re.findall(r"non-?commercial|share-?alike|no-?deriv(?:ative)?s", match[1])
        return ids.get("-".join(["cc-by", *(CC_WORDS[word.replace("-", "")] for word in words), match[2]]))
    if match := CC_CODE.fullmatch(plain):
        return ids.get(f"cc-by{match[1]}-{match[2]}")
    return None


def by_address(path: str) -> str | None:
    """The id of a licence whose page this is; ``path`` has no scheme."""
    ids = spdx_ids()
    if CC0_PATH.fullmatch(path):
        return "cc0-1.0"
    if match := CC_PATH.fullmatch(path):
        return ids.get("-".join(filter(None, ["cc", match[1], match[2], match[3]])))
    if match := ID_PAGE.fullmatch(path):
        return ids.get(match[1])
    return LICENCE_PAGES.get(path)


@lru_cache(maxsize=1)
def spdx_ids() -> dict[str, str]:
    """The ids of the SPDX list, and older ones that they replace, in lower case, to the id that counts."""
    from license_expression import get_license_index

    current, older = dict[str, str](), dict[str, str]()
    for each in get_license_index():
        name = str(each.get("spdx_license_key") or "licenseref-").lower()
        if not each.get("is_exception") and not name.startswith("licenseref-"):  # names of somebody's own choice
            current[name] = name
            older.update(dict.fromkeys(map(str.lower, each.get("other_spdx_license_keys") or ()), name))
    # Such as GPL-2.0 for GPL-2.0-only; "GPL" alone says no version.
    return {old: name for old, name in older.items() if re.fullmatch(r"(?!licenseref-)\S*\d\S*", old)} | current
