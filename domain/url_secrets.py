"""URLs in messages, records and profiles: shown without their secrets, which come from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

HIDDEN = "***"
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>`]+")
# User and password end at the last @ of the host's part. A password that has a / of its own ends at the last @ of all,
# distinguished from a path by what follows the first colon, which is not a port.
USER = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!\d{1,5}(?:[/?#]|$)).*@)")
PARAMETER = re.compile(r"([?&;#])([^=&;#?]+)=([^&#]*)")
# Names of what signs or unlocks: Amazon's, Google's and Azure's presigned addresses, and what web services call theirs.
SECRET = re.compile(
    r"sig|tok|secret|pass|pwd|key|auth|cred|sess|polic|cookie|hmac|jwt|bearer|code|nonce|otp|\bpin\b|^x-|^se$|^sp$|^sv$"
    r"|^sr$|^st$|^exp",
    re.IGNORECASE,
)
RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_.~%-]{20,}")  # a value that looks drawn at random
VARIABLE = re.compile(r"\$\{([^}]*)\}")


def shown(text: str) -> str:
    """The text with every URL in it as it may be shown and kept: without user, password and secret parameters.

    A parameter is secret by its name, such as ``X-Amz-Signature``, ``sig`` or ``token``, or by a value of 20 or more
    random letters and digits.
    """
    return URL.sub(lambda match: _shown(match[0]), text) if "://" in text else text


def _shown(url: str) -> str:
    return PARAMETER.sub(_parameter, USER.sub("", url))


def _parameter(match: re.Match[str]) -> str:
    secret = SECRET.search(match[2]) or RANDOM.fullmatch(match[3])
    return f"{match[1]}{match[2]}={HIDDEN if secret else match[3]}"


def has_user(text: str) -> bool:
    """Whether a URL in the text names a user, with or without a password."""
    return any(USER.search(match[0]) for match in URL.finditer(text)) if "://" in text else False


def has_secret(text: str) -> bool:
    """Whether ``shown`` would hide something of the text."""
    return shown(text) != text


def each_string(value: object, change: Callable[[str], str]) -> object:
    """A JSON value with ``change`` applied to every string in it, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key) if isinstance(key, str) else key: each_string(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [each_string(one, change) for one in value]
    return value


def from_environment(text: str) -> str:
    """The text with that environment variable for each ``${NAME}``; raises ``ValueError`` where it is not set."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ValueError(f"names the environment variable {match[1]}, which is not set; set it")
        return os.environ[match[1]]

    return VARIABLE.sub(value, text)
