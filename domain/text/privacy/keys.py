"""Forms of keys and tokens: what services issue with a mark of their own, private keys, and named secrets."""

from __future__ import annotations

import math
import re
from collections import Counter

from domain.text.privacy.find import Form, Places, Spans
from domain.text.privacy.numbers import before

# As the services document them: AWS, GitHub, GitLab, Slack, Stripe, Google, OpenAI and Anthropic, Hugging Face, npm.
MARKS = ("AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk_live_", "rk_live_",
         "AIza", "sk-", "hf_", "npm_", "eyJ")  # fmt: skip
ISSUED = re.compile(
    r"(?<![A-Za-z0-9_-])(?:A[KS]IA[A-Z0-9]{16}|gh[opsru]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|glpat-[A-Za-z0-9_-]{20,64}|xox[a-z]-[A-Za-z0-9-]{10,250}|[sr]k_live_[A-Za-z0-9]{16,128}|AIza[A-Za-z0-9_-]{35}"
    r"|sk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,200}|hf_[A-Za-z0-9]{30,64}|npm_[A-Za-z0-9]{36}"
    # A JSON web token: two objects in base64url, which begin with {", and a signature (RFC 7519).
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,1000})(?![A-Za-z0-9_])"
)
PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----[^-\x00]{1,10000}-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----")
VALUE = re.compile(r"(?<![A-Za-z0-9+/_.~-])[A-Za-z0-9+/_.~-]{16,200}={0,2}(?![A-Za-z0-9+/_~-])")
NAMED = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|pwd|credential)s?[\"'\]]{0,2}\s{0,3}(?::=|=>|[:=])\s{0,3}[\"'`]?\Z|bearer \Z",
    re.IGNORECASE,
)
NAMES = ("ey", "EY", "oken", "OKEN", "ecret", "ECRET", "assw", "ASSW", "pwd", "PWD", "redential", "earer ")
ENTROPY = 3.5  # bits a character: random hexadecimal digits have up to 4, a sentence in snake_case below 3.5


def _named(match: re.Match[str]) -> int:
    value = match[0]
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) if mixed and NAMED.search(before(match, 24)) and entropy(value) >= ENTROPY else 0


def entropy(text: str) -> float:
    """Bits a character, from the text's own frequencies (Shannon 1948)."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def named(places: Places) -> Spans:
    """Behind each = and : that could give a name its value."""
    return places.marks(("=", ": ", ':"', "earer "), 240) if any(name in places.text for name in NAMES) else []


KEY_FORMS = (
    Form("key", PEM, lambda places: places.marks(("-----BEGIN ",), 10_200)),
    Form("key", ISSUED, lambda places: places.marks(MARKS, 11_100)),
    Form("key", VALUE, named, _named),
)
