"""URLs without their secrets: the name of a file or page whose URL has a signature or token."""

from __future__ import annotations

import re

from domain import url_secrets


def is_web(path: str) -> bool:
    """Whether this is a URL of plain http or https."""
    return path.lower().startswith(("http://", "https://"))


def unsigned(url: str) -> str:
    """The URL without its user and the parameters that are secret by their names: the same one when it is signed anew.
    By it files are cached and stamped; it is never asked."""
    left = url_secrets.PARAMETER.sub(
        lambda match: "" if url_secrets.SECRET.search(match[2]) else match[0], url_secrets.USER.sub("", url)
    )
    return re.sub(r"^([^?#]*)&", r"\1?", left)


def bare(path: str) -> str:
    """A URL of the web without query and fragment, whose ending says what the file is; any other path as it is."""
    return re.split(r"[?#]", path, maxsplit=1)[0] if is_web(path) else path
