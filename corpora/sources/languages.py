"""Languages under one code each, however a page, a feed or a crawl names them."""

from __future__ import annotations

import re


def short(code: str | None) -> str | None:
    """A language's two letters (ISO 639-1) for its three, by CLDR; what has none stays."""
    from babel.core import get_global

    if not code:
        return None
    main = re.split(r"[-_]", code.lower(), maxsplit=1)[0]
    return str(get_global("language_aliases").get(main, main))
