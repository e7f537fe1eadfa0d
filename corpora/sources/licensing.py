"""Which licence applies: the record's, else its data set's, else the recipe's; a contradiction is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from pydantic import Field

from corpora.metadata.licence import normal, statement
from corpora.metadata.licence_names import spdx_id
from domain.errors import UserError
from domain.spec import Spec

# Names of columns, as letters alone: those that hold a licence, and those that explain one which is called "other".
SPELLED = ("license", "licence")
LICENCE_COLUMNS = [f"{each}{more}" for each in SPELLED for more in ("", "s", "expression", "spdx")]
LICENCE_COLUMNS += [
    "spdx",
    "spdxid",
    "spdxlicense",
    "spdxlicenseidentifier",
    "maxstarsrepolicenses",
    "repolicense",
    "repolicenses",
]
EXPLAINING_COLUMNS = [f"{each}{more}" for each in SPELLED for more in ("name", "id", "type", "title", "url", "link")]
RANKS = dict.fromkeys(LICENCE_COLUMNS, 0) | dict.fromkeys(EXPLAINING_COLUMNS, 1)
BELOW = ("metadata", "meta")  # records within a record that tell of it
RELATIVE = re.compile(r"(?:[./?]|\w[\w-]*/|[\w-]+\.(?:html?|php|aspx?|txt)\b)\S*")  # of a page's links; not "internal"
HEADER_LINK = re.compile(r"<([^<>\s]{1,1000})>([^<]{0,1000})")
LICENCE_LINK = re.compile(r""";\s*rel\s*=\s*(?:license\b|"(?:[^"]*\s)?license(?:\s[^"]*)?")""", re.IGNORECASE)


class LicenceOverride(Spec):
    """The licence of all documents, whatever they state of themselves."""

    override: Annotated[str, Field(min_length=1, description="the licence that counts, whatever the records state")]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A licence, who states it, and what the record states where that was overridden."""

    licence: str | None
    stated_by: Literal["record", "data set", "recipe"] | None = None
    overridden: str | None = None


def settle(
    recipe: str | LicenceOverride | None, stated: str | None, by: Literal["record", "data set"], place: str
) -> Terms:
    """The licence that counts; raises ``UserError`` at ``place`` where the recipe states another than ``by`` does."""
    if isinstance(recipe, LicenceOverride):
        differs = stated is not None and normal(stated) != normal(recipe.override)
        return Terms(licence=recipe.override, stated_by="recipe", overridden=stated if differs else None)
    if stated is None:
        return Terms(licence=recipe, stated_by=None if recipe is None else "recipe")
    if recipe is not None and statement(recipe) is not None and normal(recipe) != normal(stated):
        raise UserError(
            place,
            f"its {by} states the licence {stated[:80]!r}, the recipe {recipe[:80]!r}",
            f"take out what is wrong, or let the recipe's count all the same: licence: {{override: {recipe[:80]}}}",
        )
    return Terms(licence=stated, stated_by=by)


def page_licence(stated: Sequence[str], url: str | None) -> str | None:
    """The licence of a page at ``url`` that states these names and addresses; several are an "and".

    An address may be relative. Beside a licence that is known, one that is not is taken for a page that explains it.
    """
    addresses = [each if url is None or spdx_id(each) else resolved(each, url) for each in stated]
    return statement([each for each in addresses if spdx_id(each)] or addresses)


def agreed(*stated: str | None) -> str | None:
    """What several say of one text: once where they say the same, else an "and"."""
    return statement(list({normal(each): each for each in reversed(stated) if each is not None}.values())[::-1])


def resolved(address: str, url: str) -> str:
    """An absolute address; a name, or what is no address, as it stands."""
    try:
        return urljoin(url, address) if RELATIVE.fullmatch(address) else address
    except ValueError:
        return address


def header_licences(link: str) -> tuple[str, ...]:
    """The addresses that a response's ``Link`` header gives as its licence (RFC 8288, RFC 4946)."""
    return tuple(address for address, parameters in HEADER_LINK.findall(link) if LICENCE_LINK.search(parameters))


def record_licence(record: Mapping[str, Any]) -> str | None:
    """What a record states as its licence, in any of the columns that are used for it; several are an "and"."""
    stated = best(record)
    if stated is None:
        for name in BELOW:
            if isinstance(within := record.get(name), dict) and (stated := best(within)) is not None:
                break
    return stated


def best(record: Mapping[str, Any]) -> str | None:
    """What the columns of one record state: those for licences, or if these say nothing or "other" what explains it."""
    ranked: tuple[list[Any], list[Any]] = ([], [])
    for name in record:
        if (rank := rank_of(name)) is not None:
            ranked[rank].append(record[name])
    first = statement(ranked[0])
    if first is not None and normal(first[:100]) != "other":
        return first
    return next((stated for value in ranked[1] if (stated := statement(value)) is not None), first)


def licence_columns(names: Iterable[str]) -> list[str]:
    """Those of a table's columns, a dot for what is below, that may state a licence."""
    chosen = []
    for name in names:
        above, _, last = name.partition(".")
        if rank_of(name) is not None or (above in BELOW and rank_of(last.partition(".")[0]) is not None):
            chosen.append(name)
    return chosen


@lru_cache(maxsize=4_096)
def rank_of(name: str) -> int | None:
    """0 for a column that holds a licence, 1 for one that explains it, None for any other."""
    return RANKS.get(re.sub(r"[\W_]+", "", str(name)[:100].rpartition(":")[2].lower()))
